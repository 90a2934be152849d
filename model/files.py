"""Files that appear whole or not at all, and whether they are what they should be."""

import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """Give a path beside `target` to write to, and rename it to `target` when the block ends well.

    The path is of this process alone, so two processes that make the same file do not disturb each other. Nothing
    is left behind when the block raises.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.stem}.{os.getpid()}-{secrets.token_hex(4)}{target.suffix}")
    try:
        yield part
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def version_of(sources: Iterable[Path]) -> str:
    """Twelve hex digits that change with the content of any of the files, whatever their order."""
    return hashlib.sha256("".join(map(sha256_of, sorted(sources))).encode()).hexdigest()[:12]
