"""What a dataset amounts to as a whole: a score, what was left out and why, and what would improve it most.

The scale is a convention, made to be read: half an hour of clear speech is 80 of 100, two hours are 100. Pure
functions of the rows.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from model.quality import Kind, Verdict, verdict_of
from playground.services.datasets import IDEAL_SECONDS, RECOMMENDED_SECONDS
from playground.services.findings import findings_of
from storage.records import DatasetFile

RECOMMENDED_SCORE = 0.8
CLEARNESS = {Verdict.GOOD: 1.0, Verdict.USABLE: 0.8, Verdict.POOR: 0.4}
"""What a second of a file counts for, by its verdict."""

MOST_IMPROVEMENTS = 3
SILENCE, DUPLICATE, EXCLUDED = "silence", "duplicate", "excluded"


@dataclass(frozen=True, kw_only=True)
class Improvement:
    """One thing to do, and how many points it would bring."""

    words: str
    points: int


@dataclass(frozen=True, kw_only=True)
class Overview:
    """Of all files of a dataset that have been judged."""

    usable_seconds: float
    left_out: Mapping[str, float]
    """Seconds that are in no clip, by reason, most first."""
    unreadable: int
    """Files of which not even the length is known."""
    amount: float
    """How much there is, 0 to 1."""
    clearness: float
    """How clear it is on average, 0 to 1; 1 while there is nothing."""
    improvements: tuple[Improvement, ...]

    @property
    def score(self) -> int:
        return round(100 * self.amount * self.clearness)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """How to tell files with one kind of finding, and what to do with them; `{files}` stands for file or files."""

    which: str
    what_to_do: str


FAULTS = {
    Kind.NOISE: Fault(
        which="noisy {files}", what_to_do="Record {which} again in a quiet room, close to the microphone."
    ),
    Kind.REVERBERATION: Fault(
        which="echoing {files}", what_to_do="Record {which} again in a room with curtains and carpets."
    ),
    Kind.BANDWIDTH: Fault(
        which="muffled {files}", what_to_do="Replace {which} by the originals, or record them with a better microphone."
    ),
    Kind.CLIPPING: Fault(which="distorted {files}", what_to_do="Record {which} again with less input gain."),
    Kind.LOUDNESS: Fault(which="very quiet {files}", what_to_do="Record {which} again, louder."),
    Kind.MUSIC: Fault(which="{files} with music", what_to_do="Replace {which} by recordings without music."),
    Kind.SPEAKER: Fault(which="{files} with another voice", what_to_do="Remove {which}, or exclude those clips."),
    Kind.LANGUAGE: Fault(which="{files} in another language", what_to_do="Remove {which}."),
}


def overview_of(files: Sequence[DatasetFile]) -> Overview:
    """Sum up what is known of the files; those still being checked count for nothing yet."""
    judged = [file for file in files if not file.is_pending]
    usable = sum(file.usable_seconds for file in judged)
    return Overview(
        usable_seconds=usable,
        left_out=_left_out(judged),
        unreadable=sum(file.duration_seconds is None and not file.duplicate_of for file in judged),
        amount=amount_of(usable),
        clearness=_clearness(judged),
        improvements=_improvements(judged),
    )


def amount_of(seconds: float) -> float:
    """The share of the scale that so much speech reaches: .8 at the recommended minimum, 1 at the ideal."""
    first = min(seconds / RECOMMENDED_SECONDS, 1.0)
    rest = min(max(seconds - RECOMMENDED_SECONDS, 0.0) / (IDEAL_SECONDS - RECOMMENDED_SECONDS), 1.0)
    return RECOMMENDED_SCORE * first + (1 - RECOMMENDED_SCORE) * rest


def _clearness(files: Sequence[DatasetFile]) -> float:
    usable = sum(file.usable_seconds for file in files)
    weighted = sum(file.usable_seconds * CLEARNESS.get(Verdict(file.verdict), 0.0) for file in files)
    return weighted / usable if usable else 1.0


def _points(files: Sequence[DatasetFile], *, more_seconds: float = 0.0) -> float:
    """The score before it is rounded, with some more seconds as clear as the rest."""
    usable = sum(file.usable_seconds for file in files) + more_seconds
    return 100 * amount_of(usable) * _clearness(files)


def _left_out(files: Sequence[DatasetFile]) -> dict[str, float]:
    lengths = {file.id: file.duration_seconds or 0.0 for file in files}
    amounts: defaultdict[str, float] = defaultdict(float)
    for file in files:
        if file.duplicate_of:
            amounts[DUPLICATE] += lengths.get(file.duplicate_of, 0.0)
            continue
        for reason, seconds in file.left_out.items():
            amounts[reason] += seconds
        rest = lengths[file.id] - file.usable_seconds - sum(file.left_out.values())
        amounts[EXCLUDED if file.left_out else SILENCE] += max(rest, 0.0)
    most_first = sorted(amounts.items(), key=lambda item: -item[1])
    return {reason: seconds for reason, seconds in most_first if seconds >= 1}


def _improvements(files: Sequence[DatasetFile]) -> tuple[Improvement, ...]:
    """The few that bring most, best first."""
    found = sorted(_possible_improvements(files), key=lambda improvement: -improvement.points)
    return tuple(found[:MOST_IMPROVEMENTS])


def _possible_improvements(files: Sequence[DatasetFile]) -> Iterator[Improvement]:
    now = _points(files)
    usable = sum(file.usable_seconds for file in files)
    for goal, name in ((RECOMMENDED_SECONDS, "recommended minimum"), (IDEAL_SECONDS, "ideal")):
        if usable < goal:
            missing = goal - usable
            words = f"Add {_count(max(round(missing / 60), 1), 'minute')} of speech: {goal / 60:.0f} are the {name}."
            yield Improvement(words=words, points=round(_points(files, more_seconds=missing) - now))
            break
    for kind, fault in FAULTS.items():
        found = [file for file in files if file.usable_seconds and any(one.kind == kind for one in findings_of(file))]
        if found:
            mended = [_without(file, kind) if file in found else file for file in files]
            yield Improvement(words=_words(fault, found), points=max(round(_points(mended) - now), 0))
    rejected = [file for file in files if file.verdict == Verdict.REJECTED]
    if rejected:
        words = f"{_count(len(rejected), 'file')} cannot be used; see the reason at each."
        yield Improvement(words=words, points=0)


def _without(file: DatasetFile, kind: Kind) -> DatasetFile:
    """The file as it would be judged if nothing of this kind had been found."""
    others = [one for one in findings_of(file) if one.kind != kind]
    return replace(file, verdict=str(verdict_of(others)))


def _words(fault: Fault, files: Sequence[DatasetFile]) -> str:
    longest = max(files, key=lambda file: file.usable_seconds)
    seconds = round(sum(file.usable_seconds for file in files))
    amount = _count(seconds, "second") if seconds < 60 else f"{seconds / 60:.1f} minutes"
    if len(files) == 1:
        which = f"the {fault.which.format(files='file')} “{longest.filename}” ({amount})"
    else:
        which = f"the {len(files)} {fault.which.format(files='files')} ({amount}, “{longest.filename}” first)"
    return fault.what_to_do.format(which=which)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
