"""Audio for the page's players and for downloads. Range requests are answered, so that players can seek."""

import re
from pathlib import Path
from typing import Literal

from fastapi import APIRouter
from fastapi.responses import FileResponse

from playground.api.datasets import file_of
from playground.api.dependencies import GivenParts
from storage.errors import NotFound

router = APIRouter(tags=["audio"])

SIGNATURES = (
    (re.compile(rb"RIFF....WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"ID3|\xff[\xe2-\xe7\xf2-\xf7\xfa-\xfb]"), "audio/mpeg"),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), "audio/aac"),
    (re.compile(rb"fLaC"), "audio/flac"),
    (re.compile(rb"OggS"), "audio/ogg"),
    (re.compile(rb"....ftyp", re.DOTALL), "audio/mp4"),
    (re.compile(rb"\x1aE\xdf\xa3"), "audio/webm"),
    (re.compile(rb"FORM....AIF", re.DOTALL), "audio/aiff"),
)
"""How files of each kind begin. What is none of them is sent as bytes that no browser plays or shows."""

NAME_LENGTH = 60


@router.get("/datasets/{dataset_id}/files/{file_id}/audio", response_class=FileResponse)
def file_audio(dataset_id: str, file_id: str, parts: GivenParts) -> FileResponse:
    """A recording, in a form that browsers play once it has been checked."""
    file = file_of(parts, dataset_id, file_id)
    return sound_response(parts.datasets.file_path(file, playable=True), "file", file_id)


@router.get("/voices/{voice_id}/preview", response_class=FileResponse)
def voice_preview(voice_id: str, parts: GivenParts) -> FileResponse:
    """A short greeting, spoken at the first request and kept; costs nothing."""
    return sound_response(parts.speech.preview_path(voice_id), "preview", voice_id)


@router.get("/voices/{voice_id}/reference", response_class=FileResponse)
def voice_reference(voice_id: str, parts: GivenParts) -> FileResponse:
    """The clip that a clone's voice comes from."""
    return sound_response(parts.voices.reference_path(parts.voices.get(voice_id)), "reference clip", voice_id)


@router.get("/speeches/{speech_id}/audio", response_class=FileResponse)
def speech_audio(
    speech_id: str, parts: GivenParts, download: bool = False, container: Literal["wav", "mp3"] = "wav"
) -> FileResponse:
    """A result of the page, to play or to save."""
    speech = parts.speech.get(speech_id)
    path = parts.speech.mp3_path(speech_id) if container == "mp3" else parts.speech.speech_path(speech_id)
    name = _file_name(speech.text, container) if download else None
    return sound_response(path, "speech", speech_id, download_as=name)


def sound_response(path: Path | None, kind: str, id: str, *, download_as: str | None = None) -> FileResponse:
    """A sound file as what its content is; raises NotFound when it is not there."""
    if path is None or not path.exists():
        raise NotFound(kind, id)
    return FileResponse(
        path, media_type=_media_type(path), filename=download_as, headers={"X-Content-Type-Options": "nosniff"}
    )


def _media_type(path: Path) -> str:
    with path.open("rb") as stream:
        start = stream.read(12)
    return next((kind for signature, kind in SIGNATURES if signature.match(start)), "application/octet-stream")


def _file_name(text: str, container: str) -> str:
    """The beginning of a text as the name of its audio file."""
    words = " ".join(re.findall(r"[\w'’-]+", text))
    return f"{words[:NAME_LENGTH].strip()}.{container}"
