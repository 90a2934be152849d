"""The dataset's pictures as HTML and SVG: score, minutes, loudness, noise, speaker. Pure functions.

Words stay in HTML, so that they keep their size on a narrow screen; shapes are SVG and stretch. Where a thing stands,
or how it is hatched, says the same as its colour.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from model.quality import Thresholds
from model.speakers import SAME_FROM
from playground.formatting import count, minutes
from playground.services.datasets import IDEAL_SECONDS, RECOMMENDED_SECONDS
from playground.services.overview import Overview
from storage.records import DatasetFile

REASONS = {
    "silence": "pauses and silence",
    "too short": "pieces below 2 seconds",
    "duplicate": "duplicates",
    "excluded": "excluded by you",
}
"""Reasons for leaving something out as people read them; others are shown as they are."""

RING_RADIUS = 26
RING_LENGTH = 2 * 3.14159265 * RING_RADIUS


def score_picture(overview: Overview) -> str:
    """A ring that fills up, and one sentence of what the score is made of."""
    filled = RING_LENGTH * overview.score / 100
    return (
        '<div class="score"><svg viewBox="0 0 64 64" role="img" '
        f'aria-label="Score of the dataset: {overview.score} of 100"><circle cx="32" cy="32" r="{RING_RADIUS}"/>'
        f'<circle class="filled" cx="32" cy="32" r="{RING_RADIUS}" stroke-dasharray="{filled:.1f} {RING_LENGTH:.1f}"/>'
        f'<text x="32" y="39">{overview.score}</text></svg><p>{escape(_score_words(overview))}</p></div>'
    )


def _score_words(overview: Overview) -> str:
    if not overview.usable_seconds:
        return "No usable speech yet."
    amount = round(100 * overview.amount)
    words = f"{minutes(overview.usable_seconds)} of speech count for {amount} of 100"
    lost = amount - overview.score
    if lost:
        return f"{words}; noise and other faults take {lost} off."
    return f"{words}, and {'all' if overview.clearness == 1 else 'most'} of it is clear."


def minutes_picture(overview: Overview) -> str:
    """Usable minutes and what was left out, by reason, as one bar against the recommended minimum and the ideal."""
    left_out = [(REASONS.get(reason, reason), seconds) for reason, seconds in overview.left_out.items()]
    end = max(IDEAL_SECONDS, overview.usable_seconds + sum(seconds for _, seconds in left_out))
    pieces = f'<span class="usable" style="width:{_share(overview.usable_seconds, end)}"></span>'
    legend = f'<li class="usable">{minutes(overview.usable_seconds)} usable</li>'
    for number, (reason, seconds) in enumerate(left_out):
        look = f"out-{number % 4}"
        pieces += f'<span class="{look}" style="width:{_share(seconds, end)}"></span>'
        legend += f'<li class="{look}">{minutes(seconds)} left out: {escape(reason)}</li>'
    if overview.unreadable:
        legend += f'<li class="none">{count(overview.unreadable, "file")} could not be read</li>'
    marks = "".join(f'<i style="left:{_share(seconds, end)}"></i>' for seconds in (RECOMMENDED_SECONDS, IDEAL_SECONDS))
    return (
        '<div class="meter">'
        f"<p><strong>{minutes(overview.usable_seconds)}</strong> of usable speech</p>"
        '<div class="track pieces" role="meter" aria-label="Usable minutes" aria-valuemin="0" '
        f'aria-valuemax="{IDEAL_SECONDS / 60:.0f}" aria-valuenow="{overview.usable_seconds / 60:.1f}">'
        f"{pieces}{marks}</div>"
        f'<div class="marks"><span style="left:max(72px, {_share(RECOMMENDED_SECONDS, end)})">'
        f"{RECOMMENDED_SECONDS / 60:.0f} min · recommended</span>"
        f'<span class="end" style="right:{_share(end - IDEAL_SECONDS, end)}">{IDEAL_SECONDS / 60:.0f} min · ideal'
        f'</span></div><ul class="legend">{legend}</ul></div>'
    )


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.2f}%"


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A stretch of an axis from `start` to the next zone, and what it means there."""

    start: float
    name: str
    tone: str


@dataclass(frozen=True, kw_only=True)
class Axis:
    """What is drawn of each file: where it lies, and in which zones."""

    title: str
    unit: str
    zones: tuple[Zone, ...]
    end: float
    value: Callable[[DatasetFile], float | None]

    @property
    def start(self) -> float:
        return self.zones[0].start

    def zone_of(self, value: float) -> Zone:
        return next((zone for zone in reversed(self.zones) if value >= zone.start), self.zones[0])


