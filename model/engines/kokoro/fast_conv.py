"""Long convolutions over time with a third of the multiplications, for CPUs that compute in float32.

Minimal filtering (A. Lavin and S. Gray, arXiv:1509.09308): six outputs of seven taps are the product of polynomials,
taken at twelve points instead of forty-two multiplications. Two groups of taps serve up to thirteen. Loops
compiled by Numba lead to the points and back. Measured on two AVX2 cores against oneDNN's convolution: 2.4 times as
fast with 256 channels, 2.1 times with 128; the largest error is 6e-5 of the signal's deviation.
"""

from typing import Any

import numpy as np
import torch
from numba import prange
from torch import Tensor, nn

from model.engines.kokoro.compiled import Array, compiled, takes

_OUTPUTS, _TAPS = 6, 7
_POINTS = _OUTPUTS + _TAPS - 1
LEAST_TAPS, MOST_TAPS = 5, _OUTPUTS + _TAPS
_ROWS_AT_ONCE, _ROWS_PER_THREAD = 256, 32
"""Of which all that passes between two steps stays in a cache."""


def _matrices() -> tuple[Any, Any, Any]:
    """Taps `(12, 7)`, inputs `(12, 12)` and outputs `(6, 12)` to and from the values at the points; float64."""
    points = np.array([0, 1, -1, 5 / 2, -5 / 2, 2 / 5, -2 / 5, 3 / 2, -3 / 2, 2 / 3, -2 / 3])

    def values(size: int) -> Any:
        """A polynomial's coefficients -> its values at the points; the last point is infinity."""
        return np.vstack([np.vander(points, size, increasing=True), np.eye(size)[-1]])

    taps, inputs = values(_TAPS), np.linalg.inv(values(_POINTS)).T
    scale = np.abs(taps).sum(axis=1, keepdims=True)
    return taps / scale, inputs * scale, values(_OUTPUTS).T


_OF_TAPS, _OF_INPUTS, _TO_OUTPUTS = _matrices()
_OF_TAPS = torch.from_numpy(_OF_TAPS)
_OF_INPUTS, _TO_OUTPUTS = _OF_INPUTS.astype(np.float32), _TO_OUTPUTS.astype(np.float32)
_ZERO, _ONE = np.float32(0), np.float32(1)


def serves(conv: nn.Conv1d, x: Tensor) -> bool:
    """Whether `convolve` is the quicker way here: frozen weights, float32 on a CPU, five taps or more."""
    return (
        takes(x)
        and not conv.weight.requires_grad
        and LEAST_TAPS <= conv.kernel_size[0] <= MOST_TAPS
        and conv.stride == (1,)
    )


def convolve(conv: nn.Conv1d, x: Tensor) -> Tensor:
    """`conv` over `(batch, frames, channels)`, padded to the same length. No gradient to the weights."""
    return _FastConv.apply(x, conv)


class _FastConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, conv: nn.Conv1d) -> Tensor:
        ctx.conv = conv
        return _filtered(x, _transformed(conv, backward=False), conv, bias=conv.bias)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return _filtered(grads[0], _transformed(ctx.conv, backward=True), ctx.conv), None


def _transformed(conv: nn.Conv1d, *, backward: bool) -> Tensor:
    """The weights at the points, `(groups, 12, inputs, outputs)`; kept beside the weights that they are made of."""
    name = "weights_backward" if backward else "weights_forward"
    known: tuple[int, Tensor] | None = conv.__dict__.get(name)
    if known is None or known[0] != conv.weight.data_ptr():
        weight = conv.weight.detach().double()
        if backward:
            weight = weight.flip(-1).transpose(0, 1)
        # Each group begins where the tiles do, six taps on: the first of two has seven, and the second lacks its first.
        groups = [weight[:, :, :_TAPS]]
        if weight.shape[-1] > _TAPS:
            rest = weight[:, :, _TAPS:]
            groups.append(torch.cat([torch.zeros_like(rest[:, :, :1]), rest], dim=-1))
        parts = [torch.einsum("pk,oik->pio", _OF_TAPS[:, : group.shape[-1]], group) for group in groups]
        known = (conv.weight.data_ptr(), torch.stack(parts).float().contiguous())
        conv.__dict__[name] = known
    return known[1]


