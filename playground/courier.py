"""Delivers webhook calls beside the page, in threads of its process: no receiver waits for a slow one."""

import logging
import threading
import time

from playground.services.webhooks import Webhooks

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
STOP_SECONDS = 15.0
AT_ONCE = 8
"""Receivers, each called by one thread at a time."""


class Courier:
    """Looks for calls that are due; `with` starts and ends it."""

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._deliver, name="courier", daemon=True) for _ in range(AT_ONCE)]

    def __enter__(self) -> "Courier":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        until = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(until - time.monotonic(), 0))

    def _deliver(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            try:
                while not self._ended.is_set() and self._webhooks.deliver_next():
                    pass
            except Exception:
                log.exception("webhook calls cannot be made; trying again")