_LIMITS = Thresholds()
LOUDNESS = Axis(
    title="Loudness",
    unit="LUFS",
    zones=(
        Zone(start=-60, name="faint", tone="poor"),
        Zone(start=_LIMITS.poor_loudness_lufs, name="quiet", tone="fair"),
        Zone(start=_LIMITS.good_loudness_lufs, name="good", tone="good"),
    ),
    end=-8,
    value=lambda file: file.loudness_lufs,
)
NOISE = Axis(
    title="Speech above the noise",
    unit="dB",
    zones=(
        Zone(start=0, name="noisy", tone="poor"),
        Zone(start=_LIMITS.poor_snr_db, name="fair", tone="fair"),
        Zone(start=_LIMITS.good_snr_db, name="good", tone="good"),
    ),
    end=72,
    value=lambda file: file.snr_db,
)
SPEAKER = Axis(
    title="One speaker",
    unit="likeness to the main voice",
    zones=(
        Zone(start=0.4, name="another voice?", tone="poor"),
        Zone(start=SAME_FROM, name="same voice", tone="good"),
    ),
    end=1.0,
    value=lambda file: file.speaker_similarity,
)
BINS = 26
HEIGHT = 60
NAMED = 5
"""Files that a bar names when it is pointed at."""


def files_pictures(files: Sequence[DatasetFile]) -> str:
    """How loud, how noisy and how like one speaker the files are: a histogram each, once it is measured."""
    drawn = "".join(histogram(axis, files) for axis in (LOUDNESS, NOISE, SPEAKER))
    return f'<div class="histograms">{drawn}</div>' if drawn else ""


def histogram(axis: Axis, files: Sequence[DatasetFile]) -> str:
    """Bars of how many files lie where, over zones that say what that means."""
    bins: dict[int, list[DatasetFile]] = {}
    for file in files:
        value = axis.value(file)
        if value is not None:
            part = (value - axis.start) / (axis.end - axis.start)
            bins.setdefault(min(max(int(part * BINS), 0), BINS - 1), []).append(file)
    if not bins:
        return ""
    tallest = max(len(found) for found in bins.values())
    bars = "".join(_bar(axis, place, found, tallest) for place, found in sorted(bins.items()))
    return (
        f'<figure class="histogram"><figcaption>{axis.title} <small>{axis.unit}</small></figcaption>'
        f'<svg viewBox="0 0 {BINS} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(_in_words(axis, files))}">{_bands(axis)}{bars}</svg>'
        f'<div class="zones">{_zone_names(axis)}</div></figure>'
    )


def _bar(axis: Axis, place: int, files: Sequence[DatasetFile], tallest: int) -> str:
    height = max(HEIGHT * 0.92 * len(files) / tallest, 2)
    middle = axis.start + (place + 0.5) / BINS * (axis.end - axis.start)
    names = ", ".join(file.filename for file in files[:NAMED]) + (" …" if len(files) > NAMED else "")
    return (
        f'<rect class="{axis.zone_of(middle).tone}" x="{place + 0.1:.1f}" y="{HEIGHT - height:.1f}" width=".8" '
        f'height="{height:.1f}"><title>{count(len(files), "file")}: {escape(names)}</title></rect>'
    )


def _edges(axis: Axis) -> list[tuple[Zone, float, float]]:
    """Each zone with its ends as shares of the axis."""
    starts = [(zone.start - axis.start) / (axis.end - axis.start) for zone in axis.zones]
    return list(zip(axis.zones, starts, [*starts[1:], 1.0], strict=True))


def _bands(axis: Axis) -> str:
    return "".join(
        f'<rect class="band {zone.tone}" x="{start * BINS:.2f}" y="0" width="{(end - start) * BINS:.2f}" '
        f'height="{HEIGHT}"/>'
        for zone, start, end in _edges(axis)
    )


def _zone_names(axis: Axis) -> str:
    return "".join(
        f'<span style="width:{100 * (end - start):.1f}%">{escape(zone.name)}'
        f"<small>{f'{zone.start:g}'.replace('-', '−')}</small></span>"
        for zone, start, end in _edges(axis)
    )


def _in_words(axis: Axis, files: Sequence[DatasetFile]) -> str:
    """`Loudness: 3 files good, 1 file quiet`, for who cannot see the bars."""
    values = [value for file in files if (value := axis.value(file)) is not None]
    amounts = {zone.name: sum(axis.zone_of(value) is zone for value in values) for zone in reversed(axis.zones)}
    words = ", ".join(f"{count(amount, 'file')} {name}" for name, amount in amounts.items() if amount)
    return f"{axis.title}: {words}"
