"""Small things that all processes of the playground share."""

import ctypes
import fcntl
import logging
import os
import secrets
import socket
from typing import IO


def set_up_logging(level: str) -> None:
    """Log to standard error with time, process and module."""
    logging.basicConfig(level=level, format="%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s", force=True)
    for talkative in ("httpx", "faster_whisper", "uvicorn.access"):
        logging.getLogger(talkative).setLevel("WARNING")


def share_processors() -> None:
    """Let idle threads of the numeric libraries sleep instead of spin; has effect before these are loaded.

    Training and speaking at once on 2 cores, spinning threads make a sentence take seven times as long.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def give_memory_back() -> None:
    """Return what the C library has freed to the system; only glibc keeps it otherwise, and only glibc has the call."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def lower_priority(by: int) -> None:
    """Let everything else on the machine go first, where the system knows priorities."""
    if hasattr(os, "nice"):
        os.nice(by)


def is_only_one(lock: IO[str]) -> bool:
    """Whether this process has the lock on an open file, which it takes if nobody has it; it goes with the process."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def new_owner() -> str:
    """A name for this process that no other one has: host, process id and a random part."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
