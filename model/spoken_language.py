"""Which language is spoken in a recording: Whisper's guess from half a minute of its clips."""

from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from model.audio import SAMPLE_RATE, read_wav, resample
from model.base_models import LANGUAGE_NAMES
from model.errors import WeightsUnavailable
from model.quality import Finding, Kind, Verdict
from model.transcription import WHISPER_RATE

HEARD_SECONDS = 29.0
"""Whisper hears 30 s at a time and takes as long for less."""

MIN_SECONDS = 5.0
CERTAIN_FROM = 0.8
"""Measured on four languages: the right one for all of 24 stretches of 28 s (0.96 and more) and of 10 s (0.77)."""


class LanguageListener:
    """Whisper in `model_dir` (CTranslate2's format), loaded at the first use, int8 on the CPU."""

    def __init__(self, model_dir: Path) -> None:
        self._model_dir = model_dir

    @cached_property
    def _model(self) -> Any:
        from faster_whisper import WhisperModel

        try:
            return WhisperModel(str(self._model_dir), device="cpu", compute_type="int8", local_files_only=True)
        except (RuntimeError, ValueError, OSError) as error:
            raise WeightsUnavailable(f"The speech recognition model cannot be loaded: {error}.") from error

    def guess(self, clips: Sequence[Path]) -> tuple[str, float] | None:
        """Code of two letters and its probability, from the first clips (24 kHz WAV); None below 5 s of speech."""
        heard = np.zeros(0, np.float32)
        for clip in clips:
            if len(heard) >= HEARD_SECONDS * SAMPLE_RATE:
                break
            heard = np.concatenate([heard, read_wav(clip)[0]])
        if len(heard) < MIN_SECONDS * SAMPLE_RATE:
            return None
        heard = heard[: int(HEARD_SECONDS * SAMPLE_RATE)]
        language, probability, _ = self._model.detect_language(
            audio=resample(heard, source_rate=SAMPLE_RATE, target_rate=WHISPER_RATE)
        )
        return str(language), float(probability)


def find_foreign(language: str, probability: float, expected: Collection[str]) -> Finding | None:
    """What to say of a file in which `language` is heard; `expected` are codes of two letters, none when unknown."""
    if not expected or language in expected or probability < CERTAIN_FROM:
        return None
    wanted = " or ".join(_name(code) for code in sorted(expected))
    return Finding(
        kind=Kind.LANGUAGE,
        verdict=Verdict.POOR,
        reason=f"It sounds like {_name(language)}, not {wanted}.",
        advice=f"Remove the file, or choose {_name(language)} as the clone's language.",
    )


def _name(code: str) -> str:
    return LANGUAGE_NAMES.get(code, code)
