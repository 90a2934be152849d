"""What the loops share that Numba compiles: for CPUs that compute in float32, kept on disk after the first time."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numba import config, njit
from numpy.typing import NDArray
from torch import Tensor

from model.files import version_of

Array = NDArray[np.float32]


def folder_for(sources: Iterable[Path]) -> Path:
    """Where what is compiled of these sources is kept: Numba itself sees a change of a loop's own file only, not of
    what it calls in another."""
    return Path(__file__).parent / "__pycache__" / f"loops-{version_of(sources)}"


_settings: Any = config
if not _settings.CACHE_DIR:
    _settings.CACHE_DIR = str(folder_for([Path(__file__), *Path(__file__).parent.glob("fast_*.py")]))

compiled: Any = njit(parallel=True, fastmath=True, cache=True)
"""A loop over `prange` on all cores."""

compiled_part: Any = njit(fastmath=True, cache=True)
"""What such loops call for each element."""


def takes(x: Tensor) -> bool:
    """Whether a tensor is one that the loops compute with: float32 on a CPU, and no autocast to less."""
    return x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
