"""Sound in files: any format read, WAV read and written, waveforms encoded. Needs ffmpeg's libraries, no program."""

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.containers import FORMATS
from model.decoding import Recording, decode_to_wav
from model.encoding import BIT_RATES, CONTAINERS, ENCODINGS, SAMPLE_RATE, EncodedFormat, Encoder, encode, encode_file
from model.errors import AudioError
from model.files import written_aside
from model.metering import decibels, loudness_of

__all__ = [
    "BIT_RATES",
    "CONTAINERS",
    "ENCODINGS",
    "FORMATS",
    "SAMPLE_RATE",
    "EncodedFormat",
    "Encoder",
    "Recording",
    "decibels",
    "decode_to_wav",
    "encode",
    "loudness_of",
    "make_preview",
    "read_wav",
    "resample",
    "wav_blocks",
    "write_wav",
]

FULL_SCALE = 2.0**15
PREVIEW_BIT_RATE = 96_000


def wav_blocks(path: Path, *, block_seconds: float = 10.0) -> Iterator[NDArray[np.float32]]:
    """Waveforms of at most `block_seconds`, each of shape (samples,), of a mono 16-bit PCM WAV of any length.

    Raises AudioError when `path` is not such a file.
    """
    try:
        with path.open("rb") as file, wave.open(file, "rb") as wav:
            if (wav.getnchannels(), wav.getsampwidth()) != (1, 2):
                raise AudioError(f"{path.name} is not mono 16-bit PCM.")
            while pcm := wav.readframes(int(block_seconds * wav.getframerate())):
                yield np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2").astype(np.float32) / FULL_SCALE
    except (wave.Error, EOFError) as error:
        raise AudioError(f"{path.name} is not a WAV file: {error}") from error


def wav_sample_rate(path: Path) -> int:
    """Hz of a WAV file; raises AudioError when it is none."""
    try:
        with path.open("rb") as file, wave.open(file, "rb") as wav:
            return wav.getframerate()
    except (wave.Error, EOFError) as error:
        raise AudioError(f"{path.name} is not a WAV file: {error}") from error


def read_wav(path: Path) -> tuple[NDArray[np.float32], int]:
    """Waveform, shape (samples,), and sample rate of a mono 16-bit PCM WAV; raises AudioError."""
    waveform = np.concatenate([np.zeros(0, np.float32), *wav_blocks(path)])
    return waveform, wav_sample_rate(path)


def write_wav(path: Path, waveform: NDArray[np.float32], sample_rate: int) -> None:
    """Write `waveform`, shape (samples,), as mono 16-bit PCM; samples beyond full scale are clipped."""
    pcm = np.clip(np.round(waveform * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
    with written_aside(path) as part, part.open("wb") as file, wave.open(file, "wb") as wav:
        wav.setparams((1, 2, sample_rate, 0, "NONE", ""))
        wav.writeframes(pcm.tobytes())


def make_preview(source: Path, target: Path) -> None:
    """Encode a mono WAV of any length as MP3 for a player."""
    form = EncodedFormat(container="mp3", bit_rate=PREVIEW_BIT_RATE)
    encode_file(wav_blocks(source), wav_sample_rate(source), form, target)


def resample(waveform: NDArray[np.float32], *, source_rate: int, target_rate: int) -> NDArray[np.float32]:
    """`waveform`, shape (samples,), at another rate."""
    if source_rate == target_rate:
        return waveform
    import soxr

    return soxr.resample(waveform, source_rate, target_rate).astype(np.float32)
