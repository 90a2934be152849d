"""Deliberately spoils good recordings, in the ways that people's recordings are spoilt. Waveforms are at 24 kHz."""

import random

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from model.audio import SAMPLE_RATE, loudness_of, resample

Waveform = NDArray[np.float32]

MUTATIONS = ("bits", "zeros", "cut", "hole", "doubled", "head", "swapped")


def noisy(waveform: Waveform, snr_db: float) -> Waveform:
    """White noise so far below the speech."""
    noise = np.random.default_rng(0).normal(0, 1, len(waveform))
    return (waveform + noise * _level(waveform) * 10 ** (-snr_db / 20)).astype(np.float32)


def with_music(waveform: Waveform, music: Waveform, below_db: float) -> Waveform:
    """Music under all of it, so far below the speech."""
    under = np.resize(music, len(waveform))
    gain = _level(waveform) / _level(under) * 10 ** (-below_db / 20)
    return (waveform + gain * under).astype(np.float32)


def reverberant(waveform: Waveform, seconds: float, *, direct_db: float = 0.0) -> Waveform:
    """A room in which sound takes `seconds` to fall by 60 dB; its echo is `direct_db` below the direct sound."""
    time = np.arange(int(1.2 * seconds * SAMPLE_RATE)) / SAMPLE_RATE
    room = np.random.default_rng(0).normal(0, 1, len(time)) * np.exp(-6.9 * time / seconds)
    room[: int(0.004 * SAMPLE_RATE)] = 0
    room *= 10 ** (-direct_db / 20) / np.linalg.norm(room)
    room[0] = 1
    return np.asarray(fftconvolve(waveform, room)[: len(waveform)], dtype=np.float32)


def telephone(waveform: Waveform) -> Waveform:
    """Nothing above 4 kHz."""
    narrow = resample(waveform, source_rate=SAMPLE_RATE, target_rate=8_000)
    return resample(narrow, source_rate=8_000, target_rate=SAMPLE_RATE)


def clipped(waveform: Waveform, *, ceiling: float = 1.0) -> Waveform:
    """Recorded 15 dB too loud, and turned down to `ceiling` afterwards."""
    return (np.clip(waveform / np.abs(waveform).max() * 5.6, -1, 1) * ceiling).astype(np.float32)


def quiet(waveform: Waveform, lufs: float) -> Waveform:
    """At another loudness."""
    return (waveform * 10 ** ((lufs - loudness_of(waveform, SAMPLE_RATE)) / 20)).astype(np.float32)


def half_silent(waveform: Waveform) -> Waveform:
    """As much silence as sound, in pauses of 5 s."""
    step = 5 * SAMPLE_RATE
    parts = [waveform[start : start + step] for start in range(0, len(waveform), step)]
    return np.concatenate([piece for part in parts for piece in (part, np.zeros(len(part), np.float32))])


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Damage a file's bytes in one of seven ways."""
    kind = rng.choice(MUTATIONS)
    at = rng.randrange(len(data))
    length = min(rng.choice((1, 16, 512, 20_000)), len(data) - at)
    if kind == "cut":
        return data[:at]
    if kind == "hole":
        return data[:at] + data[at + length :]
    if kind == "zeros":
        return data[:at] + bytes(length) + data[at + length :]
    if kind == "doubled":
        return data[: at + length] + data[at:]
    if kind == "swapped":
        return data[at:] + data[:at]
    spoilt = bytearray(data)
    for _ in range(rng.choice((1, 8, 64))):
        spoilt[rng.randrange(min(len(data), 256) if kind == "head" else len(data))] = rng.randrange(256)
    return bytes(spoilt)


def _level(waveform: Waveform) -> float:
    """RMS without the pauses."""
    sounding = waveform[np.abs(waveform) > 1e-3]
    return float(np.sqrt(np.mean(sounding**2))) if len(sounding) else 1.0
