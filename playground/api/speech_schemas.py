"""What a speech request looks like, and what it means to the services."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, model_validator

from model.encoding import Encoder
from playground.api.errors import NotOffered
from playground.services.speech_plan import SpeechRequest

Encoding = Literal["pcm_f32le", "pcm_s16le", "pcm_mulaw", "pcm_alaw"]
SampleRate = Literal[8000, 16000, 22050, 24000, 44100, 48000]
BitRate = Literal[32000, 64000, 96000, 128000, 192000]

MEDIA_TYPES = {"raw": "audio/pcm", "wav": "audio/wav", "mp3": "audio/mpeg"}
UNOFFERED = ("accent", "save")
DEFAULT_BUFFER_MS = 3000
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


class Said(BaseModel):
    """What all requests for speech have. A clone speaks with its own weights when `model_id` resolves to its pin."""

    model_id: str
    transcript: str
    voice: str | VoiceById
    generation_config: GenerationConfig | None = None
    language: str | None = None
    locale: str | None = None
    speed: Literal["slow", "normal", "fast"] | None = Field(None, description="generation_config.speed wins over it.")
    normalization: str | None = Field(None, description="Accepted; texts are always normalized.")
    pronunciation_dict_id: str | None = None
    accent: str | None = None

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

    def require_offered(self) -> None:
        """Raises NotOffered for what the contract has and we have not."""
        asked = [name for name in UNOFFERED if getattr(self, name, None)]
        if asked:
            raise NotOffered(f"{asked[0]} is not offered here yet; leave it out.")

    def to_request(self) -> SpeechRequest:
        return SpeechRequest(
            voice_id=self.voice if isinstance(self.voice, str) else self.voice.id,
            text=self.transcript,
            model_id=self.model_id,
            language=self.language or self.locale or "",
            speed=self.speed_factor,
            pronunciation_dict_id=self.pronunciation_dict_id or "",
        )


class Speech(Said):
    """A text to speak in one answer."""

    output_format: Annotated[RawFormat | WavFormat | Mp3Format, Field(discriminator="container")]
    save: bool | None = None


class TimedSpeech(Said):
    """A text to speak in messages, with times on demand; they are those of the words as they are written."""

    output_format: RawFormat
    add_timestamps: bool | None = None
    add_phoneme_timestamps: bool | None = None
    use_normalized_timestamps: bool | None = Field(None, description="Accepted; words are given as they are written.")
    context_id: str | None = None


class ContextMessage(TimedSpeech):
    """A piece of the text of a context; what goes for the whole context counts as in its first message."""

    context_id: str
    goes_on: bool | None = Field(None, alias="continue")
    flush: bool | None = None
    max_buffer_delay_ms: int | None = Field(None, ge=0, le=5000)

    @property
    def is_last(self) -> bool:
        return not self.goes_on

    @property
    def buffer_seconds(self) -> float:
        """How long a text may wait for the rest of its sentence."""
        return (DEFAULT_BUFFER_MS if self.max_buffer_delay_ms is None else self.max_buffer_delay_ms) / 1000
