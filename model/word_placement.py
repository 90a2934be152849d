"""The text of a whole recording -> the part of it that is said in each clip, found through what recognition heard.

Given and heard words are aligned at the least edit distance (Levenshtein 1966), compared as word error rates are.
Where there are subtitles, their times are a second proposal; what is nearer to the heard words wins.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from model.evaluation import normalize_text, word_error_rate
from model.transcript_files import Cue

LEAST_AGREEMENT = 0.5
"""Where fewer of the given words were heard, they are taken for another text."""

LONGEST_UNHEARD = 3
"""Words in a row: recognition may drop so many; more of them were not said in the clip."""

OUTSIDE_SECONDS = 0.3
"""A word of a subtitle may lie so far outside of its clip."""

SENTENCE_ENDS = (".", "!", "?", "…", ".”", "!”", "?”", '."', '!"', '?"', "।")


@dataclass(frozen=True, kw_only=True)
class HeardClip:
    """A clip with its place in the recording, and what recognition heard in it."""

    id: str
    start_seconds: float
    end_seconds: float
    heard: str


@dataclass(frozen=True, kw_only=True)
class PlacedText:
    """Given words for one clip; `agreement` is the share of them that was heard, 0 to 1."""

    text: str
    agreement: float

    @property
    def fits(self) -> bool:
        return self.agreement >= LEAST_AGREEMENT


def place_text(
    text: str, clips: Sequence[HeardClip], *, language: str, cues: Sequence[Cue] = ()
) -> dict[str, PlacedText]:
    """What of `text` is said in each of `clips`, by their ids; clips for which nothing was found are left out.

    Clips are in the order of the recording; some may be missing. `language` is a code of two letters.
    """
    proposals = [_by_time(cues, clips)] if cues else []
    proposals.append(_by_words(text.split(), clips, language))
    placed: dict[str, PlacedText] = {}
    for clip in clips:
        for words in (proposal[clip.id] for proposal in proposals if proposal.get(clip.id)):
            one = PlacedText(text=words, agreement=agreement(words, clip.heard, language))
            if clip.id not in placed or one.agreement > placed[clip.id].agreement:
                placed[clip.id] = one
    return placed


def agreement(given: str, heard: str, language: str) -> float:
    """1 - word error rate, at least 0."""
    return max(1 - word_error_rate(given, heard, language), 0.0)


def _by_time(cues: Sequence[Cue], clips: Sequence[HeardClip]) -> dict[str, str]:
    """Each word goes to the clip that it lies in, by its share of the letters of its subtitle."""
    words: dict[str, list[str]] = {clip.id: [] for clip in clips}
    current = 0
    for second, word in _timed_words(cues):
        while current < len(clips) - 1 and _outside(clips[current + 1], second) < _outside(clips[current], second):
            current += 1
        if clips and _outside(clips[current], second) <= OUTSIDE_SECONDS:
            words[clips[current].id].append(word)
    return {id: " ".join(said) for id, said in words.items()}


def _timed_words(cues: Sequence[Cue]) -> Iterator[tuple[float, str]]:
    """Words with the second of their middle."""
    for cue in sorted(cues, key=lambda one: one.start_seconds):
        letters, length = 0.0, cue.end_seconds - cue.start_seconds
        for word in cue.text.split():
            yield cue.start_seconds + length * (letters + len(word) / 2) / len(cue.text), word
            letters += len(word) + 1


def _outside(clip: HeardClip, second: float) -> float:
    """Seconds from a moment to a clip; 0 within it."""
    return max(clip.start_seconds - second, second - clip.end_seconds, 0.0)


def _by_words(given: Sequence[str], clips: Sequence[HeardClip], language: str) -> dict[str, str]:
    spans = {
        clip: span for clip, numbers in _matched(given, clips, language).items() if (span := _densest(sorted(numbers)))
    }
    bounds = _with_borders(given, [(clip, *spans[clip]) for clip in sorted(spans)])
    return {clips[clip].id: " ".join(given[first:end]) for clip, first, end in bounds}


def _matched(given: Sequence[str], clips: Sequence[HeardClip], language: str) -> dict[int, set[int]]:
    """The numbers of the given words that stand against words heard in a clip, by the clip's number."""
    import jiwer

    said = _tokens(enumerate(given), language)
    heard = _tokens(((number, word) for number, clip in enumerate(clips) for word in clip.heard.split()), language)
    matched: dict[int, set[int]] = {}
    if not said or not heard:
        return matched
    aligned = jiwer.process_words(" ".join(token for token, _ in said), " ".join(token for token, _ in heard))
    for chunk in aligned.alignments[0]:
        if chunk.type in ("equal", "substitute"):
            length = chunk.ref_end_idx - chunk.ref_start_idx
            for step in range(length):
                clip = heard[chunk.hyp_start_idx + step][1]
                matched.setdefault(clip, set()).add(said[chunk.ref_start_idx + step][1])
    return matched


def _tokens(words: Iterable[tuple[int, str]], language: str) -> list[tuple[str, int]]:
    """Numbered words as they are compared, which may be none or two for one."""
    known: dict[str, list[str]] = {}
    tokens = []
    for number, word in words:
        if word not in known:
            known[word] = normalize_text(word, language).split()
        tokens += [(token, number) for token in known[word]]
    return tokens


def _densest(numbers: Sequence[int]) -> tuple[int, int] | None:
    """First and last + 1 of the longest row of words without a wide gap: a stray match elsewhere is no part of it."""
    runs: list[list[int]] = [[number] for number in numbers[:1]]
    for before, number in pairwise(numbers):
        if number - before > LONGEST_UNHEARD + 1:
            runs.append([])
        runs[-1].append(number)
    longest = max(runs, key=len, default=None)
    return (longest[0], longest[-1] + 1) if longest else None


def _with_borders(given: Sequence[str], spans: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Give the few unheard words beside or between clips to the one whose sentence they belong to, none to two."""
    grown = [list(span) for span in spans]
    edges = [[-1, 0, 0], *grown, [-1, len(given), len(given)]]
    for before, after in pairwise(edges):
        after[1] = max(after[1], before[2])
        if after[1] - before[2] > LONGEST_UNHEARD:
            continue
        if before is edges[0]:
            border = 0
        elif after is edges[-1]:
            border = len(given)
        else:
            border = _border(given, before[2], after[1])
        before[2] = after[1] = border
    return [(clip, first, end) for clip, first, end in grown if first < end]


def _border(given: Sequence[str], first: int, end: int) -> int:
    """Where the next clip's words begin, from `first` to `end`: after the end of a sentence, else at once."""
    ends = [number + 1 for number in range(first - 1, end) if given[number].endswith(SENTENCE_ENDS)]
    return ends[0] if ends else first
