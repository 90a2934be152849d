"""Real speech for the tests of the Kokoro engine, as its clips are: mono 16-bit WAV at 24 kHz."""

import csv
from dataclasses import dataclass
from pathlib import Path

import soundfile
import soxr

from model.engines.protocol import FineTuneConfig, Progress, TrainingClip

SPEECH = Path(__file__).parent / "data" / "speech"
STEPS = 6


@dataclass(frozen=True, kw_only=True)
class KokoroRun:
    """A finished fine-tune of the real base: `STEPS` steps of each stage on all the test recordings."""

    clips: list[TrainingClip]
    folder: Path
    reports: list[Progress]


def transcripts() -> dict[str, str]:
    """Name -> transcript of the test recordings."""
    with (SPEECH / "metadata.csv").open(encoding="utf-8", newline="") as file:
        return dict(csv.reader(file, delimiter="|", quoting=csv.QUOTE_NONE))


def write_clip(name: str, folder: Path) -> TrainingClip:
    """One test recording as a training clip in `folder`."""
    waveform, sample_rate = soundfile.read(SPEECH / f"{name}.flac", dtype="float32")
    waveform = soxr.resample(waveform, sample_rate, 24_000)
    path = folder / f"{name}.wav"
    soundfile.write(path, waveform, 24_000, subtype="PCM_16")
    return TrainingClip(id=name, path=path, transcript=transcripts()[name], duration_seconds=len(waveform) / 24_000)


def fine_tuned(weights_dir: Path, clips_folder: Path, folder: Path) -> KokoroRun:
    """Train for a few steps; the model is left in `folder`."""
    from model.engines.kokoro.engine import KokoroEngine

    clips = [write_clip(name, clips_folder) for name in transcripts()]
    config = FineTuneConfig(language="en", seconds=600, max_steps=STEPS)
    reports = [*KokoroEngine(weights_dir).fine_tune(clips, config, folder)]
    return KokoroRun(clips=clips, folder=folder, reports=reports)
