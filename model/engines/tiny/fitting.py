"""The descent of one stage: clips measured as it goes, random batches, Adam."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from model.engines.protocol import TrainingClip
from model.engines.tiny.stages import Example, Stage
from model.errors import AudioError, TooLittleSpeech, TrainingFailed

_MIN_STEPS = 60
_BATCH = 8
_FIRST_CLIPS = 8
_MEASURING_UNTIL = 0.5  # the share of a stage in which further clips are measured
_REPORT_SECONDS = 0.2

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Report:
    """Where a stage stands after `step` steps of this call; `loss` is the mean since the last report."""

    step: int
    done: float
    loss: float


def stage_clock(*, end: float, max_steps: int | None) -> Callable[[int], float]:
    """A function from steps to the share of a stage that is done: by time, yet after a least number of steps."""
    begin = time.monotonic()

    def done_after(step: int) -> float:
        now = time.monotonic()
        by_time = (now - begin) / (end - begin) if now < end else 1.0
        by_steps = step / max_steps if max_steps else 0.0
        return min(max(min(by_time, step / _MIN_STEPS), by_steps), 1.0)

    return done_after


def fit(
    stage: Stage, clips: Sequence[TrainingClip], *, done_after: Callable[[int], float], seed: int
) -> Iterator[Report]:
    """Descend on random batches of the clips measured so far; reports the first step and five times a second."""
    random = np.random.default_rng(seed)
    waiting = [clips[index] for index in random.permutation(len(clips))]
    examples: list[Example] = []
    adam = _Adam(stage.parameter)
    step, done, losses, reported = 0, 0.0, list[float](), 0.0
    while done < 1:
        if waiting and (len(examples) < _FIRST_CLIPS or done < _MEASURING_UNTIL):
            examples += _measured(stage, waiting.pop())
            if waiting and len(examples) < _FIRST_CLIPS:
                continue
        if not examples:
            raise TooLittleSpeech("none of the clips holds speech to learn from: check the recordings")
        chosen = random.choice(len(examples), size=min(_BATCH, len(examples)), replace=False)
        batch = [torch.stack(parts) for parts in zip(*(examples[index] for index in chosen), strict=True)]
        losses.append(adam.descend(stage.loss(*batch), learning_rate=stage.learning_rate * (1 - 0.95 * done)))
        step += 1
        done = done_after(step)
        if done >= 1 or time.monotonic() - reported > _REPORT_SECONDS:
            yield Report(step=step, done=done, loss=sum(losses) / len(losses))
            reported = time.monotonic()
            losses.clear()


class _Adam:
    """Adam (Kingma and Ba 2015) for one tensor.

    `torch.optim` brings in torch's compiler with it: more than a second and 160 MB, as much as the whole fit takes.
    """

    def __init__(self, parameter: torch.Tensor) -> None:
        self._parameter = parameter
        self._mean = torch.zeros_like(parameter)
        self._square = torch.zeros_like(parameter)
        self._step = 0

    def descend(self, loss: torch.Tensor, *, learning_rate: float) -> float:
        """One step; returns the loss before it. TrainingFailed when the loss is no number."""
        if not torch.isfinite(loss):
            raise TrainingFailed("the loss is no longer a number: look for clips with broken audio, and train again")
        (gradient,) = torch.autograd.grad(loss, self._parameter)
        self._step += 1
        with torch.no_grad():
            self._mean.lerp_(gradient, 1 - 0.9)
            self._square.lerp_(gradient**2, 1 - 0.999)
            mean = self._mean / (1 - 0.9**self._step)
            deviation = (self._square / (1 - 0.999**self._step)).sqrt()
            self._parameter -= learning_rate * mean / (deviation + 1e-8)
        return loss.item()


def _measured(stage: Stage, clip: TrainingClip) -> list[Example]:
    """The example that a clip gives, or none when it holds nothing to learn from."""
    try:
        return [stage.measure(clip)]
    except AudioError as error:
        logger.warning("clip %s is left out of the stage %s: %s", clip.id, stage.name, error)
        return []
