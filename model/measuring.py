"""What can be measured in a stretch of speech: pitch, pace, loudness and tilt. NumPy only, quick.

All waveforms are float32 at 24 kHz, shape (samples,).
"""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from model.audio import SAMPLE_RATE, read_wav
from model.errors import AudioError

if TYPE_CHECKING:
    from model.engines.protocol import TrainingClip, Waveform

HOP_LENGTH = 240  # 10 ms
WIN_LENGTH = 960  # 40 ms: 2.6 periods at 65 Hz
F0_MIN_HZ = 65.0
F0_MAX_HZ = 450.0

_ACTIVE_DB = 35.0  # below the loudest frames: speech; further down: pause
_VOICED = 0.55
_OCTAVE_COST = 0.03  # per octave, against halved pitch
_TILT_BAND_HZ = (250.0, 4000.0)


def read_clip(clip: "TrainingClip") -> "Waveform":
    """Samples of a clip; AudioError when it cannot be read or is not at 24 kHz."""
    waveform, sample_rate = read_wav(clip.path)
    if sample_rate != SAMPLE_RATE:
        raise AudioError(f"clip {clip.id} must have {SAMPLE_RATE} Hz, not {sample_rate} Hz")
    return waveform


def frames_of(waveform: "Waveform") -> NDArray[np.float32]:
    """Overlapping frames of 40 ms every 10 ms: shape (frames, 960); at least one, padded with silence."""
    padded = np.pad(waveform, (0, max(0, WIN_LENGTH - len(waveform))))
    return sliding_window_view(padded, WIN_LENGTH)[::HOP_LENGTH]


def active_frames(frames: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which frames hold speech rather than pause: within 35 dB of the loudest, shape (frames,)."""
    power = np.mean(frames**2, axis=1)
    return power > np.quantile(power, 0.98) * 10 ** (-_ACTIVE_DB / 10)


def speech_frames(waveform: "Waveform") -> NDArray[np.float32]:
    """The frames that hold speech, shape (frames, 960); AudioError when the waveform is silent."""
    frames = frames_of(waveform)
    frames = frames[active_frames(frames)]
    if not len(frames):
        raise AudioError("it is silent")
    return frames


def active_seconds(waveform: "Waveform") -> float:
    """Seconds of speech without its pauses."""
    return float(active_frames(frames_of(waveform)).sum()) * HOP_LENGTH / SAMPLE_RATE


def loudness_db(waveform: "Waveform") -> float:
    """RMS of the speech without its pauses, in dBFS; AudioError when the waveform is silent."""
    return float(10 * np.log10(np.mean(speech_frames(waveform) ** 2)))


def pitch_hz(waveform: "Waveform") -> NDArray[np.float64]:
    """Fundamental frequency in Hz of the voiced frames, one every 20 ms, shape (voiced,); AudioError for silence.

    Autocorrelation divided by that of the window (Boersma 1993, "Accurate short-term analysis of the
    fundamental frequency"), with a parabola through the best peak.
    """
    frames = speech_frames(waveform)[::2]
    window = np.hanning(WIN_LENGTH).astype(np.float32)
    correlation = _autocorrelation((frames - frames.mean(axis=1, keepdims=True)) * window)
    correlation /= _autocorrelation(window[None])
    shortest, longest = int(SAMPLE_RATE / F0_MAX_HZ), int(SAMPLE_RATE / F0_MIN_HZ)
    lags = np.arange(shortest, longest)
    score = correlation[:, lags] - _OCTAVE_COST * np.log2(lags / shortest)
    rows = np.arange(len(score))
    best = lags[np.argmax(score, axis=1)]
    before, peak, after = (correlation[rows, best + shift] for shift in (-1, 0, 1))
    curvature = before - 2 * peak + after
    is_peak = (peak > _VOICED) & (peak >= before) & (peak >= after) & (curvature < 0)
    shift = 0.5 * (before - after)[is_peak] / curvature[is_peak]
    return SAMPLE_RATE / (best[is_peak] + shift)


def tilt_db_per_octave(waveform: "Waveform") -> float:
    """Slope of the long-term average spectrum from 250 Hz to 4 kHz in dB an octave; AudioError for silence."""
    power = np.mean(np.abs(np.fft.rfft(speech_frames(waveform) * np.hanning(WIN_LENGTH))) ** 2, axis=0)
    frequency = np.fft.rfftfreq(WIN_LENGTH, 1 / SAMPLE_RATE)
    edges = np.geomspace(*_TILT_BAND_HZ, num=13)  # thirds of an octave
    bands = [power[(frequency >= low) & (frequency < high)].mean() for low, high in pairwise(edges)]
    octaves = np.log2(edges[1:])
    return float(np.polyfit(octaves, 10 * np.log10(np.array(bands) + 1e-12), 1)[0])


def _autocorrelation(frames: NDArray[np.float32]) -> NDArray[np.float32]:
    """Autocorrelation of each row over its value at lag 0, shape (rows, 960)."""
    spectrum = np.fft.rfft(frames, n=2 * WIN_LENGTH)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2)[:, :WIN_LENGTH]
    return (correlation / (correlation[:, :1] + 1e-12)).astype(np.float32)
