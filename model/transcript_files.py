"""Files of text -> what was said in which recording: `.txt`, LJSpeech tables (`.csv`), subtitles (`.srt`, `.vtt`)."""

import codecs
import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from model.containers import FORMATS
from model.errors import TranscriptUnreadable

if TYPE_CHECKING:
    from webvtt import Caption

TEXT_FORMATS = ("txt", "csv", "srt", "vtt")
"""Suffixes of what is read here."""

MAX_BYTES = 20 * 1024**2
"""The text of 100 hours of speech is a twentieth of it."""

BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))

_UNSPOKEN = re.compile(r"\{\\[^{}]*\}|\[[^\[\]]*\]|[♪♫]+")
"""`{\\an8}` (a place on the screen), `[door closes]`, and the signs around what is sung."""


@dataclass(frozen=True, kw_only=True)
class Cue:
    """A stretch of a recording with the words that are said in it."""

    start_seconds: float
    end_seconds: float
    text: str


@dataclass(frozen=True, kw_only=True)
class GivenText:
    """What is said in the recording whose name, without its suffix, is `stem`; `cues` where the times are known."""

    stem: str
    text: str
    cues: tuple[Cue, ...] = ()


def is_text_file(filename: str) -> bool:
    """Whether a file comes as text rather than as a recording."""
    return Path(filename).suffix[1:].lower() in TEXT_FORMATS


def read_text_file(path: Path, *, filename: str | None = None) -> list[GivenText]:
    """The texts in one file, of which none is empty; a table has one for each of its lines.

    `filename` (by default the path's own) says which format it is, and is what messages call it. Text is UTF-8 or
    UTF-16 with a byte order mark, else UTF-8, else Windows-1252. A table's lines are `name|text` or
    `name|text|normalized`, whose normalized text is taken where there is one. Raises TranscriptUnreadable.
    """
    filename = filename or path.name
    name, suffix = Path(filename).stem, Path(filename).suffix.lower()
    content = _decoded(path, filename)
    if suffix == ".csv":
        texts = list(_rows(content))
        fault = "has no line of the form name|text"
    elif suffix == ".txt":
        texts = [GivenText(stem=name, text=_words(content))]
        fault = "is empty"
    else:
        texts = [_subtitles(content, name, suffix, filename)]
        fault = "has no words in its subtitles"
    texts = [text for text in texts if text.text]
    if not texts:
        raise TranscriptUnreadable(f"“{filename}” {fault}. Nothing was taken from it.")
    return texts


def _decoded(path: Path, filename: str) -> str:
    if path.stat().st_size > MAX_BYTES:
        raise TranscriptUnreadable(f"“{filename}” has over {MAX_BYTES >> 20} MB: that is no transcript.")
    content = path.read_bytes()
    marked = next((encoding for mark, encoding in BYTE_ORDER_MARKS if content.startswith(mark)), None)
    if marked is None and b"\0" in content:
        raise TranscriptUnreadable(f"“{filename}” is no text: save it as UTF-8, or give it its right ending.")
    for encoding in (marked,) if marked else ("utf-8", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise TranscriptUnreadable(f"The letters of “{filename}” are in no encoding that is known: save it as UTF-8.")


def _rows(content: str) -> Iterator[GivenText]:
    for line in content.splitlines():
        name, *columns = map(_words, line.split("|"))
        texts = [text for text in columns[:2] if text]
        if name and texts:
            yield GivenText(stem=_stem(PurePosixPath(name)), text=texts[-1])


def _stem(name: PurePosixPath) -> str:
    return name.stem if name.suffix[1:].lower() in FORMATS else name.name


def _subtitles(content: str, stem: str, suffix: str, filename: str) -> GivenText:
    import webvtt
    from webvtt.errors import MalformedCaptionError, MalformedFileError

    lines = content.strip().splitlines()
    try:
        captions = webvtt.from_buffer(lines, format=suffix[1:]).captions
    except (MalformedFileError, MalformedCaptionError) as error:
        kind = {".srt": "SubRip", ".vtt": "WebVTT"}[suffix]
        raise TranscriptUnreadable(f"“{filename}” is not in the format {kind}: {error}. Export it again.") from error
    cues = tuple(cue for cue in map(_cue, captions) if cue.text)
    return GivenText(stem=stem, text=joined(cues), cues=cues)


def _cue(caption: "Caption") -> Cue:
    return Cue(
        start_seconds=caption.start_time.in_milliseconds() / 1000,
        end_seconds=caption.end_time.in_milliseconds() / 1000,
        text=_words(_UNSPOKEN.sub(" ", html.unescape(caption.text))),
    )


def joined(cues: Iterable[Cue]) -> str:
    """The words of cues, one after the other."""
    return " ".join(cue.text for cue in cues)


def _words(text: str) -> str:
    return " ".join(text.split())
