"""Matrix products that a compiled loop computes in the cache of its own thread, with the right matrix packed before.

Libraries pack it for each product, which costs them a third of their speed where the left one has few rows. Measured on
one AVX2 core, 48 to 96 rows of 128 or 256: 90 GFLOPS; OpenBLAS 59, MKL 61.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import prange, types
from numba.core import cgutils
from torch import Tensor, nn
from torch.nn import functional as F

from model.engines.kokoro.compiled import Array, compiled, compiled_part
from model.engines.kokoro.fast_vectors import IS_WIDE, LANES, VectorWriter, written_out

ROWS, COLUMNS = 6, LANES * (4 if IS_WIDE else 2)
"""Of the result, computed at once: its sums, the vectors of the right matrix and one of the left take 15 of 16
registers, or 29 of the 32 that CPUs with wide vectors have."""


def packed(matrices: Tensor) -> Tensor:
    """`(..., depth, columns)` as `multiply` takes it, `(..., columns / COLUMNS, depth, COLUMNS)`, zeros where columns
    lack."""
    padded = F.pad(matrices, (0, -matrices.shape[-1] % COLUMNS))
    return padded.unflatten(-1, (-1, COLUMNS)).transpose(-2, -3).contiguous()


def made_of(weight: Tensor, owner: nn.Module, name: str, make: Callable[[Tensor], Tensor]) -> Tensor:
    """What `make` makes of a weight, kept beside it in its `owner` until that has another."""
    known: tuple[int, Tensor] | None = owner.__dict__.get(name)
    if known is None or known[0] != weight.data_ptr():
        known = (weight.data_ptr(), make(weight.detach()))
        owner.__dict__[name] = known
    return known[1]


def windows_times(x: Tensor, right: Tensor, bias: Tensor, *, window: int = 1) -> Tensor:
    """Each `window` rows of `(rows, depth)` that follow each other times a packed matrix `(panels, window * depth,
    COLUMNS)`, plus `bias (columns,)` -> `(rows - window + 1, columns)`."""
    rows, columns = len(x) - window + 1, len(bias)
    x = F.pad(x, (0, 0, 0, -rows % ROWS)) if rows % ROWS else x.contiguous()
    result = x.new_empty(len(x) - window + 1, len(right) * COLUMNS)
    _windows_times(x.numpy(), right.numpy(), F.pad(bias, (0, -columns % COLUMNS))[None].numpy(), result.numpy())
    return result[:rows, :columns]


@compiled
def _windows_times(x: Array, right: Array, bias: Array, result: Array) -> None:
    for panel in prange(right.shape[0]):
        _write_panel(x, x.shape[1], right, panel, bias, 0, result)


@compiled_part
def multiply(left: Array, right: Array, base: Array, result: Array) -> None:
    """Write the product of `(rows, depth)` and a packed matrix, plus the rows of `base`, or its only one; rows are a
    multiple of six."""
    for panel in range(right.shape[0]):
        _write_panel(left, left.shape[1], right, panel, base, base.shape[1] if len(base) > 1 else 0, result)


@compiled_part
def _write_panel(
    left: Array, left_step: int, right: Array, panel: int, base: Array, base_step: int, result: Array
) -> None:
    """Write one panel of columns of a product; rows of `left` and `base` lie so many elements apart."""
    rows, columns = result.shape
    depth, start = right.shape[1], panel * COLUMNS
    for row in range(0, rows, ROWS):
        under, into = row * base_step + start, row * columns + start
        _tile(
            left, row * left_step, left_step, right, start * depth, depth, base, under, base_step, result, into, columns
        )


@written_out
def _tile(
    _context: Any,
    left: Any,
    left_start: Any,
    left_step: Any,
    right: Any,
    right_start: Any,
    depth: Any,
    base: Any,
    base_start: Any,
    base_step: Any,
    result: Any,
    start: Any,
    step: Any,
) -> Any:
    """Six rows and one panel of a product added to those of a base, from these elements on. The rows of the
    arrays lie so many elements apart; the sums stay in registers."""
    numbers = [types.intp] * 2
    signature = types.void(left, *numbers, right, *numbers, base, *numbers, result, *numbers)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        writer = VectorWriter(context, builder, signature, arguments)
        _, left_start, left_step, _, right_start, depth, _, base_start, base_step, _, start, step = arguments
        lefts, bases, results = (
            [writer.place(first, apart, row) for row in range(ROWS)]
            for first, apart in ((left_start, left_step), (base_start, base_step), (start, step))
        )
        lanes = [ir.Constant(depth.type, lane) for lane in range(0, COLUMNS, LANES)]
        sums = [
            [cgutils.alloca_once_value(builder, writer.load(6, builder.add(place, lane))) for lane in lanes]
            for place in bases
        ]
        with cgutils.for_range(builder, depth) as loop:
            at = builder.add(right_start, builder.mul(loop.index, ir.Constant(depth.type, COLUMNS)))
            factors = [writer.load(3, builder.add(at, lane)) for lane in lanes]
            for place, sums_of_row in zip(lefts, sums, strict=True):
                value = writer.load_everywhere(0, builder.add(place, loop.index))
                for factor, total in zip(factors, sums_of_row, strict=True):
                    builder.store(writer.add_product(value, factor, builder.load(total)), total)
        for place, sums_of_row in zip(results, sums, strict=True):
            for lane, total in zip(lanes, sums_of_row, strict=True):
                writer.store(builder.load(total), 9, builder.add(place, lane))
        return context.get_dummy_value()

    return signature, generate
