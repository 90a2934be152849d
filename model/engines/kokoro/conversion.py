"""Published weights -> tensors under the network's names: the int8 ONNX export, or the official checkpoint."""

import re
from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from model.errors import WeightsUnavailable

if TYPE_CHECKING:
    from torch import Tensor

Array = NDArray[np.float32]

_TOP_LEVEL = ("bert", "bert_encoder", "text_encoder", "predictor", "decoder")
_PREDICTOR_PARTS = ("shared", "F0", "N", "F0_proj", "N_proj")


def read_onnx(content: bytes) -> Iterator[tuple[str, Array]]:
    """Name and float32 value of every weight of the quantised ONNX export, one after the other.

    The export's node names spell the module's path; a module that runs more than once keeps its first name.
    """
    import onnx

    graph = onnx.load_from_string(content).graph
    reader = _GraphReader(graph)
    for name, tensor in reader.initializers.items():
        path = _plain_path(name)
        if path:
            yield path, reader.array(tensor.name)
    for node in graph.node:
        yield from reader.weights_of(node)


def read_checkpoint(path: Path) -> Iterator[tuple[str, Array]]:
    """Name and float32 value of every weight of the official `kokoro-v1_0.pth`, weight normalisation folded.

    Raises WeightsUnavailable.
    """
    import torch

    try:
        parts: dict[str, dict[str, Tensor]] = torch.load(path, map_location="cpu", weights_only=True)
        for part, tensors in parts.items():
            for key, tensor in tensors.items():
                name = f"{part}.{key.removeprefix('module.')}"
                if name.endswith(".weight_v"):
                    gain = tensors[key.removesuffix("_v") + "_g"]
                    norm = tensor.flatten(1).norm(dim=1).view(-1, *[1] * (tensor.ndim - 1))
                    yield name.removesuffix("_v"), (tensor * gain / norm).float().numpy()
                elif not name.endswith(".weight_g"):
                    yield name, tensor.float().numpy()
    except (OSError, RuntimeError, EOFError, UnpicklingError, AttributeError, KeyError) as error:
        raise WeightsUnavailable(f"{path} is not the official checkpoint ({error!r}). Take it away.") from error


def _plain_path(name: str) -> str | None:
    """`decoder.decoder.encode.conv1.bias` -> `decoder.encode.conv1.bias`; None for what is no plain weight."""
    if not name.startswith(("encoder.", "decoder.decoder.")) or "stft" in name:
        return None
    if name.endswith(("_quantized", "_scale", "_zero_point")):
        return None
    return name.removeprefix("encoder.").removeprefix("decoder.")


def _module_path(node_name: str) -> str:
    """`/encoder/text_encoder/cnn.0/cnn.0.0/Conv_quant` -> `text_encoder.cnn.0.0`."""
    steps = node_name.strip("/").split("/")[1:-1]
    path: list[str] = []
    for step in steps:
        if step == "Gemm_MatMul_quant":
            continue
        if path and step.startswith(path[-1] + "."):
            path.pop()
        path.append(step)
    if path and path[0].split(".")[0] in _PREDICTOR_PARTS:
        path.insert(0, "predictor")
    elif path and path[0].split(".")[0] not in _TOP_LEVEL:
        path.insert(0, "decoder")
    return re.sub(r"^decoder\.decoder\.", "decoder.", ".".join(path))


class _GraphReader:
    """Looks up what belongs to a node of the graph: initializers, and the scale that follows an integer product."""

    def __init__(self, graph: Any) -> None:
        self.initializers = {tensor.name: tensor for tensor in graph.initializer}
        self._producer = {output: node for node in graph.node for output in node.output}
        self._consumers: dict[str, list[Any]] = {}
        for node in graph.node:
            for name in node.input:
                self._consumers.setdefault(name, []).append(node)

    def array(self, name: str) -> Array:
        from onnx import numpy_helper

        return numpy_helper.to_array(self.initializers[name]).astype(np.float32)

    def weights_of(self, node: Any) -> Iterator[tuple[str, Array]]:
        """The weights that a node multiplies by, none when it multiplies two activations."""
        path = _module_path(node.name)
        if node.op_type == "DynamicQuantizeLSTM":
            for suffix, value in self._lstm(node):
                yield f"{path}.{suffix}", value
        elif node.op_type == "Gather" and node.name.endswith("_quant"):
            yield f"{path}.weight", self._embedding(node)
        elif len(node.input) > 1 and node.input[1] in self.initializers:
            if node.op_type in ("ConvInteger", "MatMulInteger"):
                yield f"{path}.weight", self._integer_product(node)
            elif node.op_type in ("Conv", "ConvTranspose"):
                yield f"{path}.weight", self.array(node.input[1])
            elif node.op_type == "MatMul":
                yield f"{path}.weight", self.array(node.input[1]).T

    def _integer_product(self, node: Any) -> Array:
        quantised, zero_point = self.array(node.input[1]), self.array(node.input[3])
        scale = self._scale_after(node)
        if node.op_type == "MatMulInteger":
            return ((quantised - zero_point) * scale).T
        shape = (-1, *[1] * (quantised.ndim - 1))
        return (quantised - zero_point.reshape(shape)) * scale.reshape(shape)

    def _scale_after(self, node: Any) -> Array:
        """The weight's scale: an input of the product `x_scale * w_scale` that multiplies the integer result."""
        value = node.output[0]
        while True:
            consumers = self._consumers[value]
            product = next((user for user in consumers if user.op_type == "Mul"), None)
            if product is not None:
                break
            value = consumers[0].output[0]
        factor = next(name for name in product.input if name != value)
        if factor in self.initializers:
            return self.array(factor)
        return self.array(next(n for n in self._producer[factor].input if n in self.initializers))

    def _embedding(self, node: Any) -> Array:
        scaling = next(user for user in self._consumers[node.output[0]] if user.op_type == "DequantizeLinear")
        return (self.array(node.input[0]) - self.array(scaling.input[2])) * self.array(scaling.input[1])

    def _lstm(self, node: Any) -> Iterator[tuple[str, Array]]:
        """Both directions; ONNX orders the gates i, o, f, c and PyTorch i, f, g, o."""
        bias = self.array(node.input[3])
        scales = [self.array(name).reshape(2, -1) for name in node.input[8:12]]
        input_scale, input_zero, hidden_scale, hidden_zero = scales
        of_input, of_hidden = self.array(node.input[1]), self.array(node.input[2])
        for direction, suffix in enumerate(("_l0", "_l0_reverse")):
            half = bias.shape[1] // 2
            from_input = (of_input[direction] - input_zero[direction]) * input_scale[direction]
            from_hidden = (of_hidden[direction] - hidden_zero[direction]) * hidden_scale[direction]
            yield f"weight_ih{suffix}", _reorder_gates(from_input.T)
            yield f"weight_hh{suffix}", _reorder_gates(from_hidden.T)
            yield f"bias_ih{suffix}", _reorder_gates(bias[direction, :half])
            yield f"bias_hh{suffix}", _reorder_gates(bias[direction, half:])


def _reorder_gates(weights: Array) -> Array:
    to_input, to_output, to_forget, to_cell = np.split(weights, 4)
    return np.concatenate([to_input, to_forget, to_cell, to_output])
