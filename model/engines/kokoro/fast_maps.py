"""The small linear maps of minimal filtering, frames to points and points to frames, a vector of channels at a
time.

All that a map takes stays in registers while it is computed, which a compiler does not find by itself: left to it, the
two maps cost up to half as much as the products between them. Both use that points come in pairs, one the negative of
the other, so that even and odd powers are summed up once for both.
"""

from collections.abc import Iterator
from typing import Any

from numba import types
from numpy.typing import NDArray

from model.engines.kokoro.fast_vectors import VectorWriter, written_out


def to_points(matrix: NDArray[Any], *, lags: bool = False) -> Any:
    """What compiled loops call to write `matrix (points, points)` times the frames of a tile.

    Its arguments are `frames, first, stride, lag, values, first, stride, channels`, all but the two arrays in elements.
    If the map `lags`, of each frame the one so much later is taken away before.
    """

    @written_out
    def write(
        _context: Any,
        frames: Any,
        start: Any,
        stride: Any,
        lag: Any,
        values: Any,
        into: Any,
        into_stride: Any,
        channels: Any,
    ) -> Any:
        signature = types.void(frames, *[types.intp] * 3, values, *[types.intp] * 3)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            writer = VectorWriter(context, builder, signature, arguments)
            _, start, stride, lag, _, into, into_stride, channels = arguments
            with writer.each_vector(channels) as channel:
                frames = []
                for place in range(len(matrix)):
                    at = builder.add(writer.place(start, stride, place), channel)
                    frame = writer.load(0, at)
                    frames.append(builder.fsub(frame, writer.load(0, builder.add(at, lag))) if lags else frame)
                for point, value in enumerate(_values(writer, matrix, frames)):
                    writer.store(value, 4, builder.add(writer.place(into, into_stride, point), channel))
            return context.get_dummy_value()

        return signature, generate

    return write


def to_frames(matrix: NDArray[Any]) -> Any:
    """What compiled loops call to write `matrix (frames, points)` times the values of a tile, plus a bias and frames.

    Its arguments are `values, first, stride, bias, under, first, stride, frames, first, stride, channels`, all but the
    arrays in elements.
    """

    @written_out
    def write(
        _context: Any,
        values: Any,
        start: Any,
        stride: Any,
        bias: Any,
        under: Any,
        under_start: Any,
        under_stride: Any,
        frames: Any,
        into: Any,
        into_stride: Any,
        channels: Any,
    ) -> Any:
        numbers = [types.intp] * 2
        signature = types.void(values, *numbers, bias, under, *numbers, frames, *numbers, types.intp)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            writer = VectorWriter(context, builder, signature, arguments)
            _, start, stride, _, _, under_start, under_stride, _, into, into_stride, channels = arguments
            with writer.each_vector(channels) as channel:
                values = [
                    writer.load(0, builder.add(writer.place(start, stride, point), channel))
                    for point in range(matrix.shape[1])
                ]
                bias = writer.load(3, channel)
                pairs = list(zip(values[1:-1:2], values[2:-1:2], strict=True))
                sums = [builder.fadd(*pair) for pair in pairs]
                differences = [builder.fsub(*pair) for pair in pairs]
                for place, factors in enumerate(matrix):
                    value = builder.fadd(
                        bias, writer.load(4, builder.add(writer.place(under_start, under_stride, place), channel))
                    )
                    terms = [values[0], *(differences if place % 2 else sums), values[-1]]
                    value = writer.summed(value, [factors[0], *factors[1:-1:2], factors[-1]], terms)
                    writer.store(value, 7, builder.add(writer.place(into, into_stride, place), channel))
            return context.get_dummy_value()

        return signature, generate

    return write


def _values(writer: VectorWriter, matrix: NDArray[Any], frames: list[Any]) -> Iterator[Any]:
    """At zero, at each pair of points, and at infinity."""
    yield writer.summed(None, matrix[0, 0::2], frames[0::2])
    for row in matrix[1:-1:2]:
        even = writer.summed(None, row[0::2], frames[0::2])
        odd = writer.summed(None, row[1::2], frames[1::2])
        yield writer.builder.fadd(even, odd)
        yield writer.builder.fsub(even, odd)
    yield writer.summed(None, matrix[-1, 1::2], frames[1::2])
