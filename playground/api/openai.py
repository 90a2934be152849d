"""`/v1`: speech and recognition as OpenAI's clients ask for them."""

import threading
from base64 import b64encode
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, PlainTextResponse

from model.base_models import BASE_MODELS
from model.errors import ModelNotFound
from playground.api import openai_schemas as schemas
from playground.api.dependencies import GivenLimiter, GivenParts
from playground.api.errors import EXPECTED, NotOffered, fault_of, openai_fault
from playground.api.recognition import heard_in
from playground.api.schemas import OpenAIError
from playground.api.speech import encoded, event, headers_of
from playground.api.streaming import Live, LiveResponse
from playground.parts import Parts
from playground.services.recognition import NAMES
from storage.errors import NotFound
from storage.records import Voice

router = APIRouter(
    prefix="/v1", tags=["openai"], responses={"4XX": {"model": OpenAIError}, "5XX": {"model": OpenAIError}}
)

AUDIO = {200: {"content": {kind: {} for kind in schemas.MEDIA_TYPES.values()}, "description": "Audio, in chunks."}}
WHISPER_DAY = "2022-09-21"


@router.post("/audio/speech", response_class=Response, responses=AUDIO)  # type: ignore[arg-type]
async def create_speech(
    body: schemas.OpenAISpeech, request: Request, parts: GivenParts, limiter: GivenLimiter
) -> Response:
    """Sound as it is spoken, or with `stream_format: sse` events of it in base64, whose usage counts characters."""
    voice = await run_in_threadpool(_voice_of, body, parts)
    plan = await run_in_threadpool(parts.speech.plan, body.to_request(voice.id))
    left = threading.Event()
    sound = encoded(parts.speech.stretches(plan, left=left), body.encoder())
    is_sound = body.stream_format == "audio"
    live = Live(sound if is_sound else _events(sound, len(body.input)), limiter, left)
    await live.begin(request)
    kind = schemas.MEDIA_TYPES[body.response_format] if is_sound else "text/event-stream"
    return LiveResponse(live, media_type=kind, headers=headers_of(plan))


@router.get("/models")
def list_openai_models() -> schemas.OpenAIModels:
    days = {base.id: base.id[-len(WHISPER_DAY) :] for base in BASE_MODELS} | {NAMES[0]: WHISPER_DAY}
    return schemas.OpenAIModels(data=[_model(id, day) for id, day in days.items()])


@router.get("/models/{model_id}")
def get_openai_model(model_id: str) -> schemas.OpenAIModel:
    for model in list_openai_models().data:
        if model.id == model_id:
            return model
    raise ModelNotFound(f"There is no model {model_id!r} here; /v1/models lists them.")


@router.post("/audio/transcriptions", response_class=Response)
async def create_transcription(
    request: Request,
    parts: GivenParts,
    file: Annotated[UploadFile, File(description="A recording in any format, an hour and 100 MB at most.")],
    model: Annotated[str, Form(description="whisper-1 or another name; all mean Whisper base.")],
    language: Annotated[str, Form(description="Detected when it is not given.")] = "",
    response_format: Annotated[schemas.TranscriptFormat, Form()] = "json",
    granularities: Annotated[list[str], Form(alias="timestamp_granularities[]")] = [],  # noqa: B006
    stream: Annotated[bool, Form()] = False,
) -> Response:
    """Recognition by Whisper base; `prompt` and `temperature` are accepted and change nothing."""
    if stream:
        raise NotOffered("Transcripts are not streamed here; leave stream out.")
    heard = await heard_in(file, request, parts, model=model, language=language)
    match response_format:
        case "json":
            return JSONResponse({"text": heard.text})
        case "verbose_json":
            return JSONResponse(schemas.verbose(heard, granularities))
        case "text":
            return PlainTextResponse(heard.text + "\n")
        case "srt":
            return PlainTextResponse(schemas.srt(heard))
        case "vtt":
            return PlainTextResponse(schemas.vtt(heard), media_type="text/vtt")


def _voice_of(body: schemas.OpenAISpeech, parts: Parts) -> Voice:
    """One's own voice of a name comes before the stock voice that stands in for OpenAI's; raises NotFound."""
    try:
        return parts.voices.called(body.voice_name)
    except NotFound:
        return parts.voices.called(body.stand_in)


def _model(id: str, day: str) -> schemas.OpenAIModel:
    return schemas.OpenAIModel(id=id, created=int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()))


def _events(sound: Generator[bytes], characters: int) -> Generator[bytes]:
    """The last one says what broke the speech off, if anything did, in the form that OpenAI's clients raise."""
    has_begun = False
    try:
        with closing(sound):
            for piece in sound:
                has_begun = True
                yield event({"type": "speech.audio.delta", "audio": b64encode(piece).decode()})
    except EXPECTED as error:
        if not has_begun:
            raise
        yield event({"type": "error", "error": openai_fault(**vars(fault_of(error))).model_dump()})
        return
    usage = {"input_tokens": characters, "output_tokens": 0, "total_tokens": characters}
    yield event({"type": "speech.audio.done", "usage": usage})
