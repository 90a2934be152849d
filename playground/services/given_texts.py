"""Texts that people give with their recordings: whose they are, and what of them is said in which clip.

A text finds its recording by the name without suffix, whichever of the two comes first. What a person has written into
a clip stays.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from more_itertools import chunked

from model.transcript_files import Cue, read_text_file
from model.word_placement import HeardClip, place_text
from playground.services.transcripts import IMPORT, change_clips, write_columns
from storage.clips import WAITING
from storage.database import Storage, Tables
from storage.records import Clip, DatasetFile, Transcript, TranscriptSource, name_key, new_id

KEPT_COLUMNS = ("transcript", "transcript_source", "heard", "language", "confidence", "given", "is_excluded")
"""What an archive keeps of a clip."""

SAME_PLACE_SECONDS = 0.05
"""A recording that is cut again gives the same clips; but times are rounded."""

TEXTS_AT_ONCE = 200
"""Written together, in some 0.1 s; others can write between."""

Changes = list[tuple[Clip, dict[str, Any]]]


@dataclass(frozen=True, kw_only=True)
class TakenTexts:
    """What became of a file of text: how many texts it had, and how many of them have their recording already."""

    filename: str
    texts: int
    recordings: int


class GivenTexts:
    """Takes texts in, and gives them to the clips in which they are said."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def take(self, dataset_id: str, filename: str, source: Path) -> TakenTexts:
        """Read a file of text and use what it says; a text of the same name is replaced.

        What is replaced in clips can be undone, as one step. Raises NotFound and TranscriptUnreadable.
        """
        texts = read_text_file(source, filename=filename)
        rows = [
            Transcript(
                dataset_id=dataset_id,
                stem=name_key(text.stem),
                text=text.text,
                cues=[_as_row(cue) for cue in text.cues],
            )
            for text in texts
        ]
        for some in chunked(rows, TEXTS_AT_ONCE):
            with self._storage.write() as tables:
                tables.datasets.get(dataset_id)
                put(tables, some)
        with self._storage.read() as tables:
            files = tables.files.of_dataset(dataset_id)
        stems = {row.stem for row in rows}
        recordings = self._settle([file for file in files if file.stem in stems], kind=IMPORT)
        return TakenTexts(filename=filename, texts=len(stems), recordings=recordings)

    def begin(self, tables: Tables, file: DatasetFile) -> None:
        """Give clips what their recording's text says without having been heard, in the transaction that makes them.

        What an archive keeps of them would be lost between that one and the next: recognition does not wait for it.
        """
        for text, clips in _texts(tables, [file]):
            for clip, columns in _changes(text, clips):
                write_columns(tables, clip, columns)

    def settle(self, file: DatasetFile) -> None:
        """Give a recording's clips what its text says, where there is one, as far as they are heard."""
        self._settle([file])

    def settle_if_heard(self, file: DatasetFile) -> None:
        """The same, once recognition has listened to all clips that it will listen to."""
        with self._storage.read() as tables:
            is_heard = not tables.clips.count(f"file_id = ? and {WAITING}", [file.id])
        if is_heard:
            self.settle(file)

    def _settle(self, files: Sequence[DatasetFile], *, kind: str = "") -> int:
        """Change the clips of those files that have a text; gives how many they are. With `kind` it can be undone."""
        step = new_id("step")
        recordings = 0
        for some in chunked(files, TEXTS_AT_ONCE):
            with self._storage.read() as tables:
                texts = _texts(tables, some)
            changes = [change for text, clips in texts for change in _changes(text, clips)]
            recordings += len(texts)
            with self._storage.write() as tables:
                current = [change for change in changes if _is_unchanged(change[0], tables.clips.find(change[0].id))]
                if kind:
                    change_clips(tables, current, kind=kind, step=step)
                else:
                    for clip, columns in current:
                        write_columns(tables, clip, columns)
        return recordings


def put(tables: Tables, rows: Sequence[Transcript]) -> None:
    """Write texts in place of those of the same name."""
    for row in rows:
        tables.transcripts.delete_where("dataset_id = ? and stem = ?", [row.dataset_id, row.stem])
        tables.transcripts.insert(row)


def _as_row(cue: Cue) -> dict[str, Any]:
    return {"start": cue.start_seconds, "end": cue.end_seconds, "text": cue.text}


def _is_unchanged(clip: Clip, now: Clip | None) -> bool:
    """Whether nobody has heard or edited a clip since it was read."""
    names = ("transcript", "transcript_source", "heard", "given", "is_excluded")
    return now is not None and all(getattr(now, name) == getattr(clip, name) for name in names)


def _texts(tables: Tables, files: Sequence[DatasetFile]) -> list[tuple[Transcript, list[Clip]]]:
    """The texts of those files that have one, and the files' clips."""
    return [(text, tables.clips.of_file(file.id)) for file in files if (text := tables.transcripts.of_recording(file))]


def _changes(text: Transcript, clips: Sequence[Clip]) -> Changes:
    """The columns of clips that differ from what the text asks for."""
    if any("transcript_source" in cue for cue in text.cues):
        wanted = _kept(text, clips)
    elif len(clips) == 1:
        wanted = iter([(clips[0], _given(clips[0], text.text, fits=True))])
    else:
        wanted = _placed(text, [clip for clip in clips if clip.heard is not None])
    return [
        (clip, columns)
        for clip, columns in wanted
        if any(getattr(clip, name) != value for name, value in columns.items())
    ]


def _given(clip: Clip, text: str, *, fits: bool) -> dict[str, Any]:
    if clip.transcript_source == TranscriptSource.EDITED:
        return {"given": text}
    if fits:
        return {"given": text, "transcript": text, "transcript_source": TranscriptSource.GIVEN}
    return {"given": text, "transcript": clip.heard or "", "transcript_source": TranscriptSource.HEARD}


def _placed(text: Transcript, clips: Sequence[Clip]) -> Iterator[tuple[Clip, dict[str, Any]]]:
    """The parts of a text of the whole recording."""
    if not clips:
        return
    heard = [
        HeardClip(
            id=clip.id,
            start_seconds=clip.start_seconds,
            end_seconds=clip.start_seconds + clip.duration_seconds,
            heard=clip.heard or "",
        )
        for clip in clips
    ]
    cues = [Cue(start_seconds=cue["start"], end_seconds=cue["end"], text=cue["text"]) for cue in text.cues]
    placed = place_text(text.text, heard, language=clips[0].language, cues=cues)
    for clip in clips:
        if clip.id in placed:
            yield clip, _given(clip, placed[clip.id].text, fits=placed[clip.id].fits)


def _kept(text: Transcript, clips: Sequence[Clip]) -> Iterator[tuple[Clip, dict[str, Any]]]:
    """What an archive says of clips that are still as they were cut."""
    for clip in clips:
        for cue in text.cues:
            is_same = abs(cue["start"] - clip.start_seconds) < SAME_PLACE_SECONDS
            if is_same and clip.transcript_source == TranscriptSource.NONE:
                yield clip, {name: cue[name] for name in KEPT_COLUMNS}
