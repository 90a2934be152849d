"""What a recording sounds like in a few bytes, to know it again in another format."""

import itertools
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from model.audio import SAMPLE_RATE, wav_blocks

Fingerprint = NDArray[np.uint16]
"""One word of 16 bits every 46 ms, shape (words,)."""

FRAME = 8_880  # 0.37 s
HOP = 1_104  # 46 ms
BANDS = 17
BAND_HZ = (300.0, 2_000.0)
LONGEST_SECONDS = 120.0
"""As much of the beginning as is compared."""

SAME_BELOW = 0.3
"""Share of bits that differ. Two recordings differ in half of them, copies through MP3 at 32 kbit/s in a tenth; the
authors take 0.35 for 256 words."""

MOST_SHIFT = 12
"""Words (0.55 s) by which a codec's delay may move a copy."""

MIN_WORDS = 20


def fingerprint_of(wav: Path) -> Fingerprint:
    """The fingerprint of a mono 24 kHz WAV: whether each band grows against its neighbour from frame to frame.

    Haitsma and Kalker 2002, "A highly robust audio fingerprinting system", with 17 instead of 33 bands. Raises
    AudioError when `wav` cannot be read.
    """
    blocks = itertools.islice(wav_blocks(wav, block_seconds=LONGEST_SECONDS), 1)
    waveform = np.concatenate([np.zeros(0, np.float32), *blocks])
    if len(waveform) < FRAME + HOP:
        return np.zeros(0, np.uint16)
    energies = np.stack([_energies(frame) for frame in sliding_window_view(waveform, FRAME)[::HOP]])
    steps = np.diff(np.diff(energies, axis=1), axis=0) < 0
    return (steps * (1 << np.arange(BANDS - 1))).sum(axis=1).astype(np.uint16)


def _energies(frame: NDArray[np.float32]) -> NDArray[np.float64]:
    """Energy of each band, spaced evenly by logarithm, shape (17,)."""
    power = np.abs(np.fft.rfft(frame * np.hanning(FRAME))) ** 2
    edges = np.round(np.geomspace(*BAND_HZ, num=BANDS + 1) * FRAME / SAMPLE_RATE).astype(int)
    return np.add.reduceat(power, edges)[:BANDS].astype(np.float64)


def is_same(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether two recordings begin with the same sound; frames that are silent in both say nothing."""
    return any(_difference(one, other, shift) < SAME_BELOW for shift in range(-MOST_SHIFT, MOST_SHIFT + 1))


def _difference(one: Fingerprint, other: Fingerprint, shift: int) -> float:
    """Share of bits that differ when `other` is `shift` words late, 0 to 1."""
    one, other = one[max(-shift, 0) :], other[max(shift, 0) :]
    length = min(len(one), len(other))
    one, other = one[:length], other[:length]
    sounding = (one != 0) | (other != 0)
    if sounding.sum() < MIN_WORDS:
        return 1.0
    return float(np.bitwise_count(one ^ other)[sounding].sum()) / (sounding.sum() * (BANDS - 1))
