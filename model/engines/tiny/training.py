"""The training run of the tiny engine: its stages, its time, its checkpoints."""

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from model.engines.protocol import FineTuneConfig, Progress, TrainingClip
from model.engines.tiny.espeak import Espeak
from model.engines.tiny.parameters import (
    MODEL_FILE,
    VoiceParameters,
    base_parameters,
    read_parameters,
    write_parameters,
)
from model.errors import TooLittleSpeech, TrainingFailed, WeightsUnavailable

CHECKPOINT_FILE = "checkpoint.safetensors"
MIN_SPEECH_SECONDS = 10.0
STAGES = ("prosody", "voice")
_SHARES = {"prosody": 0.25, "voice": 0.75}
_CHECKPOINT_SECONDS = 0.6
_SAVING_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """How far a run has come: `done` is the share of `stage` that is behind it."""

    stage: str
    step: int
    done: float
    parameters: VoiceParameters


def fine_tune(
    clips: Sequence[TrainingClip], config: FineTuneConfig, folder: Path, *, espeak: Espeak, started: float
) -> Iterator[Progress]:
    """Train on `clips`, see `Engine.fine_tune`; `config.seconds` count from `started`, of `time.monotonic`.

    A run that goes on has the rest of its time. A checkpoint holds the parameters and not Adam's moments, which are
    found again within a few steps.
    """
    _check_amount(clips)
    folder.mkdir(parents=True, exist_ok=True)
    digest = _digest(clips)
    if _is_finished(folder / MODEL_FILE, digest):
        yield Progress(stage="voice", step=1, steps=1, seconds_left=0.0, message="Already trained on these clips.")
        return
    (folder / MODEL_FILE).unlink(missing_ok=True)
    begin, message = _resume(folder / CHECKPOINT_FILE, digest)
    deadline = started + config.seconds * (1 - _share_of_run(begin)) - _SAVING_SECONDS
    yield _progress(begin, config, deadline=deadline, message=message)
    checkpoint, written = begin, time.monotonic()
    for checkpoint, loss in _run_stages(begin, clips, config, deadline=deadline, espeak=espeak):
        now = time.monotonic()
        if checkpoint.done >= 1 or now - written > _CHECKPOINT_SECONDS:
            _write(folder / CHECKPOINT_FILE, checkpoint, digest)
            written = now
        yield _progress(checkpoint, config, deadline=deadline, loss=loss)
    _write(folder / MODEL_FILE, checkpoint, digest)
    (folder / CHECKPOINT_FILE).unlink(missing_ok=True)


def _run_stages(
    checkpoint: Checkpoint,
    clips: Sequence[TrainingClip],
    config: FineTuneConfig,
    *,
    deadline: float,
    espeak: Espeak,
) -> Iterator[tuple[Checkpoint, float | None]]:
    """The stages from that of `checkpoint` on; yields checkpoints with the loss at each, at a stage's start none."""
    from model.engines.tiny.fitting import fit, stage_clock
    from model.engines.tiny.stages import ProsodyStage, VoiceStage

    kinds: dict[str, type[ProsodyStage] | type[VoiceStage]] = {"prosody": ProsodyStage, "voice": VoiceStage}
    for name in STAGES[STAGES.index(checkpoint.stage) :]:
        if name != checkpoint.stage:
            checkpoint = replace(checkpoint, stage=name, step=0, done=0.0)
            yield checkpoint, None
        begin = checkpoint
        stage = kinds[name](begin.parameters, espeak=espeak, seed=config.seed)
        clock = stage_clock(end=_stage_end(begin, deadline), max_steps=config.max_steps)
        for report in fit(stage, clips, done_after=clock, seed=config.seed + begin.step):
            checkpoint = replace(
                begin,
                step=begin.step + report.step,
                done=begin.done + (1 - begin.done) * report.done,
                parameters=stage.applied_to(begin.parameters),
            )
            yield checkpoint, report.loss


def _stage_end(checkpoint: Checkpoint, deadline: float) -> float:
    """When the stage of `checkpoint` ends, if the stages share the time until `deadline`."""
    now = time.monotonic()
    rest_of_stage = _SHARES[checkpoint.stage] * (1 - checkpoint.done)
    return now + (deadline - now) * rest_of_stage / (1 - _share_of_run(checkpoint))


def _share_of_run(checkpoint: Checkpoint) -> float:
    """The share of the whole run that lies behind `checkpoint`."""
    before = sum(_SHARES[name] for name in STAGES[: STAGES.index(checkpoint.stage)])
    return before + _SHARES[checkpoint.stage] * checkpoint.done


def _progress(
    checkpoint: Checkpoint,
    config: FineTuneConfig,
    *,
    deadline: float,
    loss: float | None = None,
    message: str = "",
) -> Progress:
    """`checkpoint` as progress, with the steps that its stage will have had at its end, at the pace so far."""
    step, done = checkpoint.step, checkpoint.done
    if done >= 1:
        steps = step
    elif config.max_steps is not None:
        steps = max(config.max_steps, step + 1)
    else:
        steps = max(round(step / max(done, 0.01)), step + 1)
    return Progress(
        stage=checkpoint.stage,
        step=step,
        steps=steps,
        loss=loss,
        seconds_left=max(deadline - time.monotonic(), 0.0),
        message=message,
    )


def _check_amount(clips: Sequence[TrainingClip]) -> None:
    seconds = sum(clip.duration_seconds for clip in clips)
    if seconds < MIN_SPEECH_SECONDS:
        raise TooLittleSpeech(
            f"the clips hold {seconds:.1f} s of speech; at least {MIN_SPEECH_SECONDS:.0f} s are needed: add recordings"
        )


def _digest(clips: Sequence[TrainingClip]) -> str:
    """What tells the clips of one run from those of another: their ids and transcripts."""
    listed = json.dumps([[clip.id, clip.transcript] for clip in clips])
    return hashlib.sha256(listed.encode()).hexdigest()


def _is_finished(path: Path, digest: str) -> bool:
    """Whether a whole model of the same clips lies there."""
    try:
        _, notes = read_parameters(path)
    except WeightsUnavailable:
        return False
    return notes.get("clips") == digest


def _resume(path: Path, digest: str) -> tuple[Checkpoint, str]:
    """Where the run begins, and the words for it."""
    fresh = Checkpoint(stage="prosody", step=0, done=0.0, parameters=base_parameters())
    if not path.exists():
        return fresh, "Training starts."
    try:
        parameters, notes = read_parameters(path)
    except WeightsUnavailable as error:
        return fresh, f"Training starts afresh: {error}."
    if notes["clips"] != digest:
        return fresh, "Training starts afresh: the clips or their transcripts have changed."
    stage, step, done = notes["stage"], int(notes["step"]), min(float(notes["done"]), 0.999)
    return (
        Checkpoint(stage=stage, step=step, done=done, parameters=parameters),
        f"Training goes on from step {step} of the stage {stage}.",
    )


def _write(path: Path, checkpoint: Checkpoint, digest: str) -> None:
    notes = {
        "clips": digest,
        "stage": checkpoint.stage,
        "step": str(checkpoint.step),
        "done": str(checkpoint.done),
    }
    try:
        write_parameters(path, checkpoint.parameters, notes)
    except OSError as error:
        raise TrainingFailed(
            f"{path.name} cannot be written ({error.strerror}): free space on the disk, then retry"
        ) from error
