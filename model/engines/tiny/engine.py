"""The tiny engine: espeak-ng with a speaker's pitch, pace and long-term spectrum, fitted in a second or two.

For tests and for reading first: intelligible and honest, yet nobody would take it for the speaker.
"""

import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from model.engines.protocol import FineTuneConfig, Progress, SpeechModel, TrainingClip
from model.engines.tiny.espeak import SAMPLE_RATE, Espeak


class TinyEngine:
    """Implements `Engine`; its models and runs share one espeak-ng, which is loaded when first needed."""

    sample_rate = SAMPLE_RATE
    languages: tuple[str, ...] = ("en",)
    stages: tuple[str, ...] = ("prosody", "voice")
    strengths: tuple[float, ...] = (1.0,)

    def prepare_weights(self) -> None:
        """See that espeak-ng loads; WeightsUnavailable when it does not."""
        _ = self._espeak

    def fine_tune(self, clips: Sequence[TrainingClip], config: FineTuneConfig, folder: Path) -> Iterator[Progress]:
        """Train on clips in the time given; see `Engine.fine_tune`. Raises LanguageNotSupported too."""
        started = time.monotonic()
        from model.engines.tiny.speech import check_language
        from model.engines.tiny.training import fine_tune

        check_language(config.language)
        yield from fine_tune(clips, config, folder, espeak=self._espeak, started=started)

    def set_strength(self, folder: Path, strength: float) -> None:
        """Nothing to set: there is one strength."""

    def load(self, folder: Path | None, *, strength: float | None = None) -> SpeechModel:
        """The base model (None), or the fine-tune in `folder`; WeightsUnavailable when it is missing or broken."""
        from model.engines.tiny.parameters import MODEL_FILE, base_parameters, read_parameters
        from model.engines.tiny.speech import TinySpeechModel

        if folder is None:
            return TinySpeechModel(base_parameters(), espeak=self._espeak, is_base=True)
        parameters, _ = read_parameters(folder / MODEL_FILE)
        return TinySpeechModel(parameters, espeak=self._espeak, is_base=False)

    @cached_property
    def _espeak(self) -> Espeak:
        return Espeak()
