"""Which clips of a run are kept back from training, to measure its voices against."""

from collections.abc import Sequence

from model.engines.protocol import TrainingClip
from model.sampling import spread

LEAST_CLIPS, SHARE, MOST_SECONDS = 5, 0.05, 120.0
LONG_SECONDS = 3.0
MIN_TRAINED_SECONDS = 30.0
"""Least speech with words that is left for training."""


def hold_out(clips: Sequence[TrainingClip], *, at_least_left: int) -> list[TrainingClip]:
    """Clips from everywhere, max(5, 5 %) of them, at most 2 minutes; `at_least_left` clips and 30 s stay in training.

    Long ones where there are enough: a word or two says little about a speaker, and counts as less natural.
    """
    count = max(LEAST_CLIPS, round(len(clips) * SHARE))
    budget = min(MOST_SECONDS, sum(clip.duration_seconds for clip in clips) - MIN_TRAINED_SECONDS)
    long = [clip for clip in clips if clip.duration_seconds >= LONG_SECONDS]
    candidates = long if len(long) >= 2 * count else clips
    kept = spread(candidates, min(count, max(0, len(clips) - at_least_left)))
    while kept and sum(clip.duration_seconds for clip in kept) > budget:
        kept = spread(candidates, len(kept) - 1)
    return kept
