"""Recordings -> clips of 2 to 12 s, cut at pauses, with a little silence left at both ends and one level a file."""

import warnings
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.audio import FULL_SCALE, SAMPLE_RATE, decibels
from model.engines.protocol import MAX_CLIP_SECONDS
from model.engines.protocol import MIN_CLIP_SECONDS as MIN_ONLY_CLIP_SECONDS
from model.files import written_aside
from model.rumble import without_rumble
from model.voice_activity import HOP_SECONDS, Activity, Span

MIN_CLIP_SECONDS = 2.0
"""Shorter stretches are joined to a neighbour; only what is all the speech of a file may be shorter (1 s)."""

MARGIN_SECONDS = 0.15
"""Silence kept before and after; the detector reacts up to two of its steps (64 ms) late."""

LONG_PAUSE_SECONDS = 0.7
"""A pause inside a clip is shorter than this, unless a stretch below 2 s needs its neighbour."""

JOINED_PAUSE_SECONDS = 1.5
CUT_WINDOW_SECONDS = 0.12
"""Energy is averaged over this to find a cut in unbroken speech: longer than the closure of a plosive."""

TARGET_LUFS = -23.0
"""EBU R 128's programme level."""

PEAK_LIMIT_DBFS = -1.0
MAX_GAIN_DB = 40.0
FADE_MS = 8
LONGEST_SPEECH = MAX_CLIP_SECONDS - 2 * MARGIN_SECONDS
SHORTEST_SPEECH = MIN_CLIP_SECONDS - 2 * MARGIN_SECONDS


