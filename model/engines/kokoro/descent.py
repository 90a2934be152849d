"""Steps of training that leave no weights behind that are no numbers."""

import logging
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from model.errors import TrainingFailed

MOST_LOST = 10
"""So many steps lost one after the other end a training. One alone costs nothing, and must not cost an hour: an
operation that has no gradient at one point in millions meets it in time."""
MADE_UP_FOR = 0.1
"""Of a lost step, by each sound one: a training that loses more than one of eleven for long does not end as if well."""
logger = logging.getLogger(__name__)


class Descent:
    """The way of an optimizer's parameters down the gradient, which is made shorter for those that are bounded."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, *, bounded: Sequence[nn.Parameter], longest_gradient: float
    ) -> None:
        self._optimizer = optimizer
        self._bounded = bounded
        self._longest_gradient = longest_gradient
        self._lost = 0.0

    def step(self, loss: Tensor, *, rates: Sequence[float]) -> float | None:
        """Learn at one rate for each of the optimizer's groups; returns the loss before.

        None when it or the gradient is no number: the parameters stay as they were then. TrainingFailed when that
        has happened too often.
        """
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        length = torch.nn.utils.clip_grad_norm_(self._bounded, self._longest_gradient)
        before = loss.item()
        if not torch.isfinite(length + before):
            self._lost += 1
            logger.warning("A step is lost: its loss is %s, its gradient %s long", before, length.item())
            if self._lost >= MOST_LOST:
                raise TrainingFailed(
                    "In too many steps the loss was no number. Look for recordings with broken sound, then Retry."
                )
            return None
        self._lost = max(0.0, self._lost - MADE_UP_FOR)
        for group, rate in zip(self._optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
        self._optimizer.step()
        return before
