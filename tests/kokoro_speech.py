"""Real speech for the tests of the Kokoro engine, as its clips are: mono 16-bit WAV at 24 kHz."""

import csv
from pathlib import Path

import soundfile
import soxr

from model.engines.protocol import TrainingClip

SPEECH = Path(__file__).parent / "data" / "speech"


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
