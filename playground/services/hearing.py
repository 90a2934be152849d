"""What recognition has to listen to, and what becomes of what it heard: for trainings and in the background alike."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from model.accents import primary_language
from model.transcription import WINDOW_SECONDS, LanguageGuess
from model.transcription import Transcript as HeardText
from playground.services.given_texts import GivenTexts
from storage.database import Storage
from storage.errors import NotFound
from storage.records import Clip, TranscriptSource

CLIPS_AT_ONCE = 16


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Clips that are heard together. Without a `language`, it has to be guessed first, from the clips' file."""

    clips: tuple[Clip, ...]
    paths: tuple[Path, ...]
    language: str


class Hearing:
    """The clips that wait for recognition, and their transcripts."""

    def __init__(self, storage: Storage, given_texts: GivenTexts) -> None:
        self._storage = storage
        self._given_texts = given_texts

    def next_batch(self) -> Batch | None:
        """Up to half a minute of the clips that wait longest; counted as a try until they are kept or given back.

        A clip that has been tried in vain is alone, so that it takes no others down with it.
        """
        with self._storage.write() as tables:
            waiting = tables.clips.next_to_hear(limit=CLIPS_AT_ONCE)
            if not waiting:
                return None
            first = waiting[0]
            clips = [first] if first.hearings else _as_fits([clip for clip in waiting if not clip.hearings])
            if not tables.files.get(first.file_id).language:
                clips = [clip for clip in clips if clip.file_id == first.file_id]
                language = ""
            else:
                clone = tables.fine_tunes.newest_of_dataset(first.dataset_id)
                language = primary_language(clone.language if clone else tables.files.spoken_language(first.dataset_id))
            for clip in clips:
                tables.clips.update(clip.id, hearings=clip.hearings + 1)
        paths = tuple(self._storage.media.path(clip.path) for clip in clips)
        return Batch(clips=tuple(clips), paths=paths, language=language)

    def give_back(self, batch: Batch) -> None:
        """Leave clips to another time, without counting this one."""
        with self._storage.write() as tables:
            for clip in batch.clips:
                if tables.clips.find(clip.id):
                    tables.clips.update(clip.id, hearings=clip.hearings)

    def keep_language(self, file_id: str, guess: LanguageGuess) -> None:
        """Save what a file was taken for; nothing happens when it is gone."""
        with self._storage.write() as tables:
            if tables.files.find(file_id):
                tables.files.update(file_id, language=guess.language, language_probability=guess.probability)

    def keep(self, clip_id: str, heard: HeardText) -> None:
        """Save what was heard in a clip; a person's text stays. Nothing happens when the clip is gone."""
        with self._storage.write() as tables:
            clip = tables.clips.find(clip_id)
            if clip is None:
                return
            if not clip.transcript_source.is_persons:
                clip = replace(clip, transcript=heard.text, transcript_source=TranscriptSource.HEARD)
            tables.clips.update(
                clip_id,
                transcript=clip.transcript,
                transcript_source=clip.transcript_source,
                heard=heard.text,
                hearings=0,
                confidence=heard.confidence,
                language=primary_language(heard.language),
            )

    def settle(self, clip_ids: Sequence[str], *, is_partly: bool = False) -> None:
        """Place the given texts of these clips' files where all is heard; with `is_partly`, whatever is heard."""
        with self._storage.read() as tables:
            found = (tables.clips.find(clip_id) for clip_id in clip_ids)
            file_ids = dict.fromkeys(clip.file_id for clip in found if clip is not None)
            files = [tables.files.get(file_id) for file_id in file_ids]
        for file in files:
            try:
                (self._given_texts.settle if is_partly else self._given_texts.settle_if_heard)(file)
            except NotFound:
                continue  # removed meanwhile


def _as_fits(clips: Sequence[Clip]) -> list[Clip]:
    """The first clips, as many as recognition hears at once; at least one."""
    fitting: list[Clip] = []
    seconds = 0.0
    for clip in clips:
        seconds += clip.duration_seconds
        if fitting and seconds > WINDOW_SECONDS:
            break
        fitting.append(clip)
    return fitting
