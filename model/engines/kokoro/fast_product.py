"""Matrix products that a compiled loop computes in the cache of its own thread, with the right matrix packed before.

Libraries pack it for each product, which costs them a third of their speed where the left one has few rows. Measured on
one AVX2 core, 48 to 96 rows of 128 or 256: 90 GFLOPS; OpenBLAS 59, MKL 61.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from torch import Tensor
from torch.nn import functional as F

from model.engines.kokoro.compiled import Array, compiled_part

ROWS, COLUMNS = 6, 16
"""Of the result, computed at once: with two vectors of the right matrix and one of the left, sixteen registers."""
_LANES = 8

_tiles: Any = intrinsic


def packed(matrices: Tensor) -> Tensor:
    """`(..., depth, columns)` as `multiply` takes it, `(..., columns / 16, depth, 16)`, zeros where columns lack."""
    padded = F.pad(matrices, (0, -matrices.shape[-1] % COLUMNS))
    return padded.unflatten(-1, (-1, COLUMNS)).transpose(-2, -3).contiguous()


@compiled_part
def multiply(left: Array, right: Array, result: Array, adds: bool) -> None:
    """Write, or add, the product of `(rows, depth)` and a packed matrix; rows are a multiple of six."""
    rows, depth = left.shape
    columns = result.shape[1]
    for panel in range(right.shape[0]):
        for row in range(0, rows, ROWS):
            _tile(left, row * depth, right, panel * depth * COLUMNS, result, row * columns + panel * COLUMNS, adds)


@_tiles
def _tile(
    _context: Any, left: Any, left_start: Any, right: Any, right_start: Any, result: Any, start: Any, adds: Any
) -> Any:
    """Six rows and sixteen columns of a product, from these elements on. What a compiler does not find by itself: that
    the sums stay in registers."""
    signature = types.void(left, types.intp, right, types.intp, result, types.intp, types.boolean)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        left, right, result = (
            context.make_array(signature.args[place])(context, builder, arguments[place]) for place in (0, 2, 4)
        )
        _, left_start, _, right_start, _, start, adds = arguments
        vector, integer = ir.VectorType(ir.FloatType(), _LANES), left_start.type
        undefined = ir.Constant(vector, ir.Undefined)
        first_lane = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
        add_product = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fmuladd.v{_LANES}f32"
        )

        def at(base: Any, *offsets: Any) -> Any:
            for offset in offsets:
                base = builder.gep(base, [ir.Constant(integer, offset) if isinstance(offset, int) else offset])
            return base

        def vectors(base: Any) -> list[Any]:
            return [builder.bitcast(at(base, place), vector.as_pointer()) for place in range(0, COLUMNS, _LANES)]

        depth, columns = (cgutils.unpack_tuple(builder, one.shape)[1] for one in (left, result))
        rows = [at(left.data, left_start, builder.mul(depth, ir.Constant(integer, row))) for row in range(ROWS)]
        sums = [
            [cgutils.alloca_once_value(builder, ir.Constant(vector, [0.0] * _LANES)) for _ in range(2)] for _ in rows
        ]
        with cgutils.for_range(builder, depth) as loop:
            factors = [
                builder.load(place, align=4)
                for place in vectors(
                    at(right.data, right_start, builder.mul(loop.index, ir.Constant(integer, COLUMNS)))
                )
            ]
            for row, sums_of_row in zip(rows, sums, strict=True):
                value = builder.insert_element(
                    undefined, builder.load(at(row, loop.index)), ir.Constant(ir.IntType(32), 0)
                )
                value = builder.shuffle_vector(value, undefined, first_lane)
                for factor, total in zip(factors, sums_of_row, strict=True):
                    builder.store(builder.call(add_product, [value, factor, builder.load(total)]), total)
        for row, sums_of_row in enumerate(sums):
            into = at(result.data, start, builder.mul(columns, ir.Constant(integer, row)))
            for place, total in zip(vectors(into), sums_of_row, strict=True):
                value = builder.load(total)
                added = builder.fadd(builder.load(place, align=4), value)
                builder.store(builder.select(adds, added, value), place, align=4)
        return context.get_dummy_value()

    return signature, generate
