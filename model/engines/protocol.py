"""What every engine can do, and the values that pass between an engine and those who call it.

Import of this module stays light: it needs no torch, so that the page's process may use the values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Waveform = NDArray[np.float32]
    """float32 in [-1, 1], shape (samples,), at the engine's sample rate."""
    Style = NDArray[np.float32]
    """What an engine makes of a reference clip: float32, shape (style_size,)."""

MIN_CLIP_SECONDS = 1.0
MAX_CLIP_SECONDS = 12.0


@dataclass(frozen=True, kw_only=True)
class TrainingClip:
    """One clip of a run: mono 16-bit PCM WAV at 24 kHz, with what is said in it."""

    id: str
    path: Path
    transcript: str
    duration_seconds: float


@dataclass(frozen=True, kw_only=True)
class FineTuneConfig:
    """What one run may spend, and on what.

    `seconds` is wall-clock time for all stages of `Engine.fine_tune` together; an engine derives its number of
    steps from measured step times so that it ends within it. `max_steps` bounds the steps of each stage (for tests).
    """

    language: str
    seconds: float
    seed: int = 0
    max_steps: int | None = None

    def __post_init__(self) -> None:
        if self.seconds <= 0:
            raise ValueError(f"seconds must be above 0, not {self.seconds}")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where a run stands: `step` of `steps` in `stage`; `loss` falls; `seconds_left` counts the engine's stages."""

    stage: str
    step: int
    steps: int
    loss: float | None = None
    seconds_left: float | None = None
    message: str = ""
    speech_seconds: float | None = None
    """How much speech it learns from, as soon as that is known."""


@dataclass(frozen=True, kw_only=True)
class StockVoice:
    """A voice that comes with a base model.

    `name` is the engine's own, for `SpeechModel.stock_style`; `title` is what people read.
    """

    name: str
    title: str
    language: str
    gender: str


@dataclass(frozen=True, kw_only=True)
class Timing:
    """When a word or a phoneme is heard, in seconds from the beginning of the stretch that it comes with."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A piece of speech as it comes; the first of a phrase brings the times of all that is said in the phrase.

    `words` are those of the text as it is written, in its order: an amount that is read as several is one of them.
    `phonemes` are IPA, without marks of stress.
    """

    waveform: "Waveform"
    words: tuple[Timing, ...] = ()
    phonemes: tuple[Timing, ...] = ()


class SpeechModel(Protocol):
    """A base model, or a base model with fine-tuned weights, loaded and ready to speak."""

    def style_of(self, clip: TrainingClip, *, language: str) -> "Style":
        """The style that makes this model speak as in the clip."""
        ...

    def stock_style(self, name: str) -> "Style":
        """The style of a stock voice by its engine name; KeyError when there is none."""
        ...

    def synthesize(self, text: str, *, style: "Style", language: str, speed: float = 1.0) -> Iterator[Stretch]:
        """Speak, a stretch at a time; raises LanguageNotSupported."""
        ...


class Engine(Protocol):
    """Trains and loads models of one family. Holds no weights until asked; knows its weights folder."""

    @property
    def sample_rate(self) -> int:
        """Hz of what its models speak."""
        ...

    @property
    def languages(self) -> tuple[str, ...]:
        """Codes of the languages it speaks."""
        ...

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages of `fine_tune`, in order."""
        ...

    def prepare_weights(self) -> None:
        """Make the weights ready (convert, check hashes); quick when they are; raises WeightsUnavailable."""
        ...

    def fine_tune(self, clips: Sequence[TrainingClip], config: FineTuneConfig, folder: Path) -> Iterator[Progress]:
        """Train on clips; checkpoints and the finished model go to `folder`, each written aside and renamed.

        Called again on a folder that holds a checkpoint of the same clips, it goes on from there. Raises
        TooLittleSpeech, TrainingFailed, WeightsUnavailable.
        """
        ...

    def load(self, folder: Path | None, *, strength: float | None = None) -> SpeechModel:
        """The base model (None), or the fine-tune that `fine_tune` left in `folder`; WeightsUnavailable if broken.

        `strength` stands in for the one that was set.
        """
        ...

    @property
    def strengths(self) -> tuple[float, ...]:
        """How far a fine-tune may be taken from the base model when it speaks: most alike first, most natural last."""
        ...

    def set_strength(self, folder: Path, strength: float) -> None:
        """Let the fine-tune in `folder` speak with this strength from now on."""
        ...
