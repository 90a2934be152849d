"""Small things that all processes of the playground share."""

import ctypes
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection
from contextvars import ContextVar
from types import FrameType

REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="-")
"""The id of the request that is being answered; each line of the log bears it."""


def set_up_logging(level: str) -> None:
    """Log to standard error with time, process, the request's id and module.

    Of uvicorn only warnings: its other lines would show keys that stand in the addresses of WebSockets.
    """
    logging.basicConfig(
        level=level, format="%(asctime)s %(process)d %(levelname)s %(request_id)s %(name)s: %(message)s", force=True
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(add_request_id)
    for talkative in ("httpx", "httpcore", "faster_whisper", "uvicorn.access", "uvicorn.error"):
        logging.getLogger(talkative).setLevel("WARNING")


def add_request_id(record: logging.LogRecord) -> bool:
    """Note on a line of the log which request it belongs to."""
    record.request_id = REQUEST_ID.get()
    return True


def share_processors() -> None:
    """Let idle threads of the numeric libraries sleep soon instead of spin; has effect before these are loaded.

    Real-time factor of a stock voice on two cores, by what a thread spins before it sleeps (GNU's count; 1,000 take
    30 µs): alone .20 at 1,000, .18 at 3,000 and 10,000, .16 at 100,000; beside a training .31, .36, .40 up to 10,000;
    beside another program of the same priority .35, .38, .55. A step of training: alone .69 s, .61 and .60; beside
    another program 1.4, 1.4 and 1.6, at 100,000 5.7.
    """
    if "OMP_WAIT_POLICY" in os.environ:  # somebody has chosen
        return
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    os.environ.setdefault("GOMP_SPINCOUNT", "3000")  # of GNU's library, which comes with PyTorch on Linux


def give_memory_back() -> None:
    """Return what the C library has freed to the system; only glibc keeps it otherwise, and only glibc has the call."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def lower_priority(by: int) -> None:
    """Let everything else on the machine go first, where the system knows priorities."""
    if hasattr(os, "nice"):
        os.nice(by)


def begin_background(log_level: str, *, lower_by: int) -> None:
    """What every process beside the page does first; SIGTERM lets it clean up and leave."""
    set_up_logging(log_level)
    share_processors()
    signal.signal(signal.SIGTERM, leave)
    lower_priority(lower_by)


def leave(signum: int, frame: FrameType | None) -> None:
    """A handler of signals: cleans up on the way out, as an exception does."""
    sys.exit(0)


def stop(processes: Collection["subprocess.Popen[bytes]"], *, seconds: float) -> None:
    """Tell processes to leave, and kill those that are still there after `seconds`, which they have all together."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + seconds
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()


def new_owner() -> str:
    """A name for this process that no other one has: host, process id and a random part."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
