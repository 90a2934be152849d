"""What the loops share that Numba compiles: for CPUs that compute in float32, kept on disk after the first time."""

from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float32]

compiled: Any = njit(parallel=True, fastmath=True, cache=True)
"""A loop over `prange` on all cores."""

compiled_part: Any = njit(fastmath=True, cache=True)
"""What such loops call for each element."""


def takes(x: Tensor) -> bool:
    """Whether a tensor is one that the loops compute with: float32 on a CPU, and no autocast to less."""
    return x.device.type == "cpu" and x.dtype == torch.float32 and not torch.is_autocast_enabled("cpu")
