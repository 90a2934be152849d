"""Spectrograms under each other as one picture, to be looked at: lines, buzz and blur show there."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Waveform = NDArray[np.float32]

_WINDOW, _HOP = 1024, 120
_RANGE_DB = 80.0
_TITLE_PIXELS = 16


def save_spectrograms(path: Path, waveforms: Mapping[str, Waveform]) -> None:
    """0 to 12 kHz upwards, 5 ms a column, 80 dB from white to black; each waveform `(samples,)` below its title."""
    panels = [_panel(waveform) for waveform in waveforms.values()]
    width = max(panel.shape[1] for panel in panels)
    height = sum(panel.shape[0] + _TITLE_PIXELS for panel in panels)
    picture = Image.new("L", (width, height), 255)
    draw, top = ImageDraw.Draw(picture), 0
    for title, panel in zip(waveforms, panels, strict=True):
        draw.text((4, top + 2), title, fill=0)
        picture.paste(Image.fromarray(panel), (0, top + _TITLE_PIXELS))
        top += panel.shape[0] + _TITLE_PIXELS
    picture.save(path)


def _panel(waveform: Waveform) -> NDArray[np.uint8]:
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(waveform, _WINDOW // 2), _WINDOW)[::_HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(_WINDOW), axis=1)[:, : _WINDOW // 2 : 2]) ** 2
    level = 10 * np.log10(power + 1e-12)
    shade = np.clip((level.max() - level) / _RANGE_DB, 0, 1)
    return (255 * shade).astype(np.uint8).T[::-1]
