"""Takes steady noise out of clips: ffmpeg's `afftdn`, which subtracts the spectrum of a noise floor that it follows."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.audio import SAMPLE_RATE, read_wav, write_wav
from model.metering import pulled

SETTINGS = "nr=20:tn=1"
"""At most 20 dB less noise; the floor is tracked."""


def reduce_noise(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """`waveform` at 24 kHz, shape (samples,), with less noise and as long as before."""
    from av import AudioFrame
    from av.filter import Graph

    graph = Graph()
    source = graph.add_abuffer(sample_rate=SAMPLE_RATE, format="flt", layout="mono")
    graph.link_nodes(source, graph.add("afftdn", SETTINGS), graph.add("abuffersink")).configure()
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(waveform[None], np.float32), "flt", "mono")
    frame.sample_rate, frame.pts = SAMPLE_RATE, 0

    graph.push(frame)
    graph.push(None)
    parts: list[Any] = [part.to_ndarray()[0] for part in pulled(graph)]
    reduced = np.concatenate([np.zeros(0, np.float32), *parts])[: len(waveform)]
    return np.pad(reduced, (0, len(waveform) - len(reduced)))


def reduce_clip(source: Path, target: Path) -> None:
    """The same for a mono 24 kHz WAV; raises AudioError when it cannot be read."""
    waveform, sample_rate = read_wav(source)
    write_wav(target, reduce_noise(waveform), sample_rate)
