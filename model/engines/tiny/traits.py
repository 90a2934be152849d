"""The manner of a stretch of speech in five figures, and the style that is made of them.

A style is the difference between the traits of a reference clip and those of the speaker: zeros speak as the
speaker does on average.
"""

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.engines.tiny.espeak import MAN, WOMAN, Espeak
from model.errors import AudioError
from model.measuring import active_seconds, loudness_db, pitch_hz, tilt_db_per_octave

if TYPE_CHECKING:
    from model.engines.protocol import Style, Waveform

QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9)
STYLE_SIZE = 5

_MIN_VOICED_FRAMES = 10
_SPREAD_PER_DEVIATION = 2.563  # the 10 to 90 % range of a normal distribution in standard deviations
_LETTERS_PER_SECOND = 15.5  # of espeak-ng at 175 words a minute, without pauses, over 57 sentences
_WOMAN_ABOVE_HZ = 155.0
# How far one clip is believed, and how far it may lead away from the speaker; the order is that of Traits.
_BELIEF = np.array([1.0, 0.5, 1.0, 0.5, 0.5], np.float32)
_LIMIT = np.array([1.0, 0.8, 0.7, 3.0, 2.0], np.float32)


@dataclass(frozen=True, kw_only=True)
class Traits:
    """How someone speaks."""

    pitch: float
    """log2 of the median fundamental frequency in Hz."""
    spread: float
    """log2 of the standard deviation of pitch in octaves."""
    pace: float
    """log2 of how many times faster than espeak-ng at 175 words a minute."""
    loudness_db: float
    """RMS of the speech without pauses, in dBFS."""
    tilt: float
    """Slope of the long-term spectrum in dB an octave."""

    def as_array(self) -> NDArray[np.float32]:
        """The five figures in order, shape (5,)."""
        return np.array(astuple(self), np.float32)

    @classmethod
    def from_array(cls, values: NDArray[np.float32]) -> "Traits":
        """The reverse of `as_array`."""
        pitch, spread, pace, loudness_db, tilt = (float(value) for value in values)
        return cls(pitch=pitch, spread=spread, pace=pace, loudness_db=loudness_db, tilt=tilt)

    def styled(self, style: "Style") -> "Traits":
        """These traits of a speaker, in the manner of `style` of shape (5,)."""
        if style.shape != (STYLE_SIZE,):
            raise ValueError(f"a style of the tiny engine has the shape ({STYLE_SIZE},), not {style.shape}")
        return Traits.from_array(self.as_array() + style)


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A recording measured: its traits, log2 of its pitch at QUANTILES, and espeak-ng reading its transcript."""

    traits: Traits
    pitch_quantiles: NDArray[np.float64]
    reading: "Waveform"


def style_between(clip: Traits, speaker: Traits) -> "Style":
    """The style that a clip of `speaker` stands for, shape (5,), within limits that stay intelligible."""
    difference = clip.as_array() - speaker.as_array()
    return np.clip(_BELIEF * difference, -_LIMIT, _LIMIT).astype(np.float32)


def espeak_voice_for(pitch: float) -> str:
    """The voice of espeak-ng that is nearest to a pitch, given as log2 of Hz."""
    return WOMAN if pitch > np.log2(_WOMAN_ABOVE_HZ) else MAN


def pitch_quantiles(waveform: "Waveform") -> NDArray[np.float64]:
    """log2 of the fundamental frequency at QUANTILES, shape (5,); AudioError when hardly anything is voiced."""
    voiced = pitch_hz(waveform)
    if len(voiced) < _MIN_VOICED_FRAMES:
        raise AudioError("no voiced speech was found in it")
    return np.quantile(np.log2(voiced), QUANTILES)


def spread_of(quantiles: NDArray[np.float64]) -> float:
    """Standard deviation in octaves of a pitch whose quantiles are given."""
    return max(float(quantiles[-1] - quantiles[0]) / _SPREAD_PER_DEVIATION, 0.01)


def measure(waveform: "Waveform", *, transcript: str, espeak: Espeak) -> Measurement:
    """Measure a recording beside espeak-ng's own reading of its transcript; raises AudioError."""
    quantiles = pitch_quantiles(waveform)
    pitch = float(quantiles[2])
    reading = espeak.speak(transcript, voice=espeak_voice_for(pitch))
    if not reading.any() or not any(character.isalnum() for character in transcript):
        raise AudioError("its transcript holds nothing that can be spoken")
    traits = Traits(
        pitch=pitch,
        spread=float(np.log2(spread_of(quantiles))),
        pace=float(np.log2(_expected_seconds(transcript, reading) / active_seconds(waveform))),
        loudness_db=loudness_db(waveform),
        tilt=tilt_db_per_octave(waveform),
    )
    return Measurement(traits=traits, pitch_quantiles=quantiles, reading=reading)


def _expected_seconds(transcript: str, reading: "Waveform") -> float:
    """How long a transcript takes at the middling pace, without pauses.

    Espeak-ng knows how numbers and sounds are spoken, yet draws out other words than people do; the count of letters
    knows less and errs elsewhere. Their geometric mean follows the phones a second of real clips best (rank
    correlation over 57 clips .91; .77 and .90 alone).
    """
    letters = sum(character.isalnum() for character in transcript)
    return float(np.sqrt(active_seconds(reading) * letters / _LETTERS_PER_SECOND))
