"""The time of one attempt: what is spent, what is left of the minutes that were asked for, and progress by it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from playground.services.runs import RunProgress
from storage.records import FineTune
from storage.times import now, seconds_between

SHORTEST_RUN_SECONDS = 20.0
LEAST_TRAINING_SHARE = 0.4
"""Of the minutes that were asked for. Where recognition and the check take so long that less is left, the run ends
later: on a slow processor a voice of ten minutes had been trained for one step."""


class RunTime:
    """Begins when it is made. A run that another worker had begun has spent some time already."""

    def __init__(self, fine_tune: FineTune) -> None:
        self._spent_before = seconds_between(fine_tune.started_at or now(), now())
        self._began = time.monotonic()
        asked = fine_tune.training_minutes * 60
        self._least_training = LEAST_TRAINING_SHARE * asked
        self._deadline = self._began + max(asked - self._spent_before, SHORTEST_RUN_SECONDS)
        self.reserve = 0.0
        """Seconds that the check at the end needs."""

    @property
    def spent(self) -> float:
        """Seconds, those of workers before this one included."""
        return self._spent_before + time.monotonic() - self._began

    @property
    def left(self) -> float:
        """Seconds until the run shall end; negative when it is late."""
        return self._deadline - time.monotonic()

    @property
    def for_training(self) -> float:
        """Seconds left for the engine; a good part of what was asked for at least."""
        return max(self.left - self.reserve, self._least_training)

    @contextmanager
    def not_counted(self) -> Iterator[None]:
        """For what is done once on a machine, not in each run: the run may end so much later."""
        began = time.monotonic()
        yield
        self._deadline += time.monotonic() - began

    def at(
        self,
        stage: str,
        step: int,
        steps: int,
        *,
        loss: float | None = None,
        message: str = "",
        seconds_left: float | None = None,
    ) -> RunProgress:
        """Progress as the share of the time that is spent; `seconds_left` counts where somebody knows better."""
        spent = self.spent
        left = max(self.left if seconds_left is None else seconds_left, 1.0)
        return RunProgress(
            stage=stage,
            step=step,
            steps=steps,
            progress=spent / (spent + left),
            eta_seconds=left,
            loss=loss,
            message=message,
        )
