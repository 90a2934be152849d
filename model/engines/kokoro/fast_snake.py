"""Adaptive norm and Snake in one pass over memory, for CPUs that compute in float32.

Between its convolutions the generator's time goes into moving tensors through memory: said in PyTorch, norm and Snake
read and write them ten times. Compiled by Numba (kept on disk after the first time), they are read once and written
once, and on two AVX2 cores take a fifth of the time, their gradients a third.
"""

import math
from typing import Any

import numpy as np
import torch
from numba import prange
from numpy.typing import NDArray
from torch import Tensor

from model.engines.kokoro.compiled import Array, compiled, compiled_part, takes

_ROWS = 128
"""Frames that a thread sums up at once, so that float32 is enough for a part."""

# sin² r as a series in r², and sin 2r, its derivative, as r times one; |r| ≤ π/2, error below 1e-7.
_TERMS = range(1, 10)
_SINE_SQUARED = tuple(np.float32((-1) ** (n + 1) * 2.0 ** (2 * n - 1) / math.factorial(2 * n)) for n in _TERMS)
_SINE_OF_TWICE = tuple(np.float32(2 * n * factor) for n, factor in zip(_TERMS, _SINE_SQUARED, strict=True))
# π in two parts, the first exact in few bits, so that taking multiples of it away loses nothing.
_PI_FIRST, _PI_REST = np.float32(3.140625), np.float32(math.pi - 3.140625)
_PER_PI = np.float32(1 / math.pi)
_ONE = np.float32(1)


def serves(x: Tensor) -> bool:
    """Whether these functions take it: float32 on a CPU, `(batch, channels, 1, frames)` with channels last."""
    return takes(x) and x.is_contiguous(memory_format=torch.channels_last)


def moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and mean square over the frames of `(batch, channels, 1, frames)`, each `(batch, channels, 1, 1)`."""
    sums = np.stack([_sums(one) for one in _rows(x)]) / x.shape[-1]
    mean, square = torch.from_numpy(sums.astype(np.float32)).unbind(dim=1)
    return mean[..., None, None], square[..., None, None]


def snake(x: Tensor, gain: Tensor, offset: Tensor, alpha: Tensor) -> Tensor:
    """Of u = gain · x + offset: u + sin²(αu) / α. `gain` and `offset` `(batch, channels, 1, 1)`."""
    result = torch.empty_like(x)
    for one, into, *factors in zip(_rows(x), _rows(result), _vectors(gain), _vectors(offset), strict=True):
        _snake(one, *factors, _vectors(alpha)[0], into)
    return result


def snake_backward(
    x: Tensor, grad: Tensor, *, mean: Tensor, rstd: Tensor, gain: Tensor, offset: Tensor, alpha: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of norm and Snake to `x`, to the norm's scale and to its shift."""
    result = torch.empty_like(x)
    sums = []
    rows = zip(_rows(x), _rows(grad), _rows(result), *map(_vectors, (mean, rstd, gain, offset)), strict=True)
    for one, grads, into, *factors in rows:
        sums.append(_snake_backward(one, grads, *factors, _vectors(alpha)[0], into))
    shift, scale = torch.from_numpy(np.stack(sums).astype(np.float32)).unbind(dim=1)
    return result, scale[..., None, None], shift[..., None, None]


def _rows(x: Tensor) -> Any:
    """`(batch, frames, channels)` as an array over the same memory."""
    return x.detach().squeeze(2).transpose(1, 2).contiguous().numpy()


def _vectors(x: Tensor) -> Any:
    """`(batch, channels)` as an array."""
    return x.detach().flatten(1).contiguous().numpy()


@compiled
def _sums(x: Array) -> NDArray[np.float64]:
    """Sums and sums of squares of `(frames, channels)` over the frames, `(2, channels)`."""
    frames, channels = x.shape
    blocks = (frames + _ROWS - 1) // _ROWS
    parts = np.zeros((blocks, 2, channels), np.float32)
    for block in prange(blocks):
        part = parts[block]
        for frame in range(block * _ROWS, min(frames, (block + 1) * _ROWS)):
            for channel in range(channels):
                value = x[frame, channel]
                part[0, channel] += value
                part[1, channel] += value * value
    return parts.astype(np.float64).sum(axis=0)


@compiled_part
def _folded(angle: np.float32) -> np.float32:
    """The angle less the nearest multiple of π."""
    turns = np.rint(angle * _PER_PI)
    return (angle - turns * _PI_FIRST) - turns * _PI_REST


@compiled_part
def _series(square: np.float32, factors: tuple[np.float32, ...]) -> np.float32:
    """The series of these factors in powers of `square`."""
    value = factors[8]
    for term in range(7, -1, -1):
        value = value * square + factors[term]
    return value


@compiled
def _snake(x: Array, gain: Array, offset: Array, alpha: Array, result: Array) -> None:
    frames, channels = x.shape
    for frame in prange(frames):
        for channel in range(channels):
            u = gain[channel] * x[frame, channel] + offset[channel]
            rest = _folded(alpha[channel] * u)
            square = rest * rest
            result[frame, channel] = u + _series(square, _SINE_SQUARED) * square / alpha[channel]


@compiled
def _snake_backward(
    x: Array,
    grad: Array,
    mean: Array,
    rstd: Array,
    gain: Array,
    offset: Array,
    alpha: Array,
    result: Array,
) -> NDArray[np.float64]:
    """Writes the gradient to `(frames, channels)`; gives those to shift and scale, `(2, channels)`."""
    frames, channels = x.shape
    blocks = (frames + _ROWS - 1) // _ROWS
    parts = np.zeros((blocks, 2, channels), np.float32)
    for block in prange(blocks):
        part = parts[block]
        for frame in range(block * _ROWS, min(frames, (block + 1) * _ROWS)):
            for channel in range(channels):
                value = x[frame, channel]
                rest = _folded(alpha[channel] * (gain[channel] * value + offset[channel]))
                slope = grad[frame, channel] * (_ONE + _series(rest * rest, _SINE_OF_TWICE) * rest)
                result[frame, channel] = slope
                part[0, channel] += slope
                part[1, channel] += slope * (value - mean[channel]) * rstd[channel]
    sums = parts.astype(np.float64).sum(axis=0)
    shift = (sums[0] / frames).astype(np.float32)
    scale = (sums[1] / frames).astype(np.float32)
    for frame in prange(frames):
        for channel in range(channels):
            standard = (x[frame, channel] - mean[channel]) * rstd[channel]
            slope = result[frame, channel] - shift[channel] - standard * scale[channel]
            result[frame, channel] = slope * gain[channel]
    return sums
