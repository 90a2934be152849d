"""On what PyTorch computes."""

from typing import TYPE_CHECKING, Literal

from model.errors import DeviceUnavailable

if TYPE_CHECKING:
    import torch

Device = Literal["auto", "cpu", "cuda"]


def find(device: Device) -> "torch.device":
    """The device of that name; `auto` is the GPU where there is one. Raises DeviceUnavailable."""
    import torch

    has_gpu = torch.cuda.is_available()
    if device == "cuda" and not has_gpu:
        raise DeviceUnavailable("PyTorch finds no GPU here. Set PLAYGROUND_DEVICE to auto or cpu, or mend its driver.")
    return torch.device("cuda" if has_gpu and device != "cpu" else "cpu")
