"""How often a caller may ask."""

import time
from collections.abc import Callable

from playground.services.errors import TooManyRequests
from playground.services.keys import Caller


class Rate:
    """A bucket of tokens for each caller: as many requests at once as in a minute, refilled evenly."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`per_minute`: 0 for no limit; `clock`: seconds."""
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def count(self, caller: Caller) -> None:
        """Count one request; raises TooManyRequests."""
        if not self._per_minute:
            return
        now = self._clock()
        tokens, then = self._buckets.get(caller.id, (float(self._per_minute), now))
        tokens = min(tokens + (now - then) * self._per_minute / 60, self._per_minute)
        if tokens < 1:
            raise TooManyRequests(per_minute=self._per_minute, seconds=(1 - tokens) * 60 / self._per_minute)
        self._buckets[caller.id] = (tokens - 1, now)
