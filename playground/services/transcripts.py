"""The review of a dataset's transcripts: what to look at first, edit, exclude, and take back step by step."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from more_itertools import chunked

from playground.services.errors import Refused
from storage.clips import DOUBTFUL, WAITING
from storage.database import Storage, Tables
from storage.records import Clip, ClipEdit, TranscriptSource, new_id
from storage.table import Page

MAX_CHARACTERS = 1000
"""Twelve seconds hold 300 at most."""

IMPORT = "import"
"""The kind of a step that gives texts to recordings."""
EDITS_AT_ONCE = 200
"""Taken back together, in some 0.1 s; others can write between."""
UNDONE_COLUMNS = ("transcript", "transcript_source", "given", "is_excluded")


@dataclass(frozen=True, kw_only=True)
class ReviewClip:
    """One line of the review: a clip, and the name of the recording that it was cut from."""

    clip: Clip
    filename: str


@dataclass(frozen=True, kw_only=True)
class Review:
    """Some lines of the review, and how many clips of the dataset there are of each kind."""

    lines: tuple[ReviewClip, ...]
    clips: int
    waiting: int
    """Still to be heard."""
    doubtful: int
    """Not excluded, and recognition was unsure or heard something else than the given text."""
    excluded: int
    excluded_seconds: float
    can_undo: bool


@dataclass(frozen=True, kw_only=True)
class Undone:
    """The step that was taken back: `kind` is edit, exclude, include or import."""

    kind: str
    clips: int


class Transcripts:
    """The use cases of a dataset's clips and what is said in them."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def review(self, dataset_id: str, *, limit: int = 50, offset: int = 0) -> Review:
        """Doubtful clips first, the least sure at the top; excluded ones last. Raises NotFound."""
        with self._storage.read() as tables:
            tables.datasets.get(dataset_id)
            names = {file.id: file.filename for file in tables.files.of_dataset(dataset_id)}
            clips = tables.clips.for_review(dataset_id, limit=limit, offset=offset)
            excluded = tables.clips.where("dataset_id = ? and is_excluded", [dataset_id])
            return Review(
                lines=tuple(ReviewClip(clip=clip, filename=names.get(clip.file_id, "")) for clip in clips),
                clips=tables.clips.count("dataset_id = ?", [dataset_id]),
                waiting=tables.clips.count(f"dataset_id = ? and {WAITING}", [dataset_id]),
                doubtful=tables.clips.count(f"dataset_id = ? and {DOUBTFUL} and not is_excluded", [dataset_id]),
                excluded=len(excluded),
                excluded_seconds=sum(clip.duration_seconds for clip in excluded),
                can_undo=bool(tables.clip_edits.last_step(dataset_id)),
            )

    def page(
        self, dataset_id: str, *, limit: int = 10, starting_after: str | None = None, ending_before: str | None = None
    ) -> Page[Clip]:
        """Clips for the API, newest first; raises NotFound and UnknownCursor."""
        with self._storage.read() as tables:
            tables.datasets.get(dataset_id)
            return tables.clips.page(
                "dataset_id = ?",
                [dataset_id],
                limit=limit,
                starting_after=starting_after,
                ending_before=ending_before,
            )

    def get(self, clip_id: str) -> Clip:
        """Raises NotFound."""
        with self._storage.read() as tables:
            return tables.clips.get(clip_id)

    def clip_path(self, clip: Clip) -> Path:
        """The clip's WAV."""
        return self._storage.media.path(clip.path)

    def edit(self, clip_id: str, text: str) -> Clip:
        """Write what is said in a clip; nothing but its person changes it from then on. Raises NotFound, Refused."""
        text = " ".join(text.split())
        if not any(character.isalnum() for character in text):
            raise Refused("Write what is said in the clip, or exclude it.")
        if len(text) > MAX_CHARACTERS:
            raise Refused(f"A clip holds at most {MAX_CHARACTERS:,} characters; this text has {len(text):,}.")
        return self._step(clip_id, "edit", transcript=text, transcript_source=TranscriptSource.EDITED)

    def exclude(self, clip_id: str) -> Clip:
        """Leave a clip out of what trainings use; raises NotFound."""
        return self._step(clip_id, "exclude", is_excluded=True)

    def include(self, clip_id: str) -> Clip:
        """Take an excluded clip in again; raises NotFound."""
        return self._step(clip_id, "include", is_excluded=False)

    def undo(self, dataset_id: str) -> Undone | None:
        """Take the last step back, be it one clip's or an import of many; None when there is none. Raises NotFound.

        The texts of an import are forgotten, so that they do not come back when more of their recordings is heard.
        """
        with self._storage.read() as tables:
            tables.datasets.get(dataset_id)
            edits = tables.clip_edits.last_step(dataset_id)
        for some in chunked(edits, EDITS_AT_ONCE):
            with self._storage.write() as tables:
                _take_back(tables, some)
        return Undone(kind=edits[0].kind, clips=len(edits)) if edits else None

    def _step(self, clip_id: str, kind: str, **columns: Any) -> Clip:
        with self._storage.write() as tables:
            clip = tables.clips.get(clip_id)
            change_clips(tables, [(clip, columns)], kind=kind)
            return tables.clips.get(clip_id)


