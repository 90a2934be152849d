"""The two stages of training: what each measures in a clip, and the loss that its parameters lower."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import smooth_l1_loss

from model.engines.protocol import TrainingClip
from model.engines.tiny.calibration import calibrate
from model.engines.tiny.espeak import SAMPLE_RATE, Espeak
from model.engines.tiny.parameters import MAX_GAIN_DB, VoiceParameters, frequency_of_mel, knot_weights, mel_of_frequency
from model.engines.tiny.traits import (
    Traits,
    espeak_voice_for,
    measure,
    pitch_quantiles,
    spread_of,
)
from model.measuring import read_clip, speech_frames

if TYPE_CHECKING:
    from model.engines.protocol import Waveform

_N_FFT = 2048
_BANDS = 80
_FRAMES = 32  # drawn from each clip, so that long clips weigh and cost no more than short ones
_FLOOR = 1e-4  # power below the mean of speech, under which a band counts as empty
_SMOOTHNESS = 0.005

Example = tuple[Tensor, ...]
"""What a stage keeps of one clip."""


class Stage(Protocol):
    """One stage of training."""

    name: str
    parameter: Tensor
    learning_rate: float

    def measure(self, clip: TrainingClip) -> Example:
        """What the loss needs of a clip; AudioError when the clip is of no use."""
        ...

    def applied_to(self, parameters: VoiceParameters) -> VoiceParameters:
        """`parameters` with what this stage has learned so far."""
        ...

    def loss(self, *batch: Tensor) -> Tensor:
        """Distance between the parameters and a batch of examples, shape ()."""
        ...


class ProsodyStage:
    """Learns the speaker's traits from the pitch contour, pace, loudness and tilt of the clips.

    The pitch of a clip is taken to be the contour with which espeak-ng reads its transcript, moved and stretched.
    """

    name = "prosody"
    learning_rate = 0.05

    def __init__(self, parameters: VoiceParameters, *, espeak: Espeak, seed: int) -> None:
        self._scale = torch.tensor([1.0, 1.0, 1.0, 10.0, 10.0])
        self.parameter = (_tensor(parameters.traits.as_array()) / self._scale).requires_grad_()
        self._espeak = espeak

    def applied_to(self, parameters: VoiceParameters) -> VoiceParameters:
        """`parameters` with the traits as learned so far."""
        values = (self.parameter.detach() * self._scale).numpy()
        return replace(parameters, traits=Traits.from_array(values))

    def measure(self, clip: TrainingClip) -> Example:
        """Quantiles of log2 pitch, shape (5,); those of the reading, centred and scaled, (5,); the traits, (5,)."""
        measurement = measure(read_clip(clip), transcript=clip.transcript, espeak=self._espeak)
        reading = pitch_quantiles(measurement.reading)
        contour = (reading - reading[2]) / spread_of(reading)
        return _tensor(measurement.pitch_quantiles), _tensor(contour), _tensor(measurement.traits.as_array())

    def loss(self, *batch: Tensor) -> Tensor:
        """Mean distance in octaves of pitch and pace, and in tens of dB of loudness and tilt."""
        quantiles, contours, traits = batch
        pitch, spread = self.parameter[0], self.parameter[1]
        predicted = pitch + 2**spread * contours
        others = (traits / self._scale)[:, 2:]
        return smooth_l1_loss(predicted, quantiles, beta=0.1) + smooth_l1_loss(
            self.parameter[2:].expand_as(others), others, beta=0.1
        )


class VoiceStage:
    """Learns the filter that gives espeak-ng, speaking the transcripts, the speaker's long-term spectrum."""

    name = "voice"
    learning_rate = 0.03

    def __init__(self, parameters: VoiceParameters, *, espeak: Espeak, seed: int) -> None:
        traits = parameters.traits
        self.parameter = torch.atanh(_tensor(parameters.gains_db / MAX_GAIN_DB).clamp(-0.999, 0.999)).requires_grad_()
        self._espeak = espeak
        self._espeak_voice = espeak_voice_for(traits.pitch)
        self._knobs = calibrate(espeak, self._espeak_voice).knobs_for(traits)
        self._random = np.random.default_rng(seed)
        self._edges = _band_edges()
        centres_hz = (self._edges[:-1] + self._edges[1:] - 1) / 2 * SAMPLE_RATE / _N_FFT
        self._interpolation = _tensor(knot_weights(centres_hz))

    def applied_to(self, parameters: VoiceParameters) -> VoiceParameters:
        """`parameters` with the filter as learned so far."""
        return replace(parameters, gains_db=self._gains_db().detach().numpy())

    def measure(self, clip: TrainingClip) -> Example:
        """Mean level of each band in the recording, in dB, shape (80,); band power of its reading, (32, 80)."""
        reading = self._espeak.speak(clip.transcript, voice=self._espeak_voice, knobs=self._knobs)
        recorded, read = _tensor(self._band_power(read_clip(clip))), _tensor(self._band_power(reading))
        return _level_db(recorded).mean(0), read

    def loss(self, *batch: Tensor) -> Tensor:
        """Mean distance in dB between the long-term band levels of filtered readings and those of recordings."""
        recorded_db, read = batch
        gains_db = self._gains_db()
        filtered = read * torch.exp(self._interpolation @ gains_db * (math.log(10) / 10))
        distance = _level_db(filtered).mean((0, 1)) - recorded_db.mean(0)
        bend = gains_db[2:] - 2 * gains_db[1:-1] + gains_db[:-2]
        return distance.abs().mean() + _SMOOTHNESS * bend.square().mean()

    def _gains_db(self) -> Tensor:
        return MAX_GAIN_DB * torch.tanh(self.parameter)

    def _band_power(self, waveform: "Waveform") -> NDArray[np.float64]:
        """Mean power in each band of frames drawn from the speech in a waveform of unit level: shape (32, 80)."""
        frames = speech_frames(waveform)
        frames = frames / np.sqrt(np.mean(frames**2))
        drawn = frames[self._random.integers(len(frames), size=_FRAMES)]
        window = np.hanning(drawn.shape[1])
        power = np.abs(np.fft.rfft(drawn * window, n=_N_FFT)) ** 2 / np.sum(window**2)
        return np.add.reduceat(power, self._edges[:-1], axis=1) / np.diff(self._edges)


def _level_db(power: Tensor) -> Tensor:
    """Levels with a soft floor, below which a band counts as empty, whatever its noise."""
    return 10 * torch.log10(power + _FLOOR)


def _band_edges() -> NDArray[np.intp]:
    """The bins of a spectrum at which the bands begin, and where the last ends: evenly spaced in mel, shape (81,)."""
    bins = frequency_of_mel(np.linspace(0, mel_of_frequency(SAMPLE_RATE / 2), _BANDS + 1)) / SAMPLE_RATE * _N_FFT
    return np.round(bins).astype(np.intp)


def _tensor(values: NDArray[np.floating]) -> Tensor:
    return torch.tensor(values, dtype=torch.float32)
