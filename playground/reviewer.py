"""The process that compares the recordings of a dataset: who speaks in them, and in which language; and that reduces
their noise where that is asked for.

Run as `python -m playground.reviewer`; it ends when nothing is due, and its memory with it.
"""

import logging
import os
import sys
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from model.accents import primary_language
from model.errors import ModelError
from model.evaluation import SpeakerEncoder
from model.noise_reduction import NoiseReducer
from model.quality import Finding, Kind
from model.speakers import HIDING, MIN_SECONDS, Embeddings, embed_clips, find_others, similarities
from model.spoken_language import MIN_SECONDS as HEARD_FROM_SECONDS
from model.spoken_language import find_foreign
from model.transcription import LanguageGuess, Transcriber
from model.whisper_weights import prepare_whisper
from playground.parts import Parts, make_parts
from playground.processes import begin_background
from playground.services.findings import columns_of, findings_of
from playground.settings import Settings
from storage.database import Tables
from storage.errors import NotFound
from storage.records import Clip, DatasetFile

log = logging.getLogger(__name__)

EMBEDDINGS = "speakers.npy"


class Reviewer:
    """Takes datasets whose recordings have changed, oldest first."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._media = parts.storage.media
        self._parent = os.getppid()

    @cached_property
    def _listener(self) -> Transcriber:
        return Transcriber(prepare_whisper(self._parts.settings.weights))

    @cached_property
    def _encoder(self) -> SpeakerEncoder:
        return SpeakerEncoder()

    def review_next(self) -> bool:
        """Compare the recordings of one dataset; False when none is due.

        When the process is told to leave in the midst of it, the dataset is due again.
        """
        with self._parts.storage.write() as tables:
            dataset = tables.datasets.next_to_review()
            if dataset is None:
                return False
            tables.datasets.begin_review(dataset)
        try:
            self._compare_speakers(dataset.id)
            self._hear_languages(dataset.id)
            if dataset.reduces_noise:
                self._reduce_noise(dataset.id)
        except (FileNotFoundError, NotFound):
            log.info("recordings of %s were removed while they were compared", dataset.id)
        except ModelError as error:
            log.warning("the recordings of %s were not compared: %s", dataset.id, error)
        except (SystemExit, KeyboardInterrupt):
            self._end(dataset.id, is_review_due=True)
            raise
        self._end(dataset.id)
        return True

    def _end(self, dataset_id: str, **changes: bool) -> None:
        with self._parts.storage.write() as tables:
            if tables.datasets.find(dataset_id):
                tables.datasets.update(dataset_id, review_tries=0, **changes)

    def _leave_without_parent(self) -> None:
        """End with the process that started this one; raises SystemExit."""
        if os.getppid() != self._parent:
            sys.exit(0)

    def _compare_speakers(self, dataset_id: str) -> None:
        files, clips = self._spoken(dataset_id)
        if not clips:
            return
        embeddings = np.concatenate([self._embeddings(file, clips[file.id]) for file in files])
        flat = [clip for file in files for clip in clips[file.id]]
        hidden = {file.id for file in files if any(one.kind in HIDING for one in findings_of(file))}
        weights = np.array(
            [0.0 if clip.is_excluded or clip.file_id in hidden else clip.duration_seconds for clip in flat]
        )
        likeness = dict(zip((clip.id for clip in flat), similarities(embeddings, weights), strict=True))
        with self._parts.storage.write() as tables:
            for clip in flat:
                if tables.clips.find(clip.id):
                    tables.clips.update(clip.id, speaker_similarity=round(float(likeness[clip.id]), 3))
            for file in files:
                own = clips[file.id]
                judged = {
                    clip.start_seconds: likeness[clip.id]
                    for clip in own
                    if clip.duration_seconds >= MIN_SECONDS and not clip.is_excluded
                }
                finding = None if file.id in hidden else find_others(judged)
                median = float(np.median([likeness[clip.id] for clip in own]))
                _say(tables, file.id, Kind.SPEAKER, finding, speaker_similarity=round(median, 3))

    def _embeddings(self, file: DatasetFile, clips: Sequence[Clip]) -> Embeddings:
        """Of a file's clips, heard once and kept beside them."""
        path = self._media.file_folder(file.dataset_id, file.id) / EMBEDDINGS
        if path.exists() and len(kept := np.load(path)) == len(clips):
            return kept.astype(np.float32)
        made = embed_clips([self._media.path(clip.path) for clip in clips], self._encoder)
        with self._media.scratch_folder() as scratch:
            np.save(scratch / EMBEDDINGS, made.astype(np.float16))
            self._media.move_in(scratch / EMBEDDINGS, path)
        return made

    def _hear_languages(self, dataset_id: str) -> None:
        """Of all files first: without a clone, the language is the one that most of the speech is in."""
        files, clips = self._spoken(dataset_id)
        heard = [file for file in files if file.usable_seconds >= HEARD_FROM_SECONDS]
        for file in heard:
            self._leave_without_parent()
            guess = self._guess(file, clips[file.id])
            with self._parts.storage.write() as tables:
                if tables.files.find(file.id):
                    tables.files.update(file.id, language=guess.language, language_probability=guess.probability)
        with self._parts.storage.write() as tables:
            wanted = _wanted_languages(tables, dataset_id)
            for known in filter(None, (tables.files.find(file.id) for file in heard)):
                foreign = find_foreign(known.language, known.language_probability or 0.0, wanted)
                _say(tables, known.id, Kind.LANGUAGE, foreign)

    def _guess(self, file: DatasetFile, clips: Sequence[Clip]) -> LanguageGuess:
        if file.language:
            return LanguageGuess(language=file.language, probability=file.language_probability or 0.0)
        return self._listener.guess_language([self._media.path(clip.path) for clip in clips])

    def _reduce_noise(self, dataset_id: str) -> None:
        """Make the copies of clips that a training will ask for, so that it need not wait for them."""
        reducer = NoiseReducer()
        with self._parts.storage.read() as tables:
            clips = tables.clips.of_dataset(dataset_id)
        for clip in clips:
            target = self._media.clip_without_noise(clip)
            self._leave_without_parent()
            if not target.exists():
                reducer.reduce_clip(self._media.path(clip.path), target)

    def _spoken(self, dataset_id: str) -> tuple[list[DatasetFile], dict[str, list[Clip]]]:
        """The files with clips, and the clips of each."""
        clips: dict[str, list[Clip]] = {}
        with self._parts.storage.read() as tables:
            for clip in tables.clips.of_dataset(dataset_id):
                clips.setdefault(clip.file_id, []).append(clip)
            return [file for file in tables.files.of_dataset(dataset_id) if file.id in clips], clips


def _wanted_languages(tables: Tables, dataset_id: str) -> set[str]:
    """Languages of the clones that use a dataset; without any, the one that most of its speech is in."""
    chosen = {primary_language(row.language) for row in tables.fine_tunes.where("dataset_id = ?", [dataset_id])}
    return chosen or {tables.files.spoken_language(dataset_id)} - {""}


def _say(tables: Tables, file_id: str, kind: Kind, finding: Finding | None, **figures: float | str) -> None:
    """Replace what a file's row says of `kind`, unless the file is gone."""
    file = tables.files.find(file_id)
    if file is None:
        return
    others = [one for one in findings_of(file) if one.kind != kind]
    tables.files.update(file_id, **columns_of([*others, finding] if finding else others), **figures)


def main() -> None:
    """Entry of the process."""
    settings = Settings()
    begin_background(settings.log_level, lower_by=10)
    reviewer = Reviewer(make_parts(settings))
    while reviewer.review_next():
        pass


if __name__ == "__main__":
    main()
