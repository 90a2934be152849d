"""Which clips of a run are trained on, and which are kept back, to measure its voices against."""

from collections.abc import Sequence

from model.engines.protocol import TrainingClip
from model.sampling import spread

LEAST_CLIPS, SHARE, MOST_SECONDS = 5, 0.05, 120.0
LONG_SECONDS = 3.0
MIN_TRAINED_SECONDS = 30.0
"""Least speech with words that is left for training."""
LEARNT_SECONDS = 45 * 60.0
"""Most speech that a run learns from: it sees each clip about once then, and holds them in less than 4 GB."""
HEARD_SECONDS = LEARNT_SECONDS + MOST_SECONDS
"""With what is kept back."""


def hold_out(clips: Sequence[TrainingClip], *, at_least_left: int) -> list[TrainingClip]:
    """Clips from everywhere, max(5, 5 %) of them, at most 2 minutes; `at_least_left` clips and 30 s stay in training.

    Long ones where there are enough: a word or two says little about a speaker, and counts as less natural.
    """
    count = max(LEAST_CLIPS, round(len(clips) * SHARE))
    budget = min(MOST_SECONDS, sum(clip.duration_seconds for clip in clips) - MIN_TRAINED_SECONDS)
    long = [clip for clip in clips if clip.duration_seconds >= LONG_SECONDS]
    candidates = long if len(long) >= 2 * count else clips
    return _spread_within(candidates, min(count, max(0, len(clips) - at_least_left)), budget)


def learnt_from(clips: Sequence[TrainingClip]) -> list[TrainingClip]:
    """All clips, or as many of them, from everywhere, as a run learns from."""
    return _spread_within(clips, len(clips), LEARNT_SECONDS)


def _spread_within(clips: Sequence[TrainingClip], count: int, seconds: float) -> list[TrainingClip]:
    """So many of the clips, from everywhere, or fewer that last no longer."""
    total = sum(clip.duration_seconds for clip in clips)
    taken = spread(clips, min(count, round(1.1 * len(clips) * seconds / total) + 1) if total > seconds else count)
    while taken and sum(clip.duration_seconds for clip in taken) > seconds:
        taken = spread(clips, len(taken) - 1)
    return taken
