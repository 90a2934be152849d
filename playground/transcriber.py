"""The process that listens to clips as soon as they are there, so that a training finds its transcripts made.

Run as `python -m playground.transcriber`, at the lowest priority. It ends when nothing has waited for a while, which
gives recognition's memory back; whoever watches it starts it again, and it waits without a model.
"""

import logging
import os
import threading

from model.errors import ModelError, WeightsUnavailable
from model.transcription import Transcriber
from model.whisper_weights import prepare_whisper
from playground.parts import Parts, make_parts
from playground.processes import begin_background
from playground.services.hearing import Batch
from playground.settings import Settings
from storage.locks import take_lock

log = logging.getLogger(__name__)

IDLE_SECONDS = 1.0
IDLE_TURNS = 30
"""Turns without work after which the model is given up."""
WITHOUT_WEIGHTS_SECONDS = 60.0


class BackgroundTranscriber:
    """Hears what waits, half a minute of speech at a time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._model: Transcriber | None = None

    def run(self) -> None:
        """Until there is nothing left to hear for a while, or the process that started this one is gone."""
        parent = os.getppid()
        idle, idle_turns = threading.Event(), 0
        with (self._parts.settings.data_dir / "transcriber.lock").open("w") as lock:
            while os.getppid() == parent and not (self._model and idle_turns >= IDLE_TURNS):
                try:
                    has_heard = take_lock(lock, waits=False) and self.hear_next()
                except WeightsUnavailable as error:
                    log.warning("clips wait for recognition: %s", error)
                    idle.wait(WITHOUT_WEIGHTS_SECONDS)
                    continue
                idle_turns = 0 if has_heard else idle_turns + 1
                if not has_heard:
                    idle.wait(IDLE_SECONDS)

    def hear_next(self) -> bool:
        """Hear some clips, or guess in which language they are; False when none waits.

        Clips that cannot be read are tried once more, alone, and then left. Raises WeightsUnavailable.
        """
        batch = self._parts.hearing.next_batch()
        if batch is None:
            return False
        try:
            self._hear(batch)
        except (WeightsUnavailable, SystemExit, KeyboardInterrupt):
            self._parts.hearing.give_back(batch)
            raise
        except (ModelError, OSError) as error:
            log.warning("%d clips could not be heard, %s first: %s", len(batch.clips), batch.clips[0].id, error)
        return True

    def _hear(self, batch: Batch) -> None:
        if self._model is None:
            self._model = Transcriber(prepare_whisper(self._parts.settings.weights))
        hearing = self._parts.hearing
        if not batch.language:
            hearing.keep_language(batch.clips[0].file_id, self._model.guess_language(batch.paths))
            hearing.give_back(batch)
            return
        for clip, heard in zip(batch.clips, self._model.transcribe_many(batch.paths, batch.language), strict=True):
            hearing.keep(clip.id, heard)
        hearing.settle([clip.id for clip in batch.clips])


def main() -> None:
    """Entry of the process."""
    settings = Settings()
    begin_background(settings.log_level, lower_by=19)
    BackgroundTranscriber(make_parts(settings)).run()


if __name__ == "__main__":
    main()
