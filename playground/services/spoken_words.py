"""Follows a speech through its text: how much has been spoken, and its words as they were written."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from model.encoding import SAMPLE_RATE
from playground.services.errors import Refused
from playground.services.pronunciation import Replacement

if TYPE_CHECKING:
    from model.engines.protocol import Stretch, Timing


class Spoken:
    """Follows how much of a text has been spoken."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._seconds = 0.0
        self._ends: list[tuple[float, int]] = []  # from when on, and up to which character
        self._is_whole = False

    def add(self, stretch: "Stretch") -> None:
        for word in stretch.words:
            place = self._text.find(word.text, self._ends[-1][1] if self._ends else 0)
            if place >= 0:
                self._ends.append((self._seconds + word.start, place + len(word.text)))
        self._seconds += len(stretch.waveform) / SAMPLE_RATE

    def to_the_end(self) -> None:
        """All has been spoken; raises Refused when that was nothing."""
        if not self._seconds:
            raise Refused("There is nothing in the text that can be spoken.", code="empty_transcript")
        self._is_whole = True

    @property
    def characters(self) -> int:
        """Up to the last word that has begun."""
        if self._is_whole:
            return len(self._text)
        return max((end for start, end in self._ends if start < self._seconds), default=0)


class WrittenWords:
    """Gives what a pronunciation dictionary has replaced as it was written, in the times of what is said for it.

    Written words that run into a replaced one (“pre-ACME”), or are replaced together, are one.
    """

    def __init__(self, text: str, replacements: Sequence[Replacement]) -> None:
        """`replacements` are those of `text`, in order."""
        units = [*_units(text, replacements)]
        self._written = [" ".join(written.split()) for written, _ in units]
        self._said = [(word, unit) for unit, (_, said) in enumerate(units) for word in said.split()]
        self._place = 0  # in what is said
        self._last = -1  # of the units that were given

    def of(self, stretch: "Stretch") -> "Stretch":
        """A stretch with the written words; the stretches must come in order."""
        words: list[Timing] = []
        for word in stretch.words:
            units = [unit for part in word.text.split() if (unit := self._unit_of(part)) is not None]
            new = dict.fromkeys(unit for unit in units if unit > self._last)
            if new:
                words.append(replace(word, text=" ".join(self._written[unit] for unit in new)))
                self._last = units[-1]
            elif not units:
                words.append(word)
            elif words:
                words[-1] = replace(words[-1], end=word.end)
        return replace(stretch, words=tuple(words))

    def _unit_of(self, word: str) -> int | None:
        """Where the next such word that is said comes from; None when there is none, which no engine should give."""
        for place in range(self._place, len(self._said)):
            if self._said[place][0] == word:
                self._place = place + 1
                return self._said[place][1]
        return None


def _units(text: str, replacements: Sequence[Replacement]) -> Iterator[tuple[str, str]]:
    """Parts of a text between spaces where nothing is replaced: as it is written, and as it is said."""
    written, said, begun = "", "", 0
    for start, end, alias in (*replacements, Replacement(len(text), len(text), "")):
        for part in re.split(r"(\s+)", text[begun:start]):
            if not part.isspace():
                written, said = written + part, said + part
            elif said:
                yield written, said
                written = said = ""
        written, said, begun = written + text[start:end], said + alias, end
    if said:
        yield written, said
