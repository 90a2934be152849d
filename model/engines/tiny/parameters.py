"""What the tiny engine learns of a speaker, and the safetensors file that keeps it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from model.engines.tiny.espeak import SAMPLE_RATE
from model.engines.tiny.traits import STYLE_SIZE, Traits
from model.errors import WeightsUnavailable
from model.files import written_aside

FloatsT = TypeVar("FloatsT", float, NDArray[np.floating])

MODEL_ID = "tiny-2026-11-01"
KNOTS = 48
MAX_GAIN_DB = 24.0
MODEL_FILE = "model.safetensors"

_SHAPES = {"traits": (STYLE_SIZE,), "gains_db": (KNOTS,)}


@dataclass(frozen=True, kw_only=True)
class VoiceParameters:
    """A speaker: the traits, and a filter as gains in dB at KNOTS frequencies, shape (48,)."""

    traits: Traits
    gains_db: NDArray[np.float32]


def base_parameters() -> VoiceParameters:
    """Those of the base model: a pitch between that of women and of men, the manner of espeak-ng, no filter."""
    traits = Traits(pitch=float(np.log2(150)), spread=-2.3, pace=0.0, loudness_db=-20.0, tilt=-6.0)
    return VoiceParameters(traits=traits, gains_db=np.zeros(KNOTS, np.float32))


def knot_weights(frequency_hz: NDArray[np.floating]) -> NDArray[np.float64]:
    """The matrix that interpolates linearly from the gains to frequencies, shape (frequencies, 48).

    The knots are evenly spaced in mel from 0 Hz to the Nyquist frequency.
    """
    positions = mel_of_frequency(frequency_hz) / mel_of_frequency(SAMPLE_RATE / 2) * (KNOTS - 1)
    return np.maximum(0, 1 - np.abs(positions[:, None] - np.arange(KNOTS)))


def mel_of_frequency(frequency_hz: FloatsT) -> FloatsT:
    """Hz to mel (O'Shaughnessy 1987, as in HTK)."""
    return 2595 * np.log10(1 + frequency_hz / 700)


def frequency_of_mel(mel: FloatsT) -> FloatsT:
    """The reverse of `mel_of_frequency`."""
    return 700 * (10 ** (mel / 2595) - 1)


def write_parameters(path: Path, parameters: VoiceParameters, notes: Mapping[str, str]) -> None:
    """Write a file that appears whole or not at all; `notes` come back from `read_parameters`. Raises OSError."""
    tensors = {"traits": parameters.traits.as_array(), "gains_db": parameters.gains_db.astype(np.float32)}
    metadata = {**notes, "model_id": MODEL_ID, "checksum": _checksum(tensors)}
    with written_aside(path) as part:
        part.write_bytes(save(tensors, metadata))


def read_parameters(path: Path) -> tuple[VoiceParameters, dict[str, str]]:
    """Parameters and notes of a file; WeightsUnavailable when it is missing, broken or of another engine."""
    try:
        with safe_open(path, framework="np") as file:
            notes = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no mapping
    except (OSError, SafetensorError) as error:
        raise WeightsUnavailable(
            f"{path.name} of the voice cannot be read ({error}): train the voice again, or restore the file"
        ) from error
    if notes.get("model_id") != MODEL_ID or {name: tensors[name].shape for name in tensors} != _SHAPES:
        raise WeightsUnavailable(f"{path.name} does not hold a voice of {MODEL_ID}")
    if notes.get("checksum") != _checksum(tensors):
        raise WeightsUnavailable(f"{path.name} of the voice is damaged: train the voice again")
    return VoiceParameters(traits=Traits.from_array(tensors["traits"]), gains_db=tensors["gains_db"]), notes


def _checksum(tensors: Mapping[str, NDArray[np.float32]]) -> str:
    return hashlib.sha256(b"".join(tensors[name].tobytes() for name in sorted(tensors))).hexdigest()
