"""Pronunciation dictionaries: how some words shall be said, and texts with these words put that way."""

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from playground.services.errors import Refused
from storage.database import Storage
from storage.records import PronunciationDict
from storage.table import Page

MOST_ITEMS, LONGEST_TEXT = 1000, 500
_LETTER = r"[\w\u0300-\u036f\u0900-\u097f]"
"""What a word goes on with; Python's own \\w leaves out the vowel signs of Hindi."""
_SENTENCE_START = r"(?:^|(?<=[.!?…]\s))"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """`text` is said as `alias`: other words, or phonemes as <<ˈ|æ|k|m|i>>.

    Case-sensitive, a text in lower case is also meant at the start of a sentence.
    """

    text: str
    alias: str
    case_sensitive: bool = False


class Replacement(NamedTuple):
    """What is said for a text's characters from `start` to before `end`."""

    start: int
    end: int
    alias: str


class Pronunciation:
    """The use cases of dictionaries."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def create(self, name: str, entries: Sequence[Entry], description: str = "") -> PronunciationDict:
        """Raises Refused."""
        made = PronunciationDict(name=_checked_name(name), description=description, items=_checked(entries))
        with self._storage.write() as tables:
            return tables.pronunciation_dicts.insert(made)

    def get(self, dict_id: str) -> PronunciationDict:
        """Raises NotFound."""
        with self._storage.read() as tables:
            return tables.pronunciation_dicts.get(dict_id)

    def page(
        self, *, limit: int = 10, starting_after: str | None = None, ending_before: str | None = None
    ) -> Page[PronunciationDict]:
        with self._storage.read() as tables:
            return tables.pronunciation_dicts.page(
                limit=limit, starting_after=starting_after, ending_before=ending_before
            )

    def update(
        self,
        dict_id: str,
        *,
        name: str | None = None,
        entries: Sequence[Entry] | None = None,
        description: str | None = None,
    ) -> PronunciationDict:
        """What is None stays; entries replace all that were there. Raises NotFound and Refused."""
        changes: dict[str, Any] = {
            "name": None if name is None else _checked_name(name),
            "items": None if entries is None else _checked(entries),
            "description": description,
        }
        changes = {column: value for column, value in changes.items() if value is not None}
        with self._storage.write() as tables:
            found = tables.pronunciation_dicts.get(dict_id)
            return tables.pronunciation_dicts.update(dict_id, **changes) if changes else found

    def delete(self, dict_id: str) -> None:
        """Raises NotFound."""
        with self._storage.write() as tables:
            tables.pronunciation_dicts.get(dict_id)
            tables.pronunciation_dicts.delete(dict_id)


def entries_of(dictionary: PronunciationDict) -> list[Entry]:
    return [Entry(**item) for item in dictionary.items]


def replacements_in(text: str, entries: Sequence[Entry]) -> tuple[Replacement, ...]:
    """Each whole word of the entries in a text, in order; the longest that fits counts, then the first."""
    if not entries:
        return ()
    ordered = sorted(entries, key=lambda entry: -len(entry.text))
    words = "|".join(f"({_pattern(entry)})" for entry in ordered)
    pattern = re.compile(f"(?<!{_LETTER})(?:{words})(?!{_LETTER})", re.MULTILINE)
    return tuple(
        Replacement(match.start(), match.end(), ordered[(match.lastindex or 0) - 1].alias)
        for match in pattern.finditer(text)
    )


def said_as(text: str, replacements: Sequence[Replacement]) -> str:
    """A text with its replacements, which are in order, in their places."""
    parts, begun = [], 0
    for start, end, alias in replacements:
        parts += [text[begun:start], alias]
        begun = end
    return "".join([*parts, text[begun:]])


def _pattern(entry: Entry) -> str:
    literal = re.escape(entry.text)
    if not entry.case_sensitive:
        return f"(?i:{literal})"
    if entry.text != entry.text.lower():
        return literal
    return f"{literal}|{_SENTENCE_START}{re.escape(entry.text[0].upper() + entry.text[1:])}"


def _checked_name(name: str) -> str:
    if not name.strip():
        raise Refused("Give the dictionary a name.")
    return name.strip()


def _checked(entries: Sequence[Entry]) -> list[dict[str, Any]]:
    if len(entries) > MOST_ITEMS:
        raise Refused(f"A dictionary has {MOST_ITEMS:,} items at most, not {len(entries):,}.")
    for number, entry in enumerate(entries):
        for name, value in (("text", entry.text), ("alias", entry.alias)):
            if not value.strip() or len(value) > LONGEST_TEXT:
                raise Refused(f"items.{number}.{name}: give 1 to {LONGEST_TEXT} characters.")
    return [asdict(entry) for entry in entries]
