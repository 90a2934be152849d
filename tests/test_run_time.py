"""How the minutes that were asked for are divided."""

import pytest

from playground.services.run_time import LEAST_TRAINING_SHARE, RunTime
from storage.records import FineTune
from storage.times import later, now


def _begun(*, minutes_ago: float) -> RunTime:
    """A run of ten minutes."""
    started = later(now(), -60 * minutes_ago)
    return RunTime(FineTune(name="Ada", language="en", model_id="m", training_minutes=10, started_at=started))


def test_what_the_check_needs_is_kept_from_the_training() -> None:
    time = _begun(minutes_ago=0)
    time.reserve = 100.0
    assert time.for_training == pytest.approx(500, abs=5)


def test_a_training_has_its_time_where_all_else_is_slow() -> None:
    """The run ends late then, and says so."""
    time = _begun(minutes_ago=5)
    time.reserve = 540.0
    assert time.for_training == LEAST_TRAINING_SHARE * 600
    assert time.at("align", 0, 1, seconds_left=time.for_training + time.reserve).eta_seconds == 780
