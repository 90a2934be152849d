"""`/stt`: what is said in a recording."""

import shutil
from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, Query, Request, UploadFile
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.websockets import WebSocket

from model.errors import ModelNotFound
from playground.api.dependencies import GivenParts
from playground.api.errors import NotOffered, error_response, fault_of
from playground.api.security import LARGEST_HEARD
from playground.api.streaming import while_connected
from playground.parts import Parts
from playground.recognition_process import Hearing
from playground.services.errors import Refused
from playground.services.recognition import NAMES, HeardRecording

router = APIRouter(tags=["recognition"])

RawEncoding = Literal["pcm_s16le", "pcm_s32le", "pcm_f16le", "pcm_f32le", "pcm_mulaw", "pcm_alaw"]


class Word(BaseModel):
    word: str
    start: float
    end: float


class Transcript(BaseModel):
    """What was heard."""

    type: Literal["transcript"] = "transcript"
    text: str
    language: str
    duration: float
    words: list[Word] | None = None
    request_id: str


@router.post("/stt", response_model_exclude_none=True)
async def transcribe(
    request: Request,
    parts: GivenParts,
    file: Annotated[UploadFile, File(description="A recording in any format, an hour and 100 MB at most.")],
    model: Annotated[str, Form()],
    language: Annotated[str, Form()] = "en",
    granularities: Annotated[list[str], Form(alias="timestamp_granularities[]", description="`word`")] = [],  # noqa: B006
    encoding: Annotated[RawEncoding | None, Query(description="Of samples without a header.")] = None,
    sample_rate: Annotated[int | None, Query(ge=8000, le=192_000)] = None,
) -> Transcript:
    """Recognition by Whisper base; every known name of a model means it. Costs nothing."""
    if (encoding is None) != (sample_rate is None):
        raise Refused("Give encoding and sample_rate together, or none of them for files with a header.")
    heard = await heard_in(
        file, request, parts, model=model, language=language, encoding=encoding or "", sample_rate=sample_rate or 0
    )
    return Transcript(
        text=heard.text,
        language=heard.language,
        duration=round(heard.duration_seconds, 3),
        words=words_of(heard) if "word" in granularities else None,
        request_id=request.state.request_id,
    )


@router.websocket("/stt/websocket")
@router.websocket("/stt/turns/websocket")
async def refuse_socket(socket: WebSocket) -> None:
    """The handshake is answered with 501."""
    fault = fault_of(NotOffered("Recognition while one speaks is not offered here yet; send whole recordings to /stt."))
    await socket.send_denial_response(error_response(socket, **vars(fault)))


async def heard_in(
    file: UploadFile,
    request: Request,
    parts: Parts,
    *,
    model: str,
    language: str,
    encoding: str = "",
    sample_rate: int = 0,
) -> HeardRecording:
    """What is said in an upload; the work ends when the client goes away. Raises ModelNotFound and others."""
    if model not in NAMES:
        raise ModelNotFound(f"There is no model {model!r} for recognition. Known names: {', '.join(NAMES)}.")
    if (file.size or 0) > LARGEST_HEARD:
        raise HTTPException(413, f"The recording is larger than {LARGEST_HEARD // 1024**2} MB. Send it in parts.")
    with parts.storage.media.scratch_folder() as folder:
        path = folder / "recording"
        with path.open("wb") as copy:
            await run_in_threadpool(shutil.copyfileobj, file.file, copy)
        asked = Hearing(
            path=path,
            name=f"“{file.filename or 'recording'}”",
            language=language,
            encoding=encoding,
            sample_rate=sample_rate,
        )
        heard = await while_connected(request, lambda left: parts.recognition.hear(asked, left))
    if heard is None:
        raise ClientDisconnect
    return heard


def words_of(heard: HeardRecording) -> list[Word]:
    """All words with their times."""
    return [
        Word(word=word.text, start=word.start, end=word.end) for segment in heard.segments for word in segment.words
    ]
