"""A zip of recordings -> rows: all that is in it is taken as if it had come file by file.

An archive that this playground has written (`dataset_archive`) gives the same dataset again.
"""

import hashlib
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from more_itertools import chunked
from pydantic import ValidationError

from model.errors import TranscriptUnreadable
from model.transcript_files import is_text_file
from playground.services.dataset_archive import CHUNK_BYTES, FORMAT, MANIFEST, Manifest
from playground.services.datasets import insert_recording
from playground.services.errors import Refused
from playground.services.given_texts import GivenTexts, put
from playground.settings import Settings
from storage.database import Storage, Tables
from storage.records import DatasetFile

MAX_FILES = 10_000
MAX_RATIO = 100
"""Silence as WAV shrinks to a thousandth, speech to a third."""
SLACK_BYTES = 100 * 1024**2
"""So much is taken whatever the ratio."""
MIN_FREE_BYTES = 1024**3
ROWS_AT_ONCE = 100
MAX_MANIFEST_BYTES = 100 * 1024**2
UNREADABLE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)
"""What damaged members, and ways of packing that Python does not know, raise."""


@dataclass(frozen=True, kw_only=True)
class _Member:
    """A file of the archive on disk; with a `reason`, one that cannot be used."""

    filename: str
    path: Path
    sha256: str
    reason: str = ""


def is_archive(filename: str, path: Path) -> bool:
    """Whether a file is a zip by its name and by its content."""
    return filename.lower().endswith(".zip") and zipfile.is_zipfile(path)


class Unpacker:
    """Puts the files of archives in the place of the archives."""

    def __init__(self, storage: Storage, settings: Settings, given_texts: GivenTexts) -> None:
        self._storage = storage
        self._settings = settings
        self._given_texts = given_texts

    def unpack(self, file: DatasetFile) -> None:
        """Give each file in an uploaded zip a row, or its texts to the clips, and remove the zip.

        Raises Refused, after which nothing was taken, and NotFound when the zip was removed meanwhile.
        """
        media = self._storage.media
        try:
            with media.scratch_folder() as scratch, zipfile.ZipFile(media.path(file.path)) as archive:
                infos = [info for info in archive.infolist() if not info.is_dir() and not _is_clutter(info.filename)]
                self._check(infos, file)
                manifest = _manifest(archive, infos, file.filename)
                self._take_in(file, manifest, self._extracted(archive, infos, manifest, scratch))
        except zipfile.BadZipFile as error:
            raise Refused(f"“{file.filename}” is damaged ({error}). Make or copy the archive again.") from error
        media.remove(media.file_folder(file.dataset_id, file.id))

    def _check(self, infos: Sequence[zipfile.ZipInfo], file: DatasetFile) -> None:
        """Refuse what would fill the disk, before anything is written."""
        total, free = sum(info.file_size for info in infos), self._storage.media.free_bytes()
        if not infos:
            raise Refused(f"There are no files in “{file.filename}”.")
        if len(infos) > MAX_FILES:
            raise Refused(f"“{file.filename}” holds {len(infos):,} files; {MAX_FILES:,} are allowed. Split it.")
        if total > MAX_RATIO * file.size + SLACK_BYTES:
            raise Refused(
                f"“{file.filename}” would grow from {file.size / 1024**2:,.1f} MB to {total / 1024**2:,.0f} MB: "
                "no recordings shrink so much."
            )
        if total + MIN_FREE_BYTES > free:
            raise Refused(
                f"“{file.filename}” needs {total / 1024**3:.1f} GB unpacked, and the disk has {free / 1024**3:.1f} GB "
                "free. Make room, then upload it again."
            )
        largest = max(infos, key=lambda info: info.file_size)
        if largest.file_size > self._settings.max_upload_bytes:
            raise Refused(
                f"“{largest.filename}” in “{file.filename}” has {largest.file_size / 1024**2:,.0f} MB; "
                f"{self._settings.max_upload_bytes / 1024**2:,.0f} MB are allowed."
            )
        if any(info.flag_bits & 1 for info in infos):
            raise Refused(f"“{file.filename}” is protected with a password. Make an archive without one.")

    def _extracted(
        self, archive: zipfile.ZipFile, infos: Sequence[zipfile.ZipInfo], manifest: Manifest | None, scratch: Path
    ) -> Iterator[_Member]:
        """The files on disk under numbers: no name of the archive becomes a path."""
        names = {one.path: _parts(one.filename)[-1] for one in manifest.files} if manifest else _names(infos)
        for number, info in enumerate(infos):
            if info.filename in names:
                yield _extract(archive, info, scratch / str(number), names[info.filename])

    def _take_in(self, file: DatasetFile, manifest: Manifest | None, members: Iterator[_Member]) -> None:
        """All rows, some at a time so that others can write between; the archive's own goes with the last."""
        recordings = [kept for member in members if (kept := self._unless_text(file.dataset_id, member))]
        with self._storage.write() as tables:
            tables.files.get(file.id)
            if manifest:
                put(tables, [archived.transcript(file.dataset_id) for archived in manifest.files])
        for some in chunked(recordings, ROWS_AT_ONCE):
            with self._storage.write() as tables:
                for member in some:
                    self._insert(tables, file, member)
        with self._storage.write() as tables:
            tables.files.delete(file.id)

    def _insert(self, tables: Tables, archive: DatasetFile, member: _Member) -> None:
        """A row, unless an unpacking that broke off has made it: one of the same name and content since the upload."""
        is_there = tables.files.count(
            "dataset_id = ? and sha256 = ? and filename = ? and created_at >= ?",
            [archive.dataset_id, member.sha256, member.filename, archive.created_at],
        )
        if not is_there:
            insert_recording(
                tables,
                self._storage.media,
                member.path,
                dataset_id=archive.dataset_id,
                filename=member.filename,
                sha256=member.sha256,
                reason=member.reason,
            )

    def _unless_text(self, dataset_id: str, member: _Member) -> _Member | None:
        """Read a text at once; one that cannot be read becomes a row that says why, as every file has one."""
        if member.reason or not is_text_file(member.filename):
            return member
        try:
            self._given_texts.take(dataset_id, member.filename, member.path)
        except TranscriptUnreadable as error:
            return replace(member, reason=str(error))
        return None


