"""Locks on files and folders. They go with the process that holds them, however it ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def locked(path: Path, *, waits: bool = True) -> Iterator[bool]:
    """Hold the lock of a file or folder; False when another one has it and it was not to be waited for.

    Raises FileNotFoundError.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield take_lock(descriptor, waits=waits)
    finally:
        os.close(descriptor)


def take_lock(file: int | IO[str], *, waits: bool = True) -> bool:
    """Lock an open file until it is closed, or go on having its lock; False as in `locked`."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
