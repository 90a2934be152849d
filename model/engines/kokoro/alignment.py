"""Forced alignment: how many frames each symbol of a transcript lasts in a recording.

PocketSphinx and its English acoustic model align the phones, at 10 ms; what it does not know (stress marks, spaces,
punctuation) is laid out between them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.engines.kokoro.arpabet import ARPABET, ON_THE_SOUND_BEFORE
from model.engines.kokoro.network import LATE_FRAMES
from model.engines.kokoro.symbols import PAUSES, STRESS_MARKS

if TYPE_CHECKING:
    from model.engines.protocol import Waveform

ALIGNER_SAMPLE_RATE = 16_000
_ALIGNER_FRAMES_PER_FRAME = 2.5
_MAX_FRAMES = 50
_LONGEST_FINAL_PAUSE = 12.0


@dataclass(frozen=True, kw_only=True)
class Alignment:
    """`durations (symbols + 2,)` in 25 ms frames, padding included; `score`: mean log likelihood of a frame."""

    durations: NDArray[np.int64]
    score: float


@dataclass(frozen=True, kw_only=True)
class _Segment:
    """One phone as the aligner heard it, in its frames of 10 ms."""

    start: int
    duration: int
    score: int


@dataclass(frozen=True, kw_only=True)
class _Phone:
    """One phone for the aligner and the symbols that it stands for."""

    name: str
    places: tuple[int, ...]


class Aligner:
    """Holds the acoustic model; aligns one clip after the other."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder

        # The default beams: with wider ones (1e-100) its integer scores overflow, at times the process with them.
        self._decoder = Decoder(samprate=ALIGNER_SAMPLE_RATE, lm=None, loglevel="FATAL")
        self._words: set[str] = set()

    def align(self, waveform: "Waveform", phonemes: str, frames: int) -> Alignment | None:
        """Durations of `phonemes` in a 16 kHz waveform of `frames` 25 ms frames; None when they do not fit it."""
        words = _words_of(phonemes)
        if not words or frames < len(phonemes) + 2:
            return None
        heard = self._phones_heard(waveform, words)
        if heard is None:
            return None
        starts, ends = _spread(heard, words, len(phonemes))
        durations = _lay_out(phonemes, starts, ends, frames)
        if durations is None:
            return None
        spoken = sum(phone.duration for phone in heard)
        return Alignment(durations=durations, score=sum(phone.score for phone in heard) / spoken)

    def _phones_heard(self, waveform: "Waveform", words: list[list[_Phone]]) -> list[_Segment] | None:
        """The aligner's segments, one for every phone of `words`, or None."""
        decoder = self._decoder
        names = [self._word(phones) for phones in words]
        pcm = (np.clip(waveform, -1, 1) * 32767).astype(np.int16).tobytes()
        decoder.set_align_text(" ".join(names))
        try:
            self._decode(pcm)
            decoder.set_alignment()
            self._decode(pcm)
        except RuntimeError:
            return None
        # Its words and phones live in the aligner's memory only as long as the alignment itself.
        alignment = decoder.get_alignment()
        heard_names, heard = [], []
        for word in alignment.words():
            if word.name.startswith("w_"):
                heard_names.append(word.name)
                heard += [_Segment(start=p.start, duration=p.duration, score=p.score) for p in word]
        return heard if heard_names == names and len(heard) == sum(map(len, words)) else None

    def _decode(self, pcm: bytes) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw(pcm, full_utt=True)
        self._decoder.end_utt()

    def _word(self, phones: list[_Phone]) -> str:
        pronunciation = " ".join(phone.name for phone in phones)
        name = "w_" + pronunciation.replace(" ", "_")
        if name not in self._words:
            self._decoder.add_word(name, pronunciation, True)
            self._words.add(name)
        return name


def _words_of(phonemes: str) -> list[list[_Phone]]:
    """Phones word by word. A schwa or ɜ with the ɹ after it is one phone to the aligner, as is a sound with marks."""
    words: list[list[_Phone]] = [[]]
    for place, symbol in enumerate(phonemes):
        word = words[-1]
        if symbol == "ɹ" and word and phonemes[place - 1] in "əɜ":
            word[-1] = _Phone(name="ER", places=(*word[-1].places, place))
        elif symbol in ON_THE_SOUND_BEFORE and word and place - 1 in word[-1].places:
            word[-1] = _Phone(name=word[-1].name, places=(*word[-1].places, place))
        elif symbol in ARPABET:
            word.append(_Phone(name=ARPABET[symbol], places=(place,)))
        elif symbol in PAUSES and word:
            words.append([])
    return [word for word in words if word]


def _spread(heard: list[_Segment], words: list[list[_Phone]], count: int) -> tuple[NDArray, NDArray]:
    """Start and end of each symbol in 25 ms frames, NaN for those that are no phones."""
    starts, ends = np.full(count, np.nan), np.full(count, np.nan)
    phones = (phone for word in words for phone in word)
    for segment, phone in zip(heard, phones, strict=True):
        edges = segment.start + segment.duration * np.linspace(0, 1, len(phone.places) + 1)
        edges = edges / _ALIGNER_FRAMES_PER_FRAME + LATE_FRAMES
        starts[list(phone.places)], ends[list(phone.places)] = edges[:-1], edges[1:]
    return starts, ends


def _lay_out(phonemes: str, starts: NDArray, ends: NDArray, frames: int) -> NDArray[np.int64] | None:
    """Whole frames of every symbol, at least one each, that sum to `frames`; None when that cannot be."""
    edges = np.zeros(len(phonemes) + 1)
    place = 0
    while place < len(phonemes):
        if not np.isnan(starts[place]):
            edges[place] = starts[place]
            place += 1
            continue
        after = place
        while after < len(phonemes) and np.isnan(starts[after]):
            after += 1
        before = ends[place - 1] if place else starts[after]
        end = starts[after] if after < len(phonemes) else min(frames - 1.0, before + _LONGEST_FINAL_PAUSE)
        edges[place:after] = _share_gap(phonemes[place:after], before, end)
        place = after
    last = ends[-1] if not np.isnan(ends[-1]) else min(frames - 1.0, edges[-2] + _LONGEST_FINAL_PAUSE)
    edges[-1] = min(frames - 1.0, last)
    return _whole_frames(edges, frames)


def _share_gap(between: str, start: float, end: float) -> NDArray:
    """Where the symbols between two phones begin: pauses share the gap, stress marks lie at its end."""
    pauses = [symbol not in STRESS_MARKS for symbol in between]
    passed = np.cumsum([0, *pauses[:-1]])
    return np.where(pauses, start + (end - start) * passed / max(1, sum(pauses)), end)


def _whole_frames(edges: NDArray, frames: int) -> NDArray[np.int64] | None:
    """Edges between symbols -> durations, moved apart so that each symbol has 1 to 50 frames but the outer ones."""
    whole = np.concatenate([[0], np.rint(edges).astype(np.int64), [frames]])
    for place in range(1, len(whole)):
        whole[place] = max(whole[place], whole[place - 1] + 1)
    whole[-1] = frames
    for place in range(len(whole) - 2, -1, -1):
        whole[place] = min(whole[place], whole[place + 1] - 1)
    durations = np.diff(whole)
    if whole[0] != 0 or durations[1:-1].max() > _MAX_FRAMES:
        return None
    return durations
