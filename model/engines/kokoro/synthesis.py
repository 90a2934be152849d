"""Speaking: text and style -> waveforms, phrase by phrase."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from model.engines.kokoro import phonemes, symbols
from model.engines.kokoro.decoder import SAMPLE_RATE
from model.engines.kokoro.network import LATE_FRAMES, SAMPLES_PER_FRAME, Network

if TYPE_CHECKING:
    from model.engines.protocol import Style, Waveform

PAUSE_SECONDS = 0.25
FADE_SECONDS = 0.02
PEAK_LIMIT = 0.97
SPEEDS = (0.5, 2.0)
_LEAD_FRAMES, _TAIL_FRAMES = 3, 6


def speak(network: Network, text: str, *, style: "Style", language: str, speed: float = 1.0) -> "Iterator[Waveform]":
    """Waveforms `(samples,)` at 24 kHz, one a phrase; all but the last end in a short pause."""
    import torch

    if not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise ValueError(f"speed must lie between {SPEEDS[0]} and {SPEEDS[1]}, not {speed}")
    style_tensor = torch.from_numpy(np.asarray(style, dtype=np.float32))
    pause = np.zeros(int(PAUSE_SECONDS / speed * SAMPLE_RATE), dtype=np.float32)
    previous: Waveform | None = None
    for phrase in phonemes.phrases_of(text, language):
        ids = torch.tensor(symbols.ids_of(phrase))
        rendering = network.render(ids, style_tensor, speed=speed)
        if previous is not None:
            yield np.concatenate([previous, pause])
        previous = clean_ends(rendering.waveform.numpy(), rendering.durations.tolist(), phrase)
    if previous is not None:
        yield previous


def clean_ends(waveform: "Waveform", durations: list[int], phrase: str) -> "Waveform":
    """Cut the silence before the first symbol and what the model hums after the last; fade; keep peaks below 0.97.

    `durations (symbols + 2,)` are the frames of `phrase` and of the padding around it.
    """
    closing = len(phrase) - len(phrase.rstrip("".join(symbols.PAUSES)))
    last_sound = sum(durations[: len(phrase) + 1 - closing])
    end = min(last_sound + _TAIL_FRAMES, sum(durations[:-1]) + LATE_FRAMES)
    start = max(0, durations[0] - LATE_FRAMES - _LEAD_FRAMES)
    waveform = waveform[start * SAMPLES_PER_FRAME : end * SAMPLES_PER_FRAME].copy()
    fade = min(int(FADE_SECONDS * SAMPLE_RATE), len(waveform) // 2)
    ramp = np.sin(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    waveform[:fade] *= ramp
    waveform[len(waveform) - fade :] *= ramp[::-1]
    peak = float(np.abs(waveform).max())
    return waveform if peak <= PEAK_LIMIT else waveform * (PEAK_LIMIT / peak)
