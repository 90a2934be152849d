"""A step of training, which leaves no weights behind that are no numbers."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.errors import TrainingFailed


def descend(
    optimizer: torch.optim.Optimizer, loss: Tensor, *, bounded: Sequence[nn.Parameter], longest_gradient: float
) -> float:
    """Move the optimizer's parameters down the gradient, which is made shorter for those that are bounded.

    Returns the loss before. TrainingFailed when it or the gradient is no number; the parameters are as they were then.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    length = torch.nn.utils.clip_grad_norm_(bounded, longest_gradient)
    before = loss.item()
    if not torch.isfinite(length + before):
        raise TrainingFailed(
            "The loss is no longer a number. Look for recordings with broken sound; Retry goes on from the last "
            "checkpoint."
        )
    optimizer.step()
    return before
