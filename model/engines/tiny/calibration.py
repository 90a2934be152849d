"""Which knobs of espeak-ng give a pitch, a pitch range and a pace that are wanted: measured on its own speech."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.engines.tiny.espeak import PITCH_LIMITS, RANGE_LIMITS, RATE_LIMITS, Espeak, Knobs
from model.engines.tiny.traits import Traits, pitch_quantiles, spread_of
from model.measuring import active_seconds

_TEXT = "A traveller came along the road in a warm coat."  # its median pitch is within 5 Hz of the mean of 30 others
_PITCH_KNOBS = np.array([0, 25, 50, 75, 100])
_RATE_KNOBS = np.array([80, 110, 140, 175, 220, 280, 350, 450])
_NEUTRAL = Knobs()


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What the knobs of one voice of espeak-ng do.

    Pitch in Hz is a curve over the pitch knob plus a line over the range knob; its spread in Hz is a line through
    zero over the range knob. Espeak-ng computes it so, and measured it holds within a few Hz.
    """

    pitch_hz: NDArray[np.float64]
    """Median at each of the pitch knobs, with the range knob in the middle."""
    pitch_hz_per_range: float
    spread_hz_per_range: float
    pace: NDArray[np.float64]
    """log2 of how many times faster than at 175 words a minute, at each of the rate knobs; it rises."""

    def knobs_for(self, traits: Traits, *, speed: float = 1.0) -> Knobs:
        """The knobs that come nearest to `traits`, `speed` times faster."""
        hz = 2**traits.pitch
        spread_hz = hz * np.log(2) * 2**traits.spread
        pitch_range = np.clip(spread_hz / self.spread_hz_per_range, *RANGE_LIMITS)
        curve_hz = hz - self.pitch_hz_per_range * (pitch_range - _NEUTRAL.range)
        pitch = np.clip(np.interp(curve_hz, self.pitch_hz, _PITCH_KNOBS), *PITCH_LIMITS)
        rate = np.clip(2 ** np.interp(traits.pace + np.log2(speed), self.pace, np.log2(_RATE_KNOBS)), *RATE_LIMITS)
        return Knobs(rate=round(rate), pitch=round(pitch), range=round(pitch_range))


def calibrate(espeak: Espeak, voice: str) -> Calibration:
    """Measure one voice of espeak-ng: fourteen renderings of a sentence, a few tenths of a second."""

    def quantiles(**knobs: int) -> NDArray[np.float64]:
        return pitch_quantiles(espeak.speak(_TEXT, voice=voice, knobs=Knobs(**knobs)))

    def seconds(rate: int) -> float:
        return active_seconds(espeak.speak(_TEXT, voice=voice, knobs=Knobs(rate=rate)))

    medians = np.array([2 ** quantiles(pitch=knob)[2] for knob in _PITCH_KNOBS.tolist()])
    low, high = 25, 100
    slope = (2 ** quantiles(range=high)[2] - 2 ** quantiles(range=low)[2]) / (high - low)
    neutral = quantiles()
    spread_hz = spread_of(neutral) * np.log(2) * 2 ** neutral[2]
    pace = np.log2(seconds(_NEUTRAL.rate)) - np.log2([seconds(rate) for rate in _RATE_KNOBS.tolist()])
    return Calibration(
        pitch_hz=np.maximum.accumulate(medians),
        pitch_hz_per_range=slope,
        spread_hz_per_range=spread_hz / _NEUTRAL.range,
        pace=np.maximum.accumulate(pace),
    )
