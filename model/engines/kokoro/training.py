"""One fine-tune from clips to finished model: align, prosody, voice, within the time given."""

import random
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from model.engines.kokoro.acoustic import train_voice
from model.engines.kokoro.examples import Example, Measured, encode, fingerprint, measure_all
from model.engines.kokoro.network import Network
from model.engines.kokoro.prosody import train_prosody
from model.engines.kokoro.schedule import Schedule
from model.engines.kokoro.state import (
    CHECKPOINT_FILE,
    Shares,
    StageStory,
    Story,
    check_finished,
    finish,
    read_story,
    restore,
    save,
    trained_names,
)
from model.engines.kokoro.styles import SpeakerStyle, style_like
from model.engines.kokoro.timing import SECONDS_PER_FRAME
from model.engines.protocol import Progress
from model.errors import TooLittleSpeech, WeightsUnavailable

if TYPE_CHECKING:
    from model.engines.protocol import FineTuneConfig, TrainingClip

STAGES = ("align", "prosody", "voice")
ALIGN_SHARE = 0.2
PROSODY_SHARE = 0.35
PROSODY_SECONDS_AT_MOST = 600.0
SAVING_SECONDS = 3.0
CHECKPOINT_SECONDS = 30.0
MIN_SPEECH_SECONDS = 15.0
_REPORT_SECONDS = 1.0

Stage = Callable[[Network, SpeakerStyle, Sequence[Example], Schedule, random.Random], Iterator[None]]


