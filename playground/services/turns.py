"""Turns at something that only so many may do at once: who comes first goes first, and nobody waits for ever."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from playground.services.errors import Busy

LOOK_SECONDS = 0.1
"""How often one who waits looks whether it has been given up."""


class Turns:
    """`at_once` have a turn, `waiting` more wait for one, each at most `seconds`; the rest is refused at once."""

    def __init__(self, *, at_once: int, waiting: int, seconds: float) -> None:
        self._at_once = at_once
        self._waiting = waiting
        self._seconds = seconds
        self._changed = threading.Condition()
        self._taken = 0
        self._queue: deque[object] = deque()

    @contextmanager
    def turn(self, left: threading.Event) -> Iterator[bool]:
        """Hold a turn; False without one when `left` is set while it is waited for. Raises Busy."""
        has_turn = self._wait(left)
        try:
            yield has_turn
        finally:
            if has_turn:
                with self._changed:
                    self._taken -= 1
                    self._changed.notify_all()

    def _wait(self, left: threading.Event) -> bool:
        ticket, deadline = object(), time.monotonic() + self._seconds
        with self._changed:
            is_free = self._taken < self._at_once and not self._queue
            if len(self._queue) >= self._waiting and not is_free:
                raise Busy(f"{self._at_once} are served at once and {len(self._queue)} wait. Try again in a moment.")
            self._queue.append(ticket)
            try:
                while self._taken >= self._at_once or self._queue[0] is not ticket:
                    if left.is_set():
                        return False
                    if time.monotonic() >= deadline:
                        raise Busy(f"No turn came free within {self._seconds:g} s. Try again in a moment.")
                    self._changed.wait(LOOK_SECONDS)
                self._taken += 1
                return True
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()
