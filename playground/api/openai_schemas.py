"""What OpenAI's clients send and get, as far as it is offered here."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from model.base_models import LANGUAGE_NAMES
from model.encoding import Encoder
from playground.services.recognition import HeardRecording
from playground.services.speech_plan import SpeechRequest

SpeechFormat = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]
TranscriptFormat = Literal["json", "text", "srt", "verbose_json", "vtt"]

MEDIA_TYPES: dict[SpeechFormat, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
THEIR_MODELS = ("tts-1", "gpt-4o-mini-tts")
"""Beginnings of OpenAI's ids: the voice speaks with its own model."""
THEIR_VOICES = {
    "ash": "Michael",
    "ballad": "George",
    "cedar": "Fenrir",
    "coral": "Bella",
    "marin": "Heart",
    "sage": "Sarah",
    "shimmer": "Aoede",
    "verse": "Puck",
}
"""Names of OpenAI's voices, and the stock voices that stand in; the others bear the same names here."""


class VoiceId(BaseModel):
    id: str


class OpenAISpeech(BaseModel):
    """A text to speak."""

    model: str = Field(description="An id of `/v1/models`; for OpenAI's own ids the voice speaks with its own model.")
    input: str
    voice: str | VoiceId = Field(description="The id or the name of a voice, or the name of one of OpenAI's.")
    response_format: SpeechFormat = "mp3"
    speed: Annotated[float, Field(ge=0.25, le=4.0, description="0.5 to 2 are spoken here.")] = 1.0
    stream_format: Literal["audio", "sse"] = "audio"
    instructions: str | None = Field(None, description="Accepted; the voices here speak as their clips do.")

    @property
    def voice_name(self) -> str:
        """Id or name of a voice of the Library, or a name of OpenAI's."""
        return self.voice if isinstance(self.voice, str) else self.voice.id

    @property
    def stand_in(self) -> str:
        """Where the Library has no voice of that name, the stock voice for OpenAI's; the same name where none is."""
        return THEIR_VOICES.get(self.voice_name.lower(), self.voice_name)

    def to_request(self, voice_id: str) -> SpeechRequest:
        model_id = "" if self.model.startswith(THEIR_MODELS) else self.model
        return SpeechRequest(voice_id=voice_id, text=self.input, model_id=model_id, speed=self.speed)

    def encoder(self) -> Encoder:
        return Encoder("raw" if self.response_format == "pcm" else self.response_format)


class OpenAIModel(BaseModel):
    id: str
    created: int
    object: Literal["model"] = "model"
    owned_by: str = "voice-playground"


class OpenAIModels(BaseModel):
    object: Literal["list"] = "list"
    data: list[OpenAIModel]


def verbose(heard: HeardRecording, granularities: Sequence[str]) -> dict[str, Any]:
    """`verbose_json`: segments unless only words are asked for."""
    body: dict[str, Any] = {
        "task": "transcribe",
        "language": LANGUAGE_NAMES.get(heard.language, heard.language).lower(),
        "duration": round(heard.duration_seconds, 3),
        "text": heard.text,
    }
    if "segment" in granularities or not granularities:
        body["segments"] = [
            {"id": number, "seek": 0} | {name: value for name, value in asdict(segment).items() if name != "words"}
            for number, segment in enumerate(heard.segments)
        ]
    if "word" in granularities:
        body["words"] = [
            {"word": word.text, "start": word.start, "end": word.end}
            for segment in heard.segments
            for word in segment.words
        ]
    return body


def srt(heard: HeardRecording) -> str:
    """SubRip."""
    cues = (
        f"{number}\n{_clock(segment.start, ',')} --> {_clock(segment.end, ',')}\n{segment.text.strip()}\n"
        for number, segment in enumerate(heard.segments, 1)
    )
    return "\n".join(cues)


def vtt(heard: HeardRecording) -> str:
    """WebVTT."""
    cues = (
        f"{_clock(segment.start, '.')} --> {_clock(segment.end, '.')}\n{segment.text.strip()}\n"
        for segment in heard.segments
    )
    return "\n".join(["WEBVTT\n", *cues])


def _clock(seconds: float, mark: str) -> str:
    """`00:01:02,345`"""
    milliseconds = round(1000 * seconds)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{milliseconds // 1000:02}{mark}{milliseconds % 1000:03}"