def _parts(name: str) -> tuple[str, ...]:
    """The folders and the name of an archive's file, without what leads out of it; at least a name."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return tuple(part for part in parts if part.strip("/.")) or ("upload",)


def _is_clutter(name: str) -> bool:
    """What macOS and Windows put into archives unasked, and other hidden files."""
    parts = _parts(name)
    return "__MACOSX" in parts or parts[-1] == "Thumbs.db" or parts[-1].startswith(".")


def _names(infos: Sequence[zipfile.ZipInfo]) -> dict[str, str]:
    """What the files are called by their paths: with their folders where two of these hold recordings of one name.

    A text then still finds its recording, and no other one.
    """
    folders: dict[str, set[tuple[str, ...]]] = {}
    for info in infos:
        *folder, name = _parts(info.filename)
        if not is_text_file(name):
            folders.setdefault(PurePosixPath(name).stem, set()).add(tuple(folder))
    is_plain = all(len(places) == 1 for places in folders.values())
    return {
        info.filename: parts[-1] if is_plain or parts[-1].endswith(".csv") else " - ".join(parts)
        for info in infos
        if (parts := _parts(info.filename))
    }


def _manifest(archive: zipfile.ZipFile, infos: Sequence[zipfile.ZipInfo], filename: str) -> Manifest | None:
    """What a playground has written about its dataset; None in other archives."""
    info = next((info for info in infos if info.filename == MANIFEST), None)
    if info is None or info.file_size > MAX_MANIFEST_BYTES:
        return None
    try:
        content = archive.read(info)
        return Manifest.model_validate_json(content) if FORMAT.encode() in content else None
    except (*UNREADABLE, ValidationError) as error:
        raise Refused(
            f"“{MANIFEST}” in “{filename}” cannot be read ({type(error).__name__}). Export the dataset again, or "
            "remove that file from the archive to take its recordings alone."
        ) from error


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path, filename: str) -> _Member:
    digest, reason = hashlib.sha256(), ""
    with target.open("wb") as out:
        try:
            with archive.open(info) as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    digest.update(chunk)
                    out.write(chunk)
        except UNREADABLE as error:
            reason = f"“{filename}” is damaged in the archive ({error}). Add it by itself, or pack it again."
    if not reason and is_archive(filename, target):
        reason = "An archive within an archive is not unpacked. Add it by itself."
    return _Member(filename=filename, path=target, sha256=digest.hexdigest(), reason=reason)
