"""Real speech for the benches of samples: prompts of several speakers, joined to files of half a minute."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bench.spoiling import Waveform
from model.audio import SAMPLE_RATE, read_wav

FILE_SECONDS = 35.0
LEAST_SECONDS = 1.5
PAUSE_SECONDS = (0.3, 0.9)
ROOM_TONE = 2e-4
"""RMS (-74 dBFS): real pauses are never digital silence."""


def prompts_of(folder: Path) -> list[Waveform]:
    """Recordings as bench.recordings makes them, in an order that mixes their subjects."""
    read = (read_wav(path)[0] for path in sorted(folder.glob("*.wav")))
    prompts = [waveform for waveform in read if len(waveform) >= LEAST_SECONDS * SAMPLE_RATE]
    random.Random(0).shuffle(prompts)
    return prompts


def files_of(prompts: list[Waveform], count: int) -> Iterator[Waveform]:
    """Files of prompts that are in no other one, with the pauses that readers make."""
    rng, noise = random.Random(1), np.random.default_rng(1)
    left = iter(prompts)
    for _ in range(count):
        parts: list[Waveform] = []
        while sum(map(len, parts)) < FILE_SECONDS * SAMPLE_RATE:
            parts += [next(left), np.zeros(int(rng.uniform(*PAUSE_SECONDS) * SAMPLE_RATE), np.float32)]
        waveform = np.concatenate(parts)
        yield (waveform + noise.normal(0, ROOM_TONE, len(waveform))).astype(np.float32)
