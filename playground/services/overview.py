"""What a dataset amounts to as a whole: a score, what was left out and why, and what would improve it most.

The scale is a convention, made to be read: half an hour of clear speech is 80 of 100, two hours are 100. Pure
functions of the rows.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from model.quality import Thresholds, Verdict
from playground.services.datasets import IDEAL_SECONDS, RECOMMENDED_SECONDS
from storage.records import DatasetFile

RECOMMENDED_SCORE = 0.8
CLEARNESS = {Verdict.GOOD: 1.0, Verdict.USABLE: 0.8, Verdict.POOR: 0.4}
"""What a second of a file counts for, by its verdict."""

THRESHOLDS = Thresholds()
MOST_IMPROVEMENTS = 3
SILENCE, DUPLICATE = "silence", "duplicate"


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
    """One thing that figures show in a file, what to do about it, and how to tell it."""

    name: str
    advice: str
    is_in: Callable[[DatasetFile], bool]


FAULTS = (
    Fault(
        name="noisy",
        advice="in a quiet room, close to the microphone",
        is_in=lambda file: (file.snr_db if file.snr_db is not None else 99.0) < THRESHOLDS.good_snr_db,
    ),
    Fault(
        name="muffled",
        advice="with a better microphone, or take the originals instead of compressed copies",
        is_in=lambda file: (file.bandwidth_hz or 99_000.0) < THRESHOLDS.good_bandwidth_hz,
    ),
    Fault(
        name="clipped",
        advice="with less input gain",
        is_in=lambda file: (file.clipping_ratio or 0.0) > THRESHOLDS.good_clipping_ratio,
    ),
    Fault(
        name="very quiet",
        advice="louder, closer to the microphone",
        is_in=lambda file: (file.loudness_lufs or 0.0) < THRESHOLDS.good_loudness_lufs,
    ),
)


def overview_of(files: Sequence[DatasetFile]) -> Overview:
    """Sum up what is known of the files; those still being checked count for nothing yet."""
    judged = [file for file in files if not file.is_pending]
    usable = sum(file.usable_seconds for file in judged)
    return Overview(
        usable_seconds=usable,
        left_out=_left_out(judged),
        unreadable=sum(file.duration_seconds is None and not _twin_of(file, judged) for file in judged),
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
    amounts: defaultdict[str, float] = defaultdict(float)
    for file in files:
        twin = _twin_of(file, files)
        if twin is not None:
            amounts[DUPLICATE] += twin.duration_seconds or 0.0
            continue
        for reason, seconds in file.left_out.items():
            amounts[reason] += seconds
        rest = (file.duration_seconds or 0.0) - file.usable_seconds - sum(file.left_out.values())
        amounts[SILENCE] += max(rest, 0.0)
    most_first = sorted(amounts.items(), key=lambda item: -item[1])
    return {reason: seconds for reason, seconds in most_first if seconds >= 1}


def _twin_of(file: DatasetFile, files: Sequence[DatasetFile]) -> DatasetFile | None:
    """The file that this one is an exact copy of, when it is left out as such."""
    if file.verdict != Verdict.REJECTED or file.duration_seconds is not None:
        return None
    return next((other for other in files if other.sha256 == file.sha256 and other.duration_seconds), None)


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
    for fault in FAULTS:
        found = [file for file in files if file.usable_seconds and file.verdict != Verdict.GOOD and fault.is_in(file)]
        if found:
            better = [replace(file, verdict=str(Verdict.GOOD)) if file in found else file for file in files]
            yield Improvement(words=_again(fault, found), points=round(_points(better) - now))
    rejected = [file for file in files if file.verdict == Verdict.REJECTED]
    if rejected:
        words = (
            f"{_count(len(rejected), 'file')} cannot be used; see the reason at each."
        )
        yield Improvement(words=words, points=0)


def _again(fault: Fault, files: Sequence[DatasetFile]) -> str:
    worst = max(files, key=lambda file: file.usable_seconds)
    minutes = sum(file.usable_seconds for file in files) / 60
    what = f"the {fault.name} file" if len(files) == 1 else f"the {len(files)} {fault.name} files"
    return f"Record {what} ({minutes:.1f} minutes) again {fault.advice}: “{worst.filename}” first."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
