"""The sentences that a person reads into the microphone, in each language, and which of them a dataset has."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from model.accents import primary_language
from playground.services.errors import Refused
from storage.records import DatasetFile

FOLDER = Path(__file__).parent.parent / "scripts"
LONGEST_NAME = 60
NOT_IN_NAMES = str.maketrans("", "", '.,;:!?¿¡।…"“”«»/\\|<>*')


@dataclass(frozen=True, kw_only=True)
class Sentence:
    """One sentence of a script; its recording is the file `NAME.wav`, its transcript `NAME.txt`."""

    name: str
    text: str


@dataclass(frozen=True, kw_only=True)
class SpokenSentence:
    """The recording that a dataset has of a sentence."""

    file_id: str
    duration_seconds: float


def languages() -> list[str]:
    """The codes of all languages that have a script, English first."""
    return sorted((path.stem for path in FOLDER.glob("*.txt")), key=lambda code: (code != "en", code))


def script_language(language: str) -> str | None:
    """The script for a language or a variant of it (`en-GB`: en); None when there is none."""
    code = primary_language(language)
    return code if code in languages() else None


@cache
def script_of(language: str) -> tuple[Sentence, ...]:
    """The sentences of a language, in the order in which they are best read (bench/scripts.py); raises Refused."""
    if language not in languages():
        raise Refused(f"There is no script in {language!r}; there is one in: {', '.join(languages())}.")
    lines = (FOLDER / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    return tuple(Sentence(name=_name_of(line), text=line) for line in lines)


def spoken_sentences(files: Iterable[DatasetFile]) -> dict[str, SpokenSentence]:
    """By name, the sentences of all scripts that a dataset's files hold; what was rejected does not count."""
    names = {sentence.name for language in languages() for sentence in script_of(language)}
    return {
        Path(file.filename).stem: SpokenSentence(file_id=file.id, duration_seconds=file.duration_seconds or 0.0)
        for file in files
        if Path(file.filename).stem in names and file.verdict != "rejected"
    }


def _name_of(text: str) -> str:
    """The beginning of a sentence, in whole words and without signs, as the name of its recording."""
    words = text.translate(NOT_IN_NAMES).split()
    name = words[0]
    for word in words[1:]:
        if len(name) + 1 + len(word) > LONGEST_NAME:
            break
        name += f" {word}"
    return name
