"""Written text -> spoken words: numbers, dates, money, units, abbreviations, addresses of the web.

The package damga does it for English, Spanish, French and Italian; what it leaves or gets wrong in English is put right
beforehand. Other languages' numbers are read by espeak-ng itself.
"""

import calendar
import logging
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

log = logging.getLogger(__name__)

LANGUAGES = ("en", "es", "fr", "it")
_AT_ONCE = 400
"""Characters: the package's time grows faster than the text."""

_URL = re.compile(r"\b(?:https?|ftp)://(?:www\.)?([^\s?#<>\"]+)[^\s<>\"]*", re.IGNORECASE)
_CLOSING = re.compile(r"[.,;:!?)\]]*$")
_LETTER = re.compile(r"[^\W_]")
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=[^\W\d_])")
_ENDS = ".!?…"


def _month_first(match: re.Match[str]) -> str:
    month, day = int(match[1]), int(match[2])
    return f"{calendar.month_name[month]} {day}, {match[3]}" if 1 <= month <= 12 and 1 <= day <= 31 else match[0]


_AMERICAN_DATE = (re.compile(r"\b(\d{1,2})/(\d{1,2})/(\d{4})\b"), _month_first)
_ENGLISH: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"(?<=\d)\s?°C\b"), " degrees Celsius"),
    (re.compile(r"\s&\s"), " and "),
    (re.compile(r"(?<!\w)#(?=\d)"), "number "),
    (re.compile(r"(?<=\d) ?= ?(?=\d)"), " equals "),
    # A full stop that ends a sentence too.
    (re.compile(r"\b([ap])\.m\.(?=\s+[A-Z]|\s*$)"), r"\1m."),
    (re.compile(r"\betc\.(?=\s+[A-Z]|\s*$)"), "et cetera."),
    (re.compile(r"\bU\.S\.(?=\s)"), "US"),
    (re.compile(r"\b(\d{3,4})p\b"), r"\1 p"),
    # Seven digits of a telephone number, without the area code before them.
    (
        re.compile(r"(?<![\d-])(?<![\d)] )\b(\d{3})-(\d{4})\b"),
        lambda match: f"{' '.join(match[1])}, {' '.join(match[2])}",
    ),
)


def spoken_form(text: str, language: str) -> str:
    """`text` as it is read aloud, line by line; in languages other than `LANGUAGES` only web addresses change."""
    return "".join(_spoken_line(line, language) for line in text.splitlines(keepends=True))


def _spoken_line(line: str, language: str) -> str:
    body = line.rstrip()
    return " ".join(_spoken(piece, language) for piece in _pieces(body)) + line[len(body) :]


def _pieces(line: str) -> Iterator[str]:
    """Whole sentences, some hundred characters at a time."""
    pending = ""
    for sentence in _SENTENCE_END.split(line):
        pending = f"{pending} {sentence}" if pending else sentence
        if len(pending) >= _AT_ONCE:
            yield pending
            pending = ""
    yield pending


def _spoken(piece: str, language: str) -> str:
    if not _LETTER.search(piece):
        return piece
    piece = _URL.sub(_address, piece)
    primary = language.partition("-")[0]
    if primary not in LANGUAGES:
        return piece
    if primary == "en":
        for pattern, words in (*([_AMERICAN_DATE] if language == "en" else []), *_ENGLISH):
            piece = pattern.sub(words, piece)
    try:
        spoken = str(_normalizer(primary).normalize(piece))
    except Exception:
        # It is young: better read as it stands than not at all.
        log.exception("Text could not be normalized")
        return piece
    return spoken + piece[-1] if piece[-1] in _ENDS and spoken.rstrip("\"”')")[-1:] not in _ENDS else spoken


def _address(match: re.Match[str]) -> str:
    """Without scheme, query and fragment; the punctuation behind it stays."""
    closing = _CLOSING.search(match[0])
    return match[1].rstrip(".,;:!?)]/") + (closing[0] if closing else "")


@lru_cache(maxsize=len(LANGUAGES))
def _normalizer(language: str) -> Any:
    from damga import TextNormalizer

    return TextNormalizer(lang=language)