class Reason(StrEnum):
    """Why a part of a recording is in no clip."""

    SILENCE = "silence"
    TOO_SHORT = "too short"


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """How much of a recording is in no clip, and why."""

    reason: Reason
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Where to cut."""

    spans: tuple[Span, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def usable_seconds(self) -> float:
        return sum(span.duration_seconds for span in self.spans)


@dataclass(frozen=True, kw_only=True)
class CutClip:
    """A clip as it lies on disk: mono 16-bit PCM WAV at 24 kHz, and where in the recording it was."""

    path: Path
    start_seconds: float
    duration_seconds: float


Stretch = tuple[Span, ...]
"""Speech that stays together, with the pauses in it."""


def plan_clips(activity: Activity) -> Plan:
    """Choose the cuts: at long pauses, then at the longest ones within what is over 12 s, never in a word.

    Speech over 12 s without any pause is cut where it is quietest.
    """
    stretches = [
        part
        for stretch in _join_short(_split_at_long_pauses(activity.speech))
        for part in _split_to_length(stretch, activity)
    ]
    spans = _with_margins(stretches, activity)
    if len(spans) == 1 and activity.duration_seconds >= MIN_ONLY_CLIP_SECONDS:
        kept = [_widened(spans[0], MIN_ONLY_CLIP_SECONDS, activity.duration_seconds)]
    else:
        kept = [span for span in spans if span.duration_seconds >= MIN_CLIP_SECONDS]
    too_short = sum(span.duration_seconds for span in spans) if not kept else _seconds(spans) - _seconds(kept)
    silence = activity.duration_seconds - _seconds(kept) - too_short
    amounts = {Reason.SILENCE: silence, Reason.TOO_SHORT: too_short}
    left_out = [LeftOut(reason=reason, seconds=seconds) for reason, seconds in amounts.items() if seconds > 0.01]
    return Plan(spans=tuple(kept), left_out=tuple(left_out))


def _seconds(spans: Sequence[Span]) -> float:
    return sum(span.duration_seconds for span in spans)


def _length(stretch: Stretch) -> float:
    return stretch[-1].end_seconds - stretch[0].start_seconds


def _pause(before: Stretch, after: Stretch) -> float:
    return after[0].start_seconds - before[-1].end_seconds


def _split_at_long_pauses(speech: Sequence[Span]) -> list[Stretch]:
    stretches: list[Stretch] = []
    for span in speech:
        if stretches and _pause(stretches[-1], (span,)) <= LONG_PAUSE_SECONDS:
            stretches[-1] += (span,)
        else:
            stretches.append((span,))
    return stretches


def _join_short(stretches: list[Stretch]) -> list[Stretch]:
    """Join stretches below 2 s to the nearer neighbour, across at most 1.5 s and up to 12 s."""
    joined = list(stretches)
    position = 0
    while position < len(joined):
        neighbours = [
            first
            for first in (position - 1, position)
            if 0 <= first < len(joined) - 1 and _may_join(joined[first], joined[first + 1])
        ]
        if _length(joined[position]) >= SHORTEST_SPEECH or not neighbours:
            position += 1
            continue
        first = min(neighbours, key=lambda index: _pause(joined[index], joined[index + 1]))
        joined[first : first + 2] = [joined[first] + joined[first + 1]]
        position = first
    return joined


def _may_join(before: Stretch, after: Stretch) -> bool:
    return _pause(before, after) <= JOINED_PAUSE_SECONDS and _length(before + after) <= LONGEST_SPEECH


def _split_to_length(stretch: Stretch, activity: Activity) -> list[Stretch]:
    if _length(stretch) <= LONGEST_SPEECH:
        return [stretch]
    cuts = [index for index in range(1, len(stretch)) if _leaves_enough(stretch[:index], stretch[index:])]
    if cuts:
        cut = max(cuts, key=lambda index: _pause(stretch[:index], stretch[index:]))
        before, after = stretch[:cut], stretch[cut:]
    else:
        before, after = _cut_at(stretch, _quietest(stretch, activity))
    return [*_split_to_length(before, activity), *_split_to_length(after, activity)]


def _leaves_enough(before: Stretch, after: Stretch) -> bool:
    return min(_length(before), _length(after)) >= SHORTEST_SPEECH


def _quietest(stretch: Stretch, activity: Activity) -> float:
    """Second of least energy that leaves 2 s on both sides and at most 12 s before it."""
    earliest = stretch[0].start_seconds + MIN_CLIP_SECONDS
    latest = min(stretch[-1].end_seconds - MIN_CLIP_SECONDS, stretch[0].start_seconds + LONGEST_SPEECH)
    return _quietest_between(earliest, latest, activity.power)


def _quietest_between(earliest: float, latest: float, power: NDArray[np.float32]) -> float:
    """Second of least energy, of `power` in steps of 8 ms, smoothed over 120 ms."""
    half = int(CUT_WINDOW_SECONDS / HOP_SECONDS) // 2
    first = max(int(earliest / HOP_SECONDS), half)
    around = power[first - half : max(int(latest / HOP_SECONDS), first + 1) + half]
    smooth = np.convolve(around, np.ones(2 * half + 1), mode="valid")
    return (first + int(np.argmin(smooth))) * HOP_SECONDS


def _cut_at(stretch: Stretch, second: float) -> tuple[Stretch, Stretch]:
    before = [
        Span(start_seconds=span.start_seconds, end_seconds=min(span.end_seconds, second))
        for span in stretch
        if span.start_seconds < second
    ]
    after = [
        Span(start_seconds=max(span.start_seconds, second), end_seconds=span.end_seconds)
        for span in stretch
        if span.end_seconds > second
    ]
    return tuple(before), tuple(after)


def _with_margins(stretches: Sequence[Stretch], activity: Activity) -> list[Span]:
    """Add silence at both ends; where the pause is too short for two margins, meet at its quietest moment."""
    bounds = [[s[0].start_seconds - MARGIN_SECONDS, s[-1].end_seconds + MARGIN_SECONDS] for s in stretches]
    for before, after, left, right in zip(stretches, stretches[1:], bounds, bounds[1:], strict=False):
        if left[1] > right[0]:
            left[1] = right[0] = _quietest_between(before[-1].end_seconds, after[0].start_seconds, activity.power)
    return [
        Span(start_seconds=max(start, 0.0), end_seconds=min(end, activity.duration_seconds)) for start, end in bounds
    ]


def _widened(span: Span, seconds: float, limit: float) -> Span:
    """`span`, grown evenly within 0 and `limit` to at least `seconds`."""
    start = max(min(span.start_seconds - (seconds - span.duration_seconds) / 2, limit - seconds), 0.0)
    if span.duration_seconds >= seconds:
        return span
    return Span(start_seconds=start, end_seconds=start + seconds)


def cut_clips(wav: Path, plan: Plan, folder: Path, *, loudness_lufs: float) -> list[CutClip]:
    """Write the clips of `plan` to `folder`: rumble removed, brought to -23 LUFS by one gain, faded at the ends.

    `loudness_lufs` is that of the whole `wav` (mono, 24 kHz, 16 bit), of which one clip at a time is read. A clip
    whose peak would pass -1 dBFS gets less gain.
    """
    gain_db = min(TARGET_LUFS - loudness_lufs, MAX_GAIN_DB)
    folder.mkdir(parents=True, exist_ok=True)
    return list(_cut_clips(wav, plan.spans, folder, gain_db=gain_db))


def _cut_clips(source: Path, spans: Sequence[Span], folder: Path, *, gain_db: float) -> Iterator[CutClip]:
    segment_type = _audio_segment()
    with source.open("rb") as file, wave.open(file, "rb") as wav:
        for number, span in enumerate(spans):
            wav.setpos(round(span.start_seconds * SAMPLE_RATE))
            pcm = np.frombuffer(wav.readframes(round(span.duration_seconds * SAMPLE_RATE)), "<i2")
            clear = np.round(without_rumble(pcm.astype(np.float32)))
            centred = np.clip(clear, -FULL_SCALE, FULL_SCALE - 1).astype("<i2")
            peak_dbfs = decibels(float(np.abs(centred.astype(np.float32)).max(initial=0)) / FULL_SCALE)
            segment = segment_type(centred.tobytes(), sample_width=2, frame_rate=SAMPLE_RATE, channels=1)
            levelled = segment.apply_gain(min(gain_db, PEAK_LIMIT_DBFS - peak_dbfs))
            path = folder / f"{number:05d}.wav"
            with written_aside(path) as part:
                levelled.fade_in(FADE_MS).fade_out(FADE_MS).export(part, format="wav").close()
            yield CutClip(path=path, start_seconds=span.start_seconds, duration_seconds=len(centred) / SAMPLE_RATE)


def _audio_segment() -> Any:
    """pydub's class; its import warns that no ffmpeg program is there, and none is needed for PCM."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pydub import AudioSegment
    return AudioSegment