def _filtered(x: Tensor, weights: Tensor, conv: nn.Conv1d, *, bias: Tensor | None = None) -> Tensor:
    """Correlate `(batch, frames, channels)` with transformed weights, and add a bias `(outputs,)`."""
    groups, dilation, before = len(weights), conv.dilation[0], int(conv.padding[0])
    _, frames, channels = x.shape
    outputs = weights.shape[-1]
    rows = -(-frames // (_OUTPUTS * dilation)) * dilation
    result = x.new_empty(len(x), frames, outputs)
    added = np.zeros(outputs, np.float32) if bias is None else bias.detach().numpy()
    most = min(rows, _ROWS_AT_ONCE)
    values_room = x.new_empty(_POINTS * (most + dilation) * channels)
    products_room = x.new_empty(_POINTS * most * outputs)
    for clip, into in zip(x.detach().contiguous().numpy(), result.numpy(), strict=True):
        for start in range(0, rows, _ROWS_AT_ONCE):
            count = min(rows - start, _ROWS_AT_ONCE)
            values = _within(values_room, count + (groups - 1) * dilation, channels)
            _to_points(clip, start, dilation, before, values.numpy())
            products = torch.bmm(values[:, :count], weights[0], out=_within(products_room, count, outputs))
            if groups == 2:
                products.baddbmm_(values[:, dilation:], weights[1])
            _to_frames(products.numpy(), start, dilation, added, into)
    return result


def _within(room: Tensor, rows: int, channels: int) -> Tensor:
    """`(12, rows, channels)` in the memory of a tensor that is large enough."""
    return room[: _POINTS * rows * channels].view(_POINTS, rows, channels)


@compiled
def _to_points(x: Array, start: int, dilation: int, before: int, values: Array) -> None:
    """Write the tiles of `(frames, channels)` that begin at `start` as their values at the points.

    A row is a tile of one phase of the dilation: rows of the same tile follow each other.
    """
    _, rows, channels = values.shape
    for block in prange((rows + _ROWS_PER_THREAD - 1) // _ROWS_PER_THREAD):
        tile = np.empty((_POINTS, channels), np.float32)
        for row in range(block * _ROWS_PER_THREAD, min(rows, (block + 1) * _ROWS_PER_THREAD)):
            place = (start + row) // dilation * _OUTPUTS * dilation + (start + row) % dilation - before
            for i in range(_POINTS):
                frame = place + i * dilation
                if 0 <= frame < x.shape[0]:
                    tile[i] = x[frame]
                else:
                    tile[i] = 0
            for channel in range(channels):
                first = last = _ZERO
                for i in range(0, _POINTS, 2):
                    first += _OF_INPUTS[0, i] * tile[i, channel]
                    last += _OF_INPUTS[-1, i + 1] * tile[i + 1, channel]
                values[0, row, channel] = first
                values[_POINTS - 1, row, channel] = last
            for point in range(1, _POINTS - 1, 2):
                for channel in range(channels):
                    even = odd = _ZERO
                    for i in range(0, _POINTS, 2):
                        even += _OF_INPUTS[point, i] * tile[i, channel]
                        odd += _OF_INPUTS[point, i + 1] * tile[i + 1, channel]
                    values[point, row, channel] = even + odd
                    values[point + 1, row, channel] = even - odd


@compiled
def _to_frames(products: Array, start: int, dilation: int, bias: Array, result: Array) -> None:
    """Read the frames `(frames, channels)` of rows of tiles off their values at the points."""
    _, rows, channels = products.shape
    for row in prange(rows):
        place = (start + row) // dilation * _OUTPUTS * dilation + (start + row) % dilation
        for i in range(_OUTPUTS):
            frame = place + i * dilation
            if frame < result.shape[0]:
                sign = _ONE if i % 2 == 0 else -_ONE
                for channel in range(channels):
                    value = bias[channel] + _TO_OUTPUTS[i, 0] * products[0, row, channel]
                    value += _TO_OUTPUTS[i, _POINTS - 1] * products[_POINTS - 1, row, channel]
                    for point in range(1, _POINTS - 1, 2):
                        pair = products[point, row, channel] + sign * products[point + 1, row, channel]
                        value += _TO_OUTPUTS[i, point] * pair
                    result[frame, channel] = value
