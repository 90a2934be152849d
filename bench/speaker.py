"""The recordings of one speaker: which of them are trained on, and which are compared with."""

import random
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from model.audio import read_wav
from model.decoding import FORMATS, decode_to_wav
from model.transcript_files import read_text_file

Waveform = NDArray[np.float32]

MIN_COMPARED_SECONDS = 3.0


class Speaker:
    """A folder of recordings; `texts` are those of its `metadata.csv` and of the others', by name."""

    def __init__(self, folder: Path, *, others: Path | None, held_out: float) -> None:
        self._folder = folder
        self._others = others
        self._held_out = held_out
        self.texts = {
            given.stem: given.text
            for place in filter(None, (others, folder))
            for table in place.glob("metadata.csv")
            for given in read_text_file(table)
        }

    def split(self, seed: int) -> tuple[list[Path], list[Path]]:
        """Recordings to train on, and recordings of 3 s or more to compare with; ValueError when these are too few."""
        recordings = _files_of(self._folder)
        if self._others:
            names = {path.stem for path in recordings}
            kept_back = _long([path for path in _files_of(self._others) if path.stem not in names])
        else:
            long, count = _long(recordings), round(len(recordings) * self._held_out)
            kept_back = sorted(random.Random(seed).sample(long, k=min(count, len(long) // 2)))
        if len(kept_back) < 2:
            raise ValueError(f"{self._folder}: {len(kept_back)} recordings are left to compare with; name others.")
        return [path for path in recordings if path not in kept_back], kept_back


def _long(paths: Sequence[Path]) -> list[Path]:
    return [path for path in paths if seconds_of(path) >= MIN_COMPARED_SECONDS]


def _files_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower().lstrip(".") in FORMATS)


def seconds_of(path: Path) -> float:
    """The length of a recording."""
    with av.open(str(path)) as container:
        return float(container.duration or 0) / av.time_base


def wav_of(path: Path, scratch: Path) -> Path:
    """Where `decoded` keeps a recording."""
    return scratch / f"compared-{path.stem}.wav"


def decoded(paths: Sequence[Path], scratch: Path) -> list[Waveform]:
    """Recordings at 24 kHz, decoded once."""
    waveforms = []
    for path in paths:
        wav = wav_of(path, scratch)
        if not wav.exists():
            decode_to_wav(path, wav)
        waveforms.append(read_wav(wav)[0])
    return waveforms
