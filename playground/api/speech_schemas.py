"""What a speech request looks like, and what it means to the services."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from model.encoding import Encoder
from playground.services.speech import SpeechRequest

Encoding = Literal["pcm_f32le", "pcm_s16le", "pcm_mulaw", "pcm_alaw"]
SampleRate = Literal[8000, 16000, 22050, 24000, 44100, 48000]
BitRate = Literal[32000, 64000, 96000, 128000, 192000]

MEDIA_TYPES = {"raw": "audio/pcm", "wav": "audio/wav", "mp3": "audio/mpeg"}
SPEED_FACTORS = {"slow": 0.8, "normal": 1.0, "fast": 1.25}
"""Of the words that older clients send instead of a number."""


class RawFormat(BaseModel):
    """Samples without a header."""

    container: Literal["raw"]
    encoding: Encoding
    sample_rate: SampleRate

    def encoder(self) -> Encoder:
        return Encoder(self.container, self.encoding, self.sample_rate)


class WavFormat(BaseModel):
    """A WAV stream: its header leaves the length open."""

    container: Literal["wav"]
    encoding: Encoding = "pcm_s16le"
    sample_rate: SampleRate = 44100

    def encoder(self) -> Encoder:
        return Encoder(self.container, self.encoding, self.sample_rate)


class Mp3Format(BaseModel):
    container: Literal["mp3"]
    sample_rate: SampleRate = 44100
    bit_rate: BitRate = 128000

    def encoder(self) -> Encoder:
        return Encoder(self.container, sample_rate=self.sample_rate, bit_rate=self.bit_rate)


class VoiceById(BaseModel):
    id: str
    mode: Literal["id"] = "id"


class GenerationConfig(BaseModel):
    speed: float | None = Field(None, ge=0.6, le=1.5)
    volume: float | None = Field(None, ge=0.5, le=2.0)
    emotion: Any = Field(None, description="Accepted; the voices here speak as their reference clips do.")


class Speech(BaseModel):
    """A text to speak. A clone speaks with its own weights when `model_id` is, or resolves to, its pinned id."""

    model_id: str
    transcript: str
    voice: str | VoiceById
    output_format: Annotated[RawFormat | WavFormat | Mp3Format, Field(discriminator="container")]
    generation_config: GenerationConfig | None = None
    language: str | None = None
    locale: str | None = None
    speed: Literal["slow", "normal", "fast"] | None = Field(None, description="generation_config.speed wins over it.")
    normalization: str | None = Field(None, description="Accepted; texts are always normalized.")
    pronunciation_dict_id: str | None = None
    accent: str | None = None
    save: bool | None = None

    @model_validator(mode="after")
    def _has_one_language(self) -> Self:
        if self.language and self.locale:
            raise ValueError("set language or locale, not both")
        return self

    @property
    def volume(self) -> float:
        return (self.generation_config and self.generation_config.volume) or 1.0

    @property
    def speed_factor(self) -> float:
        return (self.generation_config and self.generation_config.speed) or SPEED_FACTORS[self.speed or "normal"]

    def to_request(self) -> SpeechRequest:
        return SpeechRequest(
            voice_id=self.voice if isinstance(self.voice, str) else self.voice.id,
            text=self.transcript,
            model_id=self.model_id,
            language=self.language or self.locale or "",
            speed=self.speed_factor,
            pronunciation_dict_id=self.pronunciation_dict_id or "",
        )
