"""Long convolutions over time with a third of the multiplications, for CPUs that compute in float32.

Minimal filtering (A. Lavin and S. Gray, arXiv:1509.09308): six outputs of seven taps are the product of polynomials,
taken at twelve points instead of forty-two multiplications. Two groups of taps serve up to thirteen. Measured on two
AVX2 cores against oneDNN's convolution: 2.2 times as fast with 256 channels, 1.7 times with 128; the error is 1e-5 of
the signal.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_OUTPUTS, _TAPS = 6, 7
_POINTS = _OUTPUTS + _TAPS - 1
LEAST_TAPS, MOST_TAPS = 5, _OUTPUTS + _TAPS
_ROWS_AT_ONCE = 512
"""Of which all that passes between two steps stays in the second-level cache."""


def _matrices() -> tuple[Tensor, Tensor, Tensor]:
    """Taps `(12, 7)`, inputs `(12, 12)` and outputs `(6, 12)` to and from the values at the points; float64."""
    points = np.array([0, 1, -1, 5 / 2, -5 / 2, 2 / 5, -2 / 5, 3 / 2, -3 / 2, 2 / 3, -2 / 3])

    def values(size: int) -> Any:
        """A polynomial's coefficients -> its values at the points; the last point is infinity."""
        return np.vstack([np.vander(points, size, increasing=True), np.eye(size)[-1]])

    taps, inputs = values(_TAPS), np.linalg.inv(values(_POINTS)).T
    scale = np.abs(taps).sum(axis=1, keepdims=True)
    return tuple(torch.from_numpy(part) for part in (taps / scale, inputs * scale, values(_OUTPUTS).T))  # type: ignore[return-value]


_OF_TAPS, _OF_INPUTS, _TO_OUTPUTS = _matrices()
_OF_THIS_TILE, _OF_NEXT_TILE = _OF_INPUTS.float().split(_OUTPUTS, dim=1)
_OF_THIS_TILE, _OF_NEXT_TILE = _OF_THIS_TILE.contiguous(), _OF_NEXT_TILE.contiguous()
_TO_OUTPUTS = _TO_OUTPUTS.float().contiguous()


def serves(conv: nn.Conv1d, x: Tensor) -> bool:
    """Whether `convolve` is the quicker way here: frozen weights, float32 on a CPU, five taps or more."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
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
    batch, frames, channels = x.shape
    groups, dilation = len(weights), conv.dilation[0]
    tiles = -(-frames // (_OUTPUTS * dilation))
    before = int(conv.padding[0])
    padded = x.new_zeros(batch, (tiles + groups) * _OUTPUTS * dilation, channels)
    padded[:, before : before + frames] = x
    # By place in the tile: rows of channels, the tiles of one clip after the other, each of `dilation` rows.
    places = padded.view(batch, -1, _OUTPUTS, dilation, channels).permute(2, 0, 1, 3, 4).reshape(_OUTPUTS, -1)
    rows = places.shape[1] // channels - groups * dilation
    result = x.new_empty(_OUTPUTS, (rows + groups * dilation) * weights.shape[-1])
    for start in range(0, rows, _ROWS_AT_ONCE):
        end = min(rows, start + _ROWS_AT_ONCE)
        last = end + (groups - 1) * dilation
        values = torch.mm(_OF_THIS_TILE, places[:, start * channels : last * channels])
        values.addmm_(_OF_NEXT_TILE, places[:, (start + dilation) * channels : (last + dilation) * channels])
        values = values.view(_POINTS, -1, channels)
        products = torch.bmm(values[:, : end - start], weights[0])
        if groups == 2:
            products.baddbmm_(values[:, dilation:], weights[1])
        part = result[:, start * weights.shape[-1] : end * weights.shape[-1]]
        torch.mm(_TO_OUTPUTS, products.flatten(1), out=part)
    in_time = result.view(_OUTPUTS, batch, -1, dilation, weights.shape[-1]).permute(1, 2, 0, 3, 4)[:, :tiles]
    output = x.new_empty(in_time.shape)
    if bias is None:
        output.copy_(in_time)
    else:
        torch.add(in_time, bias, out=output)
    return output.flatten(1, 3)[:, :frames]
