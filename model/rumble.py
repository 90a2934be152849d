"""What lies below all voices: offset, steps, traffic, wind. It is taken away from clips and counts as no noise."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.audio import SAMPLE_RATE

BELOW_HZ = 50.0
"""The deepest voices reach down to 65 Hz."""


def _sections() -> Any:
    """A Butterworth filter of 12 dB an octave."""
    from scipy.signal import butter

    return butter(2, BELOW_HZ, "highpass", fs=SAMPLE_RATE, output="sos")


class RumbleFilter:
    """Takes rumble from a stream at 24 kHz; it shifts phases, so it is for measuring."""

    def __init__(self) -> None:
        self._coefficients = _sections()
        self._state: Any = None

    def passed(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next samples, shape (samples,), as if all before the first had been like it."""
        from scipy.signal import sosfilt, sosfilt_zi

        if not len(waveform):
            return waveform
        if self._state is None:
            self._state = sosfilt_zi(self._coefficients) * waveform[0]
        filtered, self._state = sosfilt(self._coefficients, waveform, zi=self._state)
        return np.asarray(filtered, dtype=np.float32)


def without_rumble(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """`waveform` at 24 kHz, shape (samples,), filtered forwards and backwards: no phase is shifted."""
    from scipy.signal import sosfiltfilt

    return np.asarray(sosfiltfilt(_sections(), waveform), dtype=np.float32)