def change_clips(tables: Tables, changes: Sequence[tuple[Clip, dict[str, Any]]], *, kind: str, step: str = "") -> None:
    """One step of a person, or more of one: write columns of clips, and keep what they were."""
    step = step or new_id("step")
    for clip, columns in changes:
        if all(getattr(clip, name) == value for name, value in columns.items()):
            continue
        before = {name: getattr(clip, name) for name in UNDONE_COLUMNS}
        tables.clip_edits.insert(
            ClipEdit(dataset_id=clip.dataset_id, clip_id=clip.id, step=step, kind=kind, before=before)
        )
        write_columns(tables, clip, columns)


def write_columns(tables: Tables, clip: Clip, columns: dict[str, Any]) -> None:
    """Write columns of a clip; one that is excluded or taken in changes what its file has, and who speaks in it."""
    tables.clips.update(clip.id, **columns)
    if columns.get("is_excluded", clip.is_excluded) != clip.is_excluded:
        tables.files.update(clip.file_id, usable_seconds=tables.clips.usable_seconds(clip.file_id))
        tables.datasets.update(clip.dataset_id, is_review_due=True)


def _take_back(tables: Tables, edits: Sequence[ClipEdit]) -> None:
    """Undo edits of one step, those that are still there."""
    these = ("step = ? and id between ? and ?", [edits[0].step, edits[0].id, edits[-1].id])
    edits = tables.clip_edits.where(*these)
    clips = [tables.clips.get(edit.clip_id) for edit in edits]
    for clip, edit in zip(clips, edits, strict=True):
        write_columns(tables, clip, _as_it_was(clip, edit.before))
    tables.clip_edits.delete_where(*these)
    if edits and edits[0].kind == IMPORT:
        _forget_texts(tables, {clip.file_id for clip in clips}, until=edits[-1].at)


def _forget_texts(tables: Tables, file_ids: Iterable[str], *, until: str) -> None:
    """Remove what is given for these recordings, unless it came later."""
    for file_id in file_ids:
        text = tables.transcripts.of_recording(tables.files.get(file_id))
        if text and text.created_at <= until:
            tables.transcripts.delete(text.id)


def _as_it_was(clip: Clip, before: dict[str, Any]) -> dict[str, Any]:
    """The columns before a step; what recognition has heard since stands where there was nothing of a person."""
    if TranscriptSource(before["transcript_source"]).is_persons or clip.heard is None:
        return before
    return before | {"transcript": clip.heard, "transcript_source": TranscriptSource.HEARD}
