"""Starts the processes that work beside the page, and starts them again when they end."""

import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from playground.processes import stop
from playground.settings import Settings

log = logging.getLogger(__name__)

ROOT = Path(__file__).resolve().parent.parent
WATCH_SECONDS = 0.5
BACKOFF_SECONDS = 5.0
"""A process that ended sooner than this after its start is not started again before it."""
STOP_SECONDS = 10.0
"""For all of them together, to end what they are at; then they are killed, and the database is as it was."""


class Supervisor:
    """One process for each module; `with` starts and ends them."""

    def __init__(self, modules: Sequence[str], settings: Settings) -> None:
        self._modules = modules
        self._environment = _environment(settings)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._started_at: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> "Supervisor":
        for module in self._modules:
            self._start(module)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()
        stop(self._running.values(), seconds=STOP_SECONDS)

    def pid(self, module: str) -> int:
        """The process id of a module's process."""
        return self._running[module].pid

    def _start(self, module: str) -> None:
        self._started_at[module] = time.monotonic()
        self._running[module] = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the server, which ends them in order
        )

    def _watch(self) -> None:
        while not self._ended.wait(WATCH_SECONDS):
            for module, process in list(self._running.items()):
                is_rested = time.monotonic() - self._started_at[module] >= BACKOFF_SECONDS
                if process.poll() is not None and is_rested:
                    level = logging.WARNING if process.returncode else logging.DEBUG
                    log.log(level, "%s ended with %s; starting it again", module, process.returncode)
                    self._start(module)


def _environment(settings: Settings) -> dict[str, str]:
    """This process's environment, with the settings as they are here."""
    values = {
        f"PLAYGROUND_{name.upper()}": str(value)
        for name, value in settings.model_dump(exclude_none=True).items()
        if value != ""
    }
    return {**os.environ, **values}