class FineTune:
    """The state of one run while it lasts; `run` is the run."""

    def __init__(
        self,
        network: Network,
        *,
        open_base: Callable[[], AbstractContextManager[Callable[[str], Tensor]]],
        base_sha256: str,
        clips: "Sequence[TrainingClip]",
        config: "FineTuneConfig",
        folder: Path,
        device: torch.device,
        shares: Shares,
    ) -> None:
        """`shares` hold until the voices have been heard and a strength is chosen."""
        self._began = time.monotonic()
        self._network = network
        self._clips = clips
        self._config = config
        self._folder = folder
        self._device = device
        self._rng = random.Random(config.seed)
        torch.manual_seed(config.seed)
        self._open_base = open_base
        self._story = Story(base_sha256=base_sha256, fingerprint=fingerprint(clips, config.language), **asdict(shares))
        self._speaker: SpeakerStyle
        self._spent_before = 0.0

    def run(self) -> Iterator[Progress]:
        """Align, train both stages, save; see `Engine.fine_tune`."""
        self._folder.mkdir(parents=True, exist_ok=True)
        if finished := self._finished():
            yield Progress(
                stage="voice",
                step=1,
                steps=1,
                seconds_left=0.0,
                message="Already trained on these clips",
                speech_seconds=finished.speech_seconds or None,  # earlier models do not know it
            )
            return
        checkpoint = self._usable_checkpoint()
        examples = yield from self._align("Going on from the checkpoint" if checkpoint else "Starting afresh")
        self._place_network(checkpoint, examples)
        yield from self._train("prosody", train_prosody, examples)
        yield from self._train("voice", train_voice, examples)
        with self._open_base() as base:
            finish(self._folder, network=self._network, base=base, speaker=self._speaker, story=self._told())

    @property
    def _left(self) -> float:
        """Seconds of this call that are left; what an earlier one spent is its own affair."""
        spent = time.monotonic() - self._began
        return max(0.0, self._config.seconds - SAVING_SECONDS - spent)

    def _finished(self) -> Story | None:
        """What an earlier call has trained on the same clips and base to the end, if there is such a model."""
        try:
            story = check_finished(self._folder, self._story.base_sha256)
        except WeightsUnavailable:
            return None
        return story if story.fingerprint == self._story.fingerprint else None

    def _usable_checkpoint(self) -> Path | None:
        """The checkpoint of an earlier run on the same clips and base, if there is one."""
        path = self._folder / CHECKPOINT_FILE
        story = read_story(path)
        ours = (self._story.base_sha256, self._story.fingerprint)
        if story is None or (story.base_sha256, story.fingerprint) != ours:
            return None
        self._story = replace(self._story, stages=story.stages)
        self._spent_before = story.seconds_spent
        return path

    def _align(self, message: str) -> Generator[Progress, None, list[Example]]:
        """Report on aligning and encoding; returns the examples."""
        total = len(self._clips)
        shuffled = self._rng.sample(self._clips, k=total)
        measuring = measure_all(shuffled, self._config.language, seconds=ALIGN_SHARE * self._left)
        reported = 0.0
        measured: list[Measured] = []
        while True:
            try:
                done = next(measuring)
            except StopIteration as end:
                measured = end.value
                break
            if time.monotonic() - reported > _REPORT_SECONDS:
                reported = time.monotonic()
                yield self._progress("align", done, total, message=message)
        seconds = sum(clip.frames for clip in measured) * SECONDS_PER_FRAME
        self._check_enough(seconds, len(measured))
        left_out = total - len(measured)
        self._story = replace(
            self._story, speech_seconds=round(seconds, 1), clips=len(measured), clips_left_out=left_out
        )
        examples = []
        for clip in measured:
            examples.append(encode(self._network, clip))
            if time.monotonic() - reported > _REPORT_SECONDS:
                reported = time.monotonic()
                yield self._progress("align", total, total, message="Encoding the texts")
        told = self._progress("align", total, total, message=f"{len(measured)} clips, {left_out} left out")
        yield replace(told, speech_seconds=seconds)
        return examples

    def _check_enough(self, seconds: float, clips: int) -> None:
        if seconds < MIN_SPEECH_SECONDS:
            raise TooLittleSpeech(
                f"Only {seconds:.0f} seconds of speech fit their transcripts ({clips} of "
                f"{len(self._clips)} clips); at least {MIN_SPEECH_SECONDS:.0f} are needed. Add recordings, or "
                "correct the transcripts."
            )

    def _place_network(self, checkpoint: Path | None, examples: Sequence[Example]) -> None:
        """Take up the checkpoint's weights and style, or start with the base's and a blend of stock styles."""
        network = self._network
        if checkpoint:
            with self._open_base() as base:
                self._speaker = restore(checkpoint, network=network, base=base, shares=None)
        else:
            recordings = np.concatenate([example.clip.waveform for example in examples[:40]])
            center = style_like(recordings, self._config.language)
            traits = torch.stack([example.clip.traits for example in examples])
            self._speaker = SpeakerStyle(torch.from_numpy(center), traits)
            for name in trained_names(network):  # memory of their own: the base's is mapped from its file
                network.get_parameter(name).data = network.get_parameter(name).detach().clone()
        self._speaker.requires_grad_(True)
        network.to(self._device)
        self._speaker.to(self._device)

    def _train(self, name: str, stage: Stage, examples: Sequence[Example]) -> Iterator[Progress]:
        """Run one stage on its share of the time left, with reports and checkpoints."""
        before = self._story.stages.get(name, StageStory())
        if before.done >= 1.0:
            return
        schedule = Schedule(
            seconds=self._seconds_for(name, before), max_steps=self._config.max_steps, start=before.done
        )
        reported = saved = time.monotonic()
        for _ in stage(self._network, self._speaker, examples, schedule, self._rng):
            now = time.monotonic()
            if schedule.step and (now - reported > _REPORT_SECONDS or schedule.step == 1):
                reported = now
                self._note(name, before, schedule)
                yield self._progress(name, schedule.step, schedule.steps, schedule=schedule)
            if now - saved > CHECKPOINT_SECONDS:
                saved = now
                self._save_checkpoint()
        self._note(name, before, schedule, finished=True)
        self._save_checkpoint()
        yield self._progress(name, schedule.step, schedule.step, schedule=schedule)

    def _seconds_for(self, name: str, before: StageStory) -> float:
        """Of those left; a stage that was stopped takes as much of its share as it lacks, or its last steps would take
        an hour, and no less than it lacked then."""
        share = self._left if name == "voice" else min(PROSODY_SECONDS_AT_MOST, PROSODY_SHARE * self._left)
        if not before.done:
            return share
        lacked = before.seconds * (1 - before.done) / before.done
        return min(share, max(lacked, share * (1 - before.done)))

    def _note(self, name: str, before: StageStory, schedule: Schedule, *, finished: bool = False) -> None:
        """Write the stage's progress into the story."""
        earlier = self._story.stages.get(name, before)
        stage = StageStory(
            done=1.0 if finished else schedule.fraction,
            steps=before.steps + schedule.step,
            seconds=before.seconds + schedule.elapsed,
            losses=(*earlier.losses, round(schedule.loss, 4)),
        )
        self._story = replace(self._story, stages={**self._story.stages, name: stage})

    def _told(self) -> Story:
        spent = self._spent_before + time.monotonic() - self._began
        return replace(self._story, seconds_spent=round(spent, 1))

    def _save_checkpoint(self) -> None:
        path = self._folder / CHECKPOINT_FILE
        with self._open_base() as base:
            save(path, network=self._network, base=base, speaker=self._speaker, story=self._told())

    def _progress(
        self, stage: str, step: int, steps: int, *, schedule: Schedule | None = None, message: str = ""
    ) -> Progress:
        seconds_left = self._left
        if schedule is not None and (self._config.max_steps is not None or stage == STAGES[-1]):
            stages_after = len(STAGES) - 1 - STAGES.index(stage)
            seconds_left = min(seconds_left, schedule.seconds_left * (1 + stages_after))
        return Progress(
            stage=stage,
            step=step,
            steps=steps,
            loss=None if schedule is None else schedule.loss,
            seconds_left=seconds_left,
            message=message,
        )
