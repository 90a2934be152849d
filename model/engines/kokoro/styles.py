"""Styles: what a clip sounds like in figures, the speaker's learned style, and how it bends towards a clip."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from model.engines.kokoro import features, stock, symbols
from model.engines.kokoro.network import STYLE_SIZE

if TYPE_CHECKING:
    from model.engines.protocol import Style, Waveform

TRAITS, PACE = 4, 2
"""How many there are, see `traits_of`, and which of them is the pace."""
_LARGEST_DEVIATION = 2.5
_BANDS = 32
_STYLES_FILE = Path(__file__).with_name("stock_styles.npz")
_FIGURES_FILE = Path(__file__).with_name("stock_figures.npz")
# Row of the stock styles for texts of 60 to 150 phonemes; it serves any length.
_STYLE_ROW = 2
_TIMBRE_EVENNESS, _PROSODY_EVENNESS = 8.0, 4.0
_FIRMLY = 100.0


class SpeakerStyle(nn.Module):
    """A speaker's style, and a linear reading of a clip's traits that moves it towards the clip.

    Four traits and few clips: anything richer would learn the clips by heart.
    """

    mean: Tensor
    deviation: Tensor
    melody: Tensor

    def __init__(self, center: Tensor, traits: Tensor) -> None:
        """`center (256,)` to start from; `traits (clips, 4)` of the training clips, which set the scale.

        `melody` is how many times wider than predicted the speaker moves the pitch, see `prosody.melody_of`.
        """
        super().__init__()
        self.center = nn.Parameter(center.clone())
        self.acoustic_offset = nn.Parameter(torch.zeros(STYLE_SIZE, TRAITS))
        self.prosodic_offset = nn.Parameter(torch.zeros(STYLE_SIZE, TRAITS))
        self.register_buffer("mean", traits.mean(dim=0))
        self.register_buffer("deviation", traits.std(dim=0, correction=0).clamp(min=1e-3))
        self.register_buffer("melody", torch.ones(()))

    def acoustic(self, traits: Tensor) -> Tensor:
        """Traits `(batch, 4)` -> acoustic styles `(batch, 128)`."""
        return self.center[:STYLE_SIZE] + self._standard(traits) @ self.acoustic_offset.T

    def prosodic(self, traits: Tensor) -> Tensor:
        """Traits `(batch, 4)` -> prosodic styles `(batch, 128)`."""
        return self.center[STYLE_SIZE:] + self._standard(traits) @ self.prosodic_offset.T

    def style_of(self, traits: Tensor) -> "Style":
        """Traits `(4,)` -> style `(256,)`."""
        with torch.no_grad():
            return torch.cat([self.acoustic(traits[None]), self.prosodic(traits[None])], dim=1)[0].numpy()

    def _standard(self, traits: Tensor) -> Tensor:
        standard = (traits - self.mean) / self.deviation
        return standard.clamp(-_LARGEST_DEVIATION, _LARGEST_DEVIATION)


def pace_of(phonemes: str, durations: NDArray[np.int64]) -> float:
    """Log of the phones per second of a clip, without its pauses."""
    pauses = np.array([symbol in symbols.PAUSES for symbol in phonemes])
    phones = sum(symbol not in symbols.SOUNDLESS for symbol in phonemes)
    return float(np.log(phones / (0.025 * durations[1:-1][~pauses].sum())))


def traits_of(*, f0: NDArray[np.float32], energy: NDArray[np.float32], pace: float) -> NDArray[np.float32]:
    """Pitch (octaves), pitch range (octaves), pace (log phones per second) and energy (log) of a clip: `(4,)`."""
    voiced = f0 > 0
    octaves = np.log2(f0[voiced]) if voiced.any() else np.log2([150.0])
    spread = np.subtract(*np.percentile(octaves, [80, 20]))
    loudness = energy[voiced[: len(energy)]].mean() if voiced.any() else energy.mean()
    return np.array([np.median(octaves), spread, pace, loudness], dtype=np.float32)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A voice by ear: `pitch` in octaves above 1 Hz, and the level of 32 mel bands `(32,)` in dB about their mean."""

    pitch: float
    bands: NDArray[np.float64]

    @classmethod
    def of(cls, waveform: "Waveform") -> "Figures":
        f0 = features.pitch_of(waveform)
        pitch = float(np.median(np.log2(f0[f0 > 0]))) if (f0 > 0).any() else float(np.log2(150))
        return cls(pitch=pitch, bands=features.band_levels(waveform, _BANDS))

    def as_vector(self) -> NDArray[np.float64]:
        """`(33,)`, so that a third of an octave weighs as much as 4 dB in each band."""
        return np.append(self.bands / np.sqrt(len(self.bands)), 12 * self.pitch)


def stock_style(name: str) -> "Style":
    """The style `(256,)` of a stock voice; KeyError when there is none of that name."""
    return _stock_styles()[name]


def style_like(waveform: "Waveform", language: str) -> "Style":
    """The style `(256,)` of stock voices blended so that they sound like a 24 kHz recording: the timbre of all of them,
    the prosody of those that speak the language.

    Measured on one speaker, four clips: likeness .82, where the nearest single voice has .68 and their mean .77.
    """
    heard = Figures.of(waveform)
    timbre = _blended(heard, tuple(_stock_figures()), evenness=_TIMBRE_EVENNESS)
    prosody = _blended(heard, stock.names_for(language), evenness=_PROSODY_EVENNESS)
    return np.concatenate([timbre[:STYLE_SIZE], prosody[STYLE_SIZE:]]).astype(np.float32)


def _blended(heard: Figures, names: tuple[str, ...], *, evenness: float) -> "Style":
    """The mean of stock styles, weighted so that the mean of their figures comes near to those heard.

    `evenness` is what unequal weights cost: few voices fit a recording by chance, the mean of many is a plausible one.
    """
    from scipy.optimize import nnls

    figures = _stock_figures()
    columns = np.stack([figures[name].as_vector() for name in names], axis=1)
    sum_to_one = np.full((1, len(names)), _FIRMLY)
    equations = np.vstack([columns, sum_to_one, evenness * np.eye(len(names))])
    weights, _ = nnls(equations, np.concatenate([heard.as_vector(), [_FIRMLY], np.zeros(len(names))]))
    return np.average([stock_style(name) for name in names], axis=0, weights=weights)


@lru_cache(maxsize=1)
def _stock_styles() -> dict[str, "Style"]:
    with np.load(_STYLES_FILE) as styles:
        return {name: styles[name][_STYLE_ROW].astype(np.float32) for name in styles.files}


@lru_cache(maxsize=1)
def _stock_figures() -> dict[str, Figures]:
    """Measured with `Figures.of` on three sentences that each stock voice spoke."""
    with np.load(_FIGURES_FILE) as table:
        return {
            str(name): Figures(pitch=float(pitch), bands=bands)
            for name, pitch, bands in zip(table["names"], table["pitch"], table["bands"], strict=True)
        }
