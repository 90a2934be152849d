"""A dataset as one zip: LJSpeech's layout for other programs, and beside it all that makes the same dataset again.

`wavs/` and `metadata.csv` hold the clips that are used, with their transcripts; `originals/` the recordings as they
came; `dataset.json` what is known of each clip (`Manifest`).
"""

import io
import os
import re
import zipfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from playground.services.given_texts import KEPT_COLUMNS
from storage.database import Storage
from storage.records import Clip, Dataset, DatasetFile, Transcript, TranscriptSource

MANIFEST = "dataset.json"
FORMAT = "voice-playground-dataset-1"
"""Other programs may call a file `dataset.json` too."""

CHUNK_BYTES = 1024**2


class ArchivedClip(BaseModel):
    """A clip: where it was cut, and its transcripts."""

    start: float
    end: float
    transcript: str
    transcript_source: TranscriptSource
    heard: str | None
    language: str
    confidence: float | None
    given: str
    is_excluded: bool

    @classmethod
    def of(cls, clip: Clip) -> "ArchivedClip":
        return cls(
            start=clip.start_seconds,
            end=clip.start_seconds + clip.duration_seconds,
            **{name: getattr(clip, name) for name in KEPT_COLUMNS},
        )


class ArchivedFile(BaseModel):
    """A recording: where it lies in the archive, what it is called, and its clips."""

    path: str
    filename: str
    sha256: str
    clips: list[ArchivedClip]

    def transcript(self, dataset_id: str) -> Transcript:
        """What is known of the clips, for a dataset that gets the same recording: it is found by its content."""
        return Transcript(
            dataset_id=dataset_id,
            stem=self.sha256,
            text=" ".join(clip.transcript for clip in self.clips if clip.transcript),
            cues=[clip.model_dump(mode="json") for clip in self.clips],
        )


class Manifest(BaseModel):
    """The whole dataset, but for the sound."""

    format: Literal["voice-playground-dataset-1"] = "voice-playground-dataset-1"
    name: str
    description: str
    files: list[ArchivedFile]


class DatasetArchive:
    """Writes datasets as archives."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def filename(self, dataset_id: str) -> str:
        """What the archive of a dataset is called; raises NotFound."""
        with self._storage.read() as tables:
            name = tables.datasets.get(dataset_id).name
        return (" ".join(re.findall(r"[\w'’-]+", name))[:60].strip() or "dataset") + ".zip"

    def stream(self, dataset_id: str) -> Iterator[bytes]:
        """The archive, as it is being written; what is removed meanwhile is not in it. Raises NotFound at once."""
        with self._storage.read() as tables:
            dataset = tables.datasets.get(dataset_id)
            files = [
                (file, tables.clips.of_file(file.id))
                for file in tables.files.of_dataset(dataset_id)
                if file.verdict != "rejected"
            ]
        return self._chunks(dataset, files)

    def _chunks(self, dataset: Dataset, files: list[tuple[DatasetFile, list[Clip]]]) -> Iterator[bytes]:
        """Sound first; then the lists of what is really there."""
        media = self._storage.media
        sink = _Sink()
        rows, archived = [], []
        with zipfile.ZipFile(sink, "w") as archive:
            for number, (file, clips) in enumerate(files, start=1):
                path = f"originals/{number:05d}/{file.filename}"
                if not (yield from _member(archive, sink, media.path(file.path), path)):
                    continue
                for clip in clips:
                    if clip.is_excluded or not clip.transcript:
                        continue
                    if (yield from _member(archive, sink, media.path(clip.path), f"wavs/{clip.id}.wav")):
                        rows.append(_row(clip))
                archived.append(
                    ArchivedFile(
                        path=path,
                        filename=file.filename,
                        sha256=file.sha256,
                        clips=[ArchivedClip.of(clip) for clip in clips],
                    )
                )
            archive.writestr("metadata.csv", "".join(rows), zipfile.ZIP_DEFLATED)
            manifest = Manifest(name=dataset.name, description=dataset.description, files=archived)
            archive.writestr(MANIFEST, manifest.model_dump_json(indent=1), zipfile.ZIP_DEFLATED)
        yield sink.taken()


def _row(clip: Clip) -> str:
    """`id|text|normalized text`: programs that train on LJSpeech read the third, so it is never absent."""
    text = clip.transcript.replace("|", " ")
    return f"{clip.id}|{text}|{text}\n"


def _member(archive: zipfile.ZipFile, sink: "_Sink", source: Path, name: str) -> Generator[bytes, None, bool]:
    """Write a file as it is, for sound hardly shrinks; gives whether it was still there."""
    try:
        stream = source.open("rb")
    except FileNotFoundError:
        return False
    info = zipfile.ZipInfo(name)
    with stream:
        info.file_size = os.fstat(stream.fileno()).st_size  # says whether the 64-bit form is needed
        with archive.open(info, "w") as member:
            while chunk := stream.read(CHUNK_BYTES):
                member.write(chunk)
                yield sink.taken()
    return True


class _Sink(io.RawIOBase):
    """What has been written and not yet been taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """All of it, which is forgotten then."""
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole
