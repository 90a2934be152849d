"""The stage of a run that writes down what is said in its clips."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from model.transcription import Transcriber
from playground.services.hearing import Hearing
from playground.services.held_out import HEARD_SECONDS
from playground.services.run_clips import RunClip, RunClips
from playground.services.run_time import RunTime
from storage.records import FineTune

HEARD_SHARE, HEARD_AT_LEAST_SECONDS = 0.3, 240.0
"""Of the time left, that recognition may take of a run; but so much it always hears."""
SAVED_EVERY = 20
"""Transcripts between two writes: what a killed worker has to hear again."""


class RunHearing:
    """Hears clips that have no transcript, in random order, until there is as much as the run can learn from."""

    def __init__(
        self, fine_tune: FineTune, *, clips: RunClips, hearing: Hearing, transcriber: Transcriber, run_time: RunTime
    ) -> None:
        self._fine_tune = fine_tune
        self._clips = clips
        self._hearing = hearing
        self._transcriber = transcriber
        self._run_time = run_time
        self._texts: dict[str, RunClip] = {}

    def carry_out(self) -> Iterator[tuple[int, int]]:
        """Yields how many of how many clips are heard; raises AudioError and WeightsUnavailable."""
        self._texts = {clip.id: clip for clip in self._clips.read()}
        unknown = [id for id, clip in self._texts.items() if _is_unknown(clip)]
        self._take_known(unknown)
        self._save()
        wanted = self._wanted([clip for id in unknown if _is_unknown(clip := self._texts[id])])
        yield 0, len(wanted)
        pulled: list[RunClip] = []
        heard = self._transcriber.transcribe_many(self._paths_until_late(wanted, pulled), self._fine_tune.language)
        for done, transcript in enumerate(heard, start=1):
            clip = pulled[done - 1]
            self._texts[clip.id] = replace(clip, transcript=transcript.text, is_heard=True)
            self._hearing.keep(clip.id, transcript)
            if done % SAVED_EVERY == 0:
                self._save()
            yield done, len(wanted)
        self._hearing.settle([clip.id for clip in pulled], is_partly=True)
        self._take_known(unknown)
        self._leave_the_rest()
        self._save()

    def _wanted(self, missing: list[RunClip]) -> list[RunClip]:
        """As many of the clips, in an order that is the run's own, as make enough with what is known."""
        random.Random(self._fine_tune.id).shuffle(missing)
        known = sum(clip.duration_seconds for clip in self._texts.values() if not _is_unknown(clip))
        wanted = []
        for clip in missing:
            if known >= HEARD_SECONDS:
                break
            known += clip.duration_seconds
            wanted.append(clip)
        return wanted

    def _take_known(self, ids: Sequence[str]) -> None:
        """Put what the dataset knows of clips by now into the texts."""
        clips = [self._texts[id] for id in ids]
        self._texts |= {clip.id: clip for clip in self._clips.with_known_texts(clips)}

    def _leave_the_rest(self) -> None:
        """What was not heard by now never is: a worker that takes the run over goes on with the same clips."""
        left = [replace(clip, is_heard=True) for clip in self._texts.values() if _is_unknown(clip)]
        self._texts |= {clip.id: clip for clip in left}

    def _save(self) -> None:
        self._clips.write(list(self._texts.values()))

    def _paths_until_late(self, clips: Sequence[RunClip], pulled: list[RunClip]) -> Iterator[Path]:
        """Paths of clips, noted in `pulled`, until the share of the time is spent and enough is heard."""
        started, heard_seconds = time.monotonic(), 0.0
        late = HEARD_SHARE * self._run_time.left
        for clip in clips:
            if time.monotonic() - started > late and heard_seconds > HEARD_AT_LEAST_SECONDS:
                return
            heard_seconds += clip.duration_seconds
            pulled.append(clip)
            yield self._clips.path(clip)


def _is_unknown(clip: RunClip) -> bool:
    return not clip.transcript and not clip.is_heard
