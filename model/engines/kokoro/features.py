"""What is measured on a waveform: pitch and energy of each 12.5 ms frame, and the bandwidth of the recordings."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.engines.kokoro.decoder import SAMPLE_RATE, SAMPLES_PER_F0_FRAME

if TYPE_CHECKING:
    from torch import Tensor

    from model.engines.protocol import Waveform

Floats = NDArray[np.float64]

F_MIN, F_MAX = 65.0, 500.0
_RATE = SAMPLE_RATE // 2
_WINDOW = 3 * _RATE // 65
_N_FFT = 2048
_CANDIDATES = 6
# The costs of P. Boersma, "Accurate short-term analysis of the fundamental frequency" (1993), as Praat sets them.
_VOICING_THRESHOLD, _SILENCE_THRESHOLD = 0.45, 0.03
_OCTAVE_COST, _JUMP_COST, _VOICING_COST = 0.01, 0.35, 0.14


def pitch_of(waveform: "Waveform") -> NDArray[np.float32]:
    """F0 in Hz of every 300 samples of a 24 kHz waveform, 0 where unvoiced: `(samples // 300,)`.

    Autocorrelation over that of the window, and the cheapest path through its peaks (Boersma 1993).
    """
    count = len(waveform) // SAMPLES_PER_F0_FRAME
    if count == 0:
        return np.zeros(0, dtype=np.float32)
    frequencies, strengths = _pitch_candidates(waveform, count)
    return _cheapest_path(frequencies, strengths).astype(np.float32)


def _pitch_candidates(waveform: "Waveform", count: int) -> tuple[Floats, Floats]:
    """Frequencies and strengths `(frames, 1 + candidates)`; the first column is "unvoiced" with frequency 0."""
    from scipy.signal import decimate

    signal = decimate(waveform.astype(np.float64), 2)
    hop = SAMPLES_PER_F0_FRAME // 2
    padded = np.pad(signal, (_WINDOW // 2 - hop // 2, _WINDOW + hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::hop][:count]
    loudness = np.abs(frames).max(axis=1) / max(np.abs(signal).max(), 1e-9)
    window = np.hanning(_WINDOW)
    correlation = _autocorrelation((frames - frames.mean(axis=1, keepdims=True)) * window)
    correlation /= np.maximum(_autocorrelation(window[None])[0], 1e-9)
    frequencies, heights = _peaks(correlation)
    unvoiced = _VOICING_THRESHOLD + np.maximum(0, 2 - (loudness / _SILENCE_THRESHOLD) * (1 + _VOICING_THRESHOLD))
    with np.errstate(divide="ignore"):
        octaves = np.where(frequencies > 0, np.log2(np.maximum(frequencies, 1) / F_MIN), 0)
    strengths = np.where(frequencies > 0, heights + _OCTAVE_COST * octaves, -np.inf)
    return (
        np.concatenate([np.zeros((count, 1)), frequencies], axis=1),
        np.concatenate([unvoiced[:, None], strengths], axis=1),
    )


def _autocorrelation(frames: Floats) -> Floats:
    power = np.abs(np.fft.rfft(frames, _N_FFT)) ** 2
    correlation = np.fft.irfft(power)[:, : _WINDOW // 2]
    return correlation / np.maximum(correlation[:, :1], 1e-12)


def _peaks(correlation: Floats) -> tuple[Floats, Floats]:
    """The highest peaks of each frame: frequencies and heights `(frames, candidates)`, frequency 0 where none."""
    shortest, longest = int(_RATE / F_MAX), int(_RATE / F_MIN)
    middle = correlation[:, shortest:longest]
    before, after = correlation[:, shortest - 1 : longest - 1], correlation[:, shortest + 1 : longest + 1]
    is_peak = (middle > before) & (middle >= after) & (middle > _VOICING_THRESHOLD / 2)
    order = np.argsort(np.where(is_peak, -middle, np.inf), axis=1)[:, :_CANDIDATES]
    left, top, right = (np.take_along_axis(part, order, axis=1) for part in (before, middle, after))
    curve = np.minimum(left - 2 * top + right, -1e-9)
    offset = np.clip(0.5 * (left - right) / curve, -0.5, 0.5)
    heights = np.minimum(top - 0.25 * (left - right) * offset, 1.0)
    found = np.take_along_axis(is_peak, order, axis=1)
    return np.where(found, _RATE / (order + shortest + offset), 0.0), heights


def _cheapest_path(frequencies: Floats, strengths: Floats) -> Floats:
    """One frequency a frame, weighing strength against jumps and changes of voicing (Viterbi)."""
    # The published costs are for 10 ms frames.
    per_frame = 0.01 * SAMPLE_RATE / SAMPLES_PER_F0_FRAME
    voiced = frequencies > 0
    logs = np.log2(np.where(voiced, frequencies, 1.0))
    total = strengths[0]
    came_from = np.zeros(frequencies.shape, dtype=np.int64)
    for frame in range(1, len(frequencies)):
        both = voiced[frame - 1][:, None] & voiced[frame][None]
        change = voiced[frame - 1][:, None] != voiced[frame][None]
        jump = np.abs(logs[frame - 1][:, None] - logs[frame][None])
        cost = per_frame * (_JUMP_COST * jump * both + _VOICING_COST * change)
        reached = total[:, None] - cost
        came_from[frame] = reached.argmax(axis=0)
        total = reached.max(axis=0) + strengths[frame]
    path = np.empty(len(frequencies))
    state = int(total.argmax())
    for frame in range(len(frequencies) - 1, -1, -1):
        path[frame] = frequencies[frame, state]
        state = int(came_from[frame, state])
    return path


def energy_of(waveform: "Tensor") -> "Tensor":
    """Log energy of every 300 samples, `(samples // 300,)`, as the base model was trained on.

    The norm over 80 mels whose filter bank is torchaudio's default for 16 kHz, whatever the real rate (StyleTTS 2).
    """
    import torchaudio

    mel = torchaudio.transforms.MelSpectrogram(
        sample_rate=16_000, n_fft=2048, win_length=1200, hop_length=SAMPLES_PER_F0_FRAME, n_mels=80
    ).to(waveform.device)
    return (1e-5 + mel(waveform)).norm(dim=0).log()[: waveform.shape[-1] // SAMPLES_PER_F0_FRAME]


def mean_spectrum(waveforms: Sequence["Waveform"], n_fft: int = 1024) -> Floats:
    """Mean power of the louder half of the frames, `(n_fft // 2 + 1,)`, 0 to 12 kHz."""
    power = np.concatenate([_power_frames(waveform, n_fft) for waveform in waveforms])
    loudness = power.sum(axis=1)
    return power[loudness >= np.median(loudness)].mean(axis=0)


def _power_frames(waveform: "Waveform", n_fft: int) -> Floats:
    padded = np.pad(waveform, (0, max(0, n_fft - len(waveform))))
    frames = np.lib.stride_tricks.sliding_window_view(padded, n_fft)[:: n_fft // 2]
    return np.abs(np.fft.rfft(frames * np.hanning(n_fft))) ** 2


def bandwidth_of(waveforms: Sequence["Waveform"]) -> float:
    """The frequency in Hz where the recordings end: the first above 3 kHz that is 60 dB below the loudest."""
    spectrum = mean_spectrum(waveforms)
    level = 10 * np.log10(np.maximum(spectrum, 1e-20))
    frequencies = np.linspace(0, SAMPLE_RATE / 2, len(level))
    absent = frequencies[(frequencies > 3000) & (level < level.max() - 60)]
    return float(absent[0]) if len(absent) else SAMPLE_RATE / 2


def band_levels(waveform: "Waveform", bands: int, *, f_min: float = 100.0, f_max: float = 6500.0) -> Floats:
    """Long-term level of mel-spaced bands in dB about their mean, `(bands,)`: the voice's colour."""
    spectrum = mean_spectrum([waveform], n_fft=2048)
    frequencies = np.linspace(0, SAMPLE_RATE / 2, len(spectrum))
    mel_edges = np.linspace(np.log1p(f_min / 700), np.log1p(f_max / 700), bands + 1)
    edges = 700 * np.expm1(mel_edges)
    levels = np.empty(bands)
    for band, (low, high) in enumerate(pairwise(edges)):
        inside = (frequencies >= low) & (frequencies < high)
        levels[band] = 10 * np.log10(spectrum[inside].mean() + 1e-12)
    return levels - levels.mean()
