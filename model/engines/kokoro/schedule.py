"""Time as the measure of training: how far a stage has come, how strongly to learn, when to stop."""

import time
from collections import deque
from dataclasses import dataclass, field

WARMUP_STEPS = 10
DECAY_FROM = 0.6
LEAST_FACTOR = 0.05
_RECENT = 10


@dataclass
class Schedule:
    """A stage's steps within `seconds`, or within `max_steps` if those come first.

    `start` is the share of the stage that an earlier run has done already.
    """

    seconds: float
    max_steps: int | None = None
    start: float = 0.0
    step: int = 0
    _began: float = field(default_factory=time.monotonic)
    _losses: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))

    @property
    def elapsed(self) -> float:
        """Seconds since the stage began."""
        return time.monotonic() - self._began

    @property
    def fraction(self) -> float:
        """How much of the stage is done, 0 to 1."""
        by_time = self.elapsed / max(self.seconds, 1e-3)
        by_steps = self.step / self.max_steps if self.max_steps else 0.0
        return min(1.0, self.start + (1 - self.start) * max(by_time, by_steps))

    @property
    def steps(self) -> int:
        """How many steps there will be, by those so far."""
        if self.step == 0:
            return self.max_steps or 1
        by_time = max(self.step, round(self.seconds * self.step / self.elapsed))
        return min(by_time, self.max_steps) if self.max_steps else by_time

    @property
    def seconds_left(self) -> float:
        """Seconds until the last step, by the steps so far."""
        if self.step == 0:
            return self.seconds
        return max(0.0, (self.steps - self.step) * self.elapsed / self.step)

    @property
    def rate_factor(self) -> float:
        """What the learning rates are multiplied by: a short rise, a plateau, a fall over the last 40 %."""
        rise = min(1.0, (self.step + 1) / WARMUP_STEPS)
        return rise * max(LEAST_FACTOR, min(1.0, (1 - self.fraction) / (1 - DECAY_FROM)))

    @property
    def loss(self) -> float:
        """Mean loss of the last ten steps."""
        return sum(self._losses) / max(1, len(self._losses))

    def goes_on(self) -> bool:
        """Whether one more step fits. The first always does: a stage without a step would leave nothing."""
        if self.step == 0:
            return True
        if self.max_steps is not None and self.step >= self.max_steps:
            return False
        return self.elapsed + 0.5 * self.elapsed / self.step < self.seconds

    def record(self, loss: float | None) -> None:
        """Count one step, unless it was lost."""
        if loss is None:
            return
        self.step += 1
        self._losses.append(loss)
