"""Loops over vectors of floats that are written out where a compiler does not find by itself what stays in
registers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

IS_WIDE = bool(torch.cpu.get_capabilities().get("avx512_f"))
LANES = 16 if IS_WIDE else 8
"""Floats of a vector."""

_VECTOR = ir.VectorType(ir.FloatType(), LANES)

written_out: Any = intrinsic
"""A function that compiled loops call, and that writes its own instructions."""


class VectorWriter:
    """Writes vector instructions over the arrays among a function's arguments, which are named by their place."""

    def __init__(self, context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        self.builder = builder
        self._arrays = {
            place: context.make_array(kind)(context, builder, argument)
            for place, (kind, argument) in enumerate(zip(signature.args, arguments, strict=True))
            if isinstance(kind, types.Array)
        }
        self._add_product = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(_VECTOR, [_VECTOR] * 3), f"llvm.fmuladd.v{LANES}f32"
        )

    @contextmanager
    def each_vector(self, channels: Any) -> Iterator[Any]:
        """The first channel of each vector."""
        lanes = ir.Constant(channels.type, LANES)
        with cgutils.for_range(self.builder, self.builder.sdiv(channels, lanes)) as loop:
            yield self.builder.mul(loop.index, lanes)

    def place(self, start: Any, stride: Any, count: int) -> Any:
        return self.builder.add(start, self.builder.mul(stride, ir.Constant(stride.type, count)))

    def load(self, array: int, place: Any) -> Any:
        return self.builder.load(self._pointer(array, place), align=4)

    def load_everywhere(self, array: int, place: Any) -> Any:
        """One number in all lanes."""
        number = self.builder.load(self.builder.gep(self._arrays[array].data, [place]))
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        first = self.builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
        return self.builder.shuffle_vector(
            first, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        )

    def store(self, value: Any, array: int, place: Any) -> None:
        self.builder.store(value, self._pointer(array, place), align=4)

    def summed(self, value: Any, factors: Any, terms: list[Any]) -> Any:
        """A value, if there is one, plus the terms times their factors; those of zero are left out."""
        for factor, term in zip(factors, terms, strict=True):
            if factor:
                constant = ir.Constant(_VECTOR, [float(factor)] * LANES)
                value = self.builder.fmul(constant, term) if value is None else self.add_product(constant, term, value)
        return value

    def add_product(self, factor: Any, term: Any, value: Any) -> Any:
        return self.builder.call(self._add_product, [factor, term, value])

    def _pointer(self, array: int, place: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(self._arrays[array].data, [place]), _VECTOR.as_pointer())
