"""When the words of a text, as they are written, and its phonemes are heard: from the durations of its symbols."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice, pairwise
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from model.encoding import SAMPLE_RATE
from model.engines.kokoro import symbols
from model.engines.kokoro.network import LATE_FRAMES, SAMPLES_PER_FRAME
from model.engines.kokoro.phonemes import phonemes_of_word
from model.engines.protocol import Timing

SECONDS_PER_FRAME = SAMPLES_PER_FRAME / SAMPLE_RATE

# The base model's own signs as IPA; all others are IPA.
_IPA = str.maketrans(
    {"A": "eɪ", "I": "aɪ", "O": "oʊ", "Q": "əʊ", "W": "aʊ", "Y": "ɔɪ", "T": "ɾ", "S": "ss", "ᵊ": "ə"}
    | {"ʤ": "dʒ", "ʧ": "tʃ", "ʣ": "dz", "ʥ": "dʑ", "ʦ": "ts", "ʨ": "tɕ"}
)
_MOST_SOUNDS = 50
"""Of a piece: a word may be longer than a phrase, so it is found in pieces."""


class WordPlace(NamedTuple):
    """A written word and the symbols of a phrase, from `start` to before `end`, that say it."""

    word: str
    start: int
    end: int


class _Piece(NamedTuple):
    """The sounds of a written word, or some of them; without `word`, they go on with the word before."""

    word: str
    sounds: str


class WordFinder:
    """Finds the words of a text, as they are written, in its phrases' symbols, one phrase after the other.

    On the way from text to symbols numbers become words, and words run together or apart. So each word's own symbols
    are laid beside the phrase by least edits, and its place is where they come to lie. A word that goes over the end of
    its phrase ends with it.
    """

    def __init__(self, text: str, language: str) -> None:
        self._coming = _pieces(text, language)
        self._pieces: deque[_Piece] = deque()

    def find(self, phrase: str) -> list[WordPlace]:
        """The next words: those that the phrase says, in order."""
        places = [place for place, symbol in enumerate(phrase) if symbol not in symbols.SOUNDLESS]
        sounds = "".join(phrase[place] for place in places)
        expected, bounds = self._expected(1.5 * len(sounds) + 20)
        distances = [Levenshtein.distance(sounds, expected[:bound]) for bound in bounds]
        count = max(range(len(bounds)), key=lambda index: (-distances[index], index))
        edges = _laid_beside(expected[: bounds[count]], sounds, bounds[: count + 1])
        found: list[WordPlace] = []
        for start, end in pairwise(edges):
            word = self._pieces.popleft().word
            place = WordPlace(word, *_with_stress(phrase, places, start, end))
            if word:
                found.append(place)
            elif found:
                found[-1] = found[-1]._replace(end=place.end)
        return found

    def _expected(self, length: float) -> tuple[str, list[int]]:
        """Sounds of the next pieces, of at least `length` where there are so many, and where each piece begins."""
        expected, bounds = "", [0]
        while len(expected) < length:
            if len(bounds) > len(self._pieces):
                self._pieces.extend(islice(self._coming, 1))
            if len(bounds) > len(self._pieces):
                break
            expected += self._pieces[len(bounds) - 1].sounds
            bounds.append(len(expected))
        return expected, bounds


def _pieces(text: str, language: str) -> Iterator[_Piece]:
    for word in written_words(text):
        sounds = "".join(symbol for symbol in phonemes_of_word(word, language) if symbol not in symbols.SOUNDLESS)
        yield _Piece(word, sounds[:_MOST_SOUNDS])
        for start in range(_MOST_SOUNDS, len(sounds), _MOST_SOUNDS):
            yield _Piece("", sounds[start : start + _MOST_SOUNDS])


def written_words(text: str) -> list[str]:
    """The words of a text; signs that stand alone and are not spoken go with the word before, or with the first."""
    words: list[str] = []
    leading: list[str] = []
    for token in text.split():
        if any(character.isalnum() for character in token):
            words.append(" ".join([*leading, token]))
            leading = []
        elif words:
            words[-1] += f" {token}"
        else:
            leading.append(token)
    return words


def times_of(
    phrase: str, places: Sequence[WordPlace], durations: Sequence[int], spoken: tuple[int, int], pause: float
) -> tuple[tuple[Timing, ...], tuple[Timing, ...]]:
    """Times of the words and of the phonemes of a phrase that is heard from frame `spoken[0]` to `spoken[1]`.

    `durations (symbols + 2,)` are the frames of the phrase and of the padding around it; `pause` seconds go before.
    """
    first, last = spoken
    frames = [frame - LATE_FRAMES for frame in accumulate(durations)]
    seconds = [round(pause + (min(max(frame, first), last) - first) * SECONDS_PER_FRAME, 3) for frame in frames]
    words = tuple(Timing(text=word, start=seconds[start], end=seconds[end]) for word, start, end in places)
    return words, tuple(_phonemes(phrase, seconds))


def _phonemes(phrase: str, seconds: Sequence[float]) -> list[Timing]:
    """A mark of stress lasts with the phoneme that follows, a mark of length with the one before."""
    phonemes: list[Timing] = []
    start = None
    for place, symbol in enumerate(phrase):
        if symbol in symbols.STRESS_MARKS:
            start = seconds[place]
        elif symbol in symbols.MODIFIERS and phonemes:
            before = phonemes.pop()
            phonemes.append(Timing(text=before.text + symbol, start=before.start, end=seconds[place + 1]))
        elif symbol not in symbols.PAUSES:
            begun = seconds[place] if start is None else start
            phonemes.append(Timing(text=symbol.translate(_IPA), start=begun, end=seconds[place + 1]))
            start = None
    return phonemes


def _laid_beside(expected: str, sounds: str, bounds: Sequence[int]) -> list[int]:
    """Where bounds in `expected` come to lie in `sounds`, with the least edits between them."""
    edges = []
    for bound in bounds:
        edge = len(sounds)
        for step in Levenshtein.opcodes(expected, sounds):
            if step.src_start <= bound < step.src_end:
                edge = min(step.dest_start + bound - step.src_start, step.dest_end)
                break
        edges.append(edge)
    return edges


def _with_stress(phrase: str, places: Sequence[int], start: int, end: int) -> tuple[int, int]:
    """The symbols from the `start`-th to before the `end`-th sound, with the marks of stress before them."""
    if start == end:
        here = places[start] if start < len(places) else len(phrase)
        return here, here
    first = places[start]
    while first and phrase[first - 1] in symbols.STRESS_MARKS:
        first -= 1
    return first, places[end - 1] + 1
