"""Clips and runs for the tests of the tiny engine, from the test recordings."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from model.audio import resample, write_wav
from model.engines.protocol import FineTuneConfig, Progress, TrainingClip
from model.engines.tiny.engine import TinyEngine

SPEECH = Path(__file__).parent / "data" / "speech"
SAMPLE_RATE = 24_000


def make_clips(folder: Path) -> list[TrainingClip]:
    """All test recordings as training clips in `folder`."""
    with (SPEECH / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE))
    return [_make_clip(name, transcript, folder) for name, transcript in rows]


def _make_clip(name: str, transcript: str, folder: Path) -> TrainingClip:
    waveform, sample_rate = soundfile.read(SPEECH / f"{name}.flac", dtype="float32")
    waveform = resample(waveform, source_rate=sample_rate, target_rate=SAMPLE_RATE)
    write_wav(folder / f"{name}.wav", waveform, SAMPLE_RATE)
    return TrainingClip(
        id=name,
        path=folder / f"{name}.wav",
        transcript=transcript,
        duration_seconds=len(waveform) / SAMPLE_RATE,
    )


def train(clips: Sequence[TrainingClip], folder: Path, *, max_steps: int | None = 60) -> list[Progress]:
    """A whole run of few steps."""
    config = FineTuneConfig(language="en", seconds=600, max_steps=max_steps)
    return list(TinyEngine().fine_tune(clips, config, folder))


def tone(frequency_hz: float, *, seconds: float = 1.0, harmonics: int = 6) -> np.ndarray:
    """A harmonic tone at 24 kHz, whose harmonics fall by 6 dB an octave."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    partials = [np.sin(2 * np.pi * n * frequency_hz * time) / n for n in range(1, harmonics + 1)]
    return (0.2 * np.sum(partials, axis=0)).astype(np.float32)
