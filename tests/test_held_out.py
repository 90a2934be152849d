"""Which clips a run keeps back."""

from pathlib import Path

import numpy as np
import pytest

from model.engines.protocol import TrainingClip
from model.sampling import spread
from playground.services.held_out import LEARNT_SECONDS, hold_out, learnt_from


def _clips(*seconds: float) -> list[TrainingClip]:
    return [
        TrainingClip(id=str(number), path=Path(f"{number}.wav"), transcript="word", duration_seconds=length)
        for number, length in enumerate(seconds)
    ]


def test_one_clip_in_twenty_is_kept_back_from_all_over_the_data() -> None:
    kept = [int(clip.id) for clip in hold_out(_clips(*[4.0] * 200), at_least_left=4)]
    assert len(kept) == 10
    assert max(kept) >= 150


def test_clips_of_a_word_or_two_are_not_kept_back_where_there_are_longer_ones() -> None:
    kept = hold_out(_clips(*[1.0, 4.0, 1.5, 2.0] * 20), at_least_left=4)
    assert len(kept) == 5
    assert all(clip.duration_seconds == 4.0 for clip in kept)


def test_short_clips_are_kept_back_where_there_are_no_others() -> None:
    assert len(hold_out(_clips(*[1.5] * 60), at_least_left=4)) == 5


def test_no_more_than_two_minutes_are_kept_back() -> None:
    kept = hold_out(_clips(*[14.0] * 400), at_least_left=4)
    assert 100 < sum(clip.duration_seconds for clip in kept) <= 120


def test_the_two_minutes_are_from_all_over_the_data() -> None:
    lengths = [3.0 + number % 7 for number in range(1200)]
    kept = hold_out(_clips(*lengths), at_least_left=4)
    assert max(int(clip.id) for clip in kept) > 1000
    assert 100 < sum(clip.duration_seconds for clip in kept) <= 120


def test_half_a_minute_and_four_clips_stay_in_training() -> None:
    assert hold_out(_clips(10.0, 10.0, 10.0), at_least_left=2) == []
    assert len(hold_out(_clips(*[9.0] * 6), at_least_left=4)) <= 2


@pytest.mark.parametrize("count", [5, 31, 59, 60, 89])
def test_clips_are_taken_from_the_first_to_the_last(count: int) -> None:
    taken = [int(clip.id) for clip in spread(_clips(*[4.0] * count), 30)]
    assert len(set(taken)) == min(count, 30)
    assert taken == sorted(taken)
    assert taken[-1] >= count - 3


def test_a_run_learns_from_three_quarters_of_an_hour_taken_from_all_that_there_is() -> None:
    clips = _clips(*np.random.default_rng(0).uniform(3, 10, 1200))
    learnt = learnt_from(clips)
    assert LEARNT_SECONDS - 60 < sum(clip.duration_seconds for clip in learnt) <= LEARNT_SECONDS
    assert max(int(clip.id) for clip in learnt) > 1190
    assert learnt_from(clips[:300]) == clips[:300]
