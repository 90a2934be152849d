"""`doctor`: what this machine has, what is missing, and the command that mends it."""

import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from model import base_models
from model.errors import ModelError
from playground.browser import find_browser
from playground.settings import Settings

GIB = 1024**3
MIN_DISK_BYTES = 5 * GIB
MIN_MEMORY_BYTES = 8 * GIB
PACKAGES = ("torch", "torchaudio", "gradio", "fastapi", "av", "faster_whisper", "sqlite_utils", "safetensors")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at; `mend` is the command or the act that helps."""

    subject: str
    is_good: bool
    words: str
    mend: str = ""


def doctor(settings: Settings) -> int:
    """Print all findings; gives 1 when something is missing."""
    is_good = True
    for finding in _findings(settings):
        is_good = is_good and finding.is_good
        print(f"{'ok  ' if finding.is_good else 'FAIL'} {finding.subject}: {finding.words}")
        if not finding.is_good:
            print(f"     mend: {finding.mend}")
    return 0 if is_good else 1


def _findings(settings: Settings) -> Iterator[Finding]:
    yield _python()
    yield _packages()
    yield _disk(settings.data_dir)
    yield _memory()
    yield from _weights(settings.weights)
    yield _port(settings)
    yield _browser()


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(
        subject="Python",
        is_good=sys.version_info[:2] == (3, 11),
        words=f"{version} (3.11 is what the packages are pinned for)",
        mend="install Python 3.11, then: make setup PYTHON=python3.11",
    )


def _packages() -> Finding:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    return Finding(
        subject="packages",
        is_good=not missing,
        words=f"missing: {', '.join(missing)}" if missing else "all there",
        mend="make setup",
    )


def _disk(data_dir: Path) -> Finding:
    existing = next(folder for folder in (data_dir.resolve(), *data_dir.resolve().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    return Finding(
        subject="disk",
        is_good=free >= MIN_DISK_BYTES and os.access(existing, os.W_OK),
        words=f"{free / GIB:.0f} GB free for {data_dir}; {MIN_DISK_BYTES / GIB:.0f} GB are needed",
        mend="make room, or choose another disk with --data-dir",
    )


def _memory() -> Finding:
    import psutil

    total = psutil.virtual_memory().total
    return Finding(
        subject="memory",
        is_good=total >= MIN_MEMORY_BYTES,
        words=f"{total / GIB:.0f} GB; {MIN_MEMORY_BYTES / GIB:.0f} GB are needed",
        mend="close other programs, or use the tiny model",
    )


def _weights(weights_dir: Path) -> Iterator[Finding]:
    from model.whisper_weights import prepare_whisper

    for base in base_models.BASE_MODELS:
        yield _weight(base.id, base_models.make_engine(base, weights_dir).prepare_weights)
    yield _weight("recognition (whisper base)", lambda: prepare_whisper(weights_dir))


def _weight(subject: str, prepare: Callable[[], object]) -> Finding:
    mend = "make setup; when that does not help, delete the weights folder that is named above and start again"
    try:
        prepare()
    except ModelError as error:
        return Finding(subject=subject, is_good=False, words=str(error), mend=mend)
    return Finding(subject=subject, is_good=True, words="weights are there and whole")


def _port(settings: Settings) -> Finding:
    with socket.socket() as probe:
        is_taken = probe.connect_ex(("127.0.0.1", settings.port)) == 0
    return Finding(
        subject="port",
        is_good=not is_taken,
        words=f"{settings.port} is {'taken' if is_taken else 'free'}",
        mend="stop what uses it, or choose another one with --port",
    )


def _browser() -> Finding:
    browser = find_browser()
    return Finding(
        subject="browser for the tests",
        is_good=browser is not None,
        words=browser or "none found (the playground itself runs without)",
        mend="apt-get install chromium   (or: .venv/bin/playwright install chromium)",
    )
