"""Datasets as zips: out in LJSpeech's layout, in again as they were, and what does not get in."""

import io
import shutil
import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from playground.inspector import Inspector
from playground.parts import Parts, make_parts
from playground.services import unpacking
from storage.database import Tables
from storage.records import Clip, Dataset, DatasetFile
from tests.conftest import SPEECH

SORRY = (SPEECH / "vm-sorry.flac").read_bytes()
ALONE = (SPEECH / "conf-onlyone.flac").read_bytes()


def _zip(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _uploaded(parts: Parts, tmp_path: Path, content: bytes, name: str = "all.zip") -> Dataset:
    """A dataset that an archive was uploaded to and unpacked in."""
    dataset = parts.datasets.create("Ada")
    upload = tmp_path / "upload"
    upload.write_bytes(content)
    file = parts.datasets.add_file(dataset.id, name, upload)
    assert isinstance(file, DatasetFile) and file.is_pending
    _inspect(parts)
    return dataset


def _inspect(parts: Parts) -> None:
    inspector = Inspector(parts)
    while inspector.inspect_next():
        pass


def _clips(parts: Parts, dataset: Dataset) -> list[Clip]:
    with parts.storage.read() as tables:
        return tables.clips.of_dataset(dataset.id)


def _known(clip: Clip) -> tuple[object, ...]:
    names = ("transcript", "transcript_source", "heard", "given", "confidence", "language", "is_excluded")
    return (round(clip.start_seconds, 3), *(getattr(clip, name) for name in names))


def test_a_zip_of_recordings_and_texts_gives_a_row_for_every_file(parts: Parts, tmp_path: Path) -> None:
    members = {
        "speaker/wavs/sorry.flac": SORRY,
        "speaker/wavs/copy.flac": SORRY,
        "speaker/metadata.csv": b"sorry|I'm sorry.",
        "speaker/notes.pdf": b"%PDF-1.4",
        "speaker/broken.srt": b"no subtitles",
        "speaker/inner.zip": _zip({"a.flac": ALONE}),
        "__MACOSX/speaker/._sorry.flac": b"junk",
        "speaker/.DS_Store": b"junk",
    }
    dataset = _uploaded(parts, tmp_path, _zip(members))
    files = {file.filename: file for file in parts.datasets.files(dataset.id)}
    assert set(files) == {"sorry.flac", "copy.flac", "notes.pdf", "broken.srt", "inner.zip"}
    assert files["sorry.flac"].usable_seconds > 1
    assert "The same recording as “sorry.flac”" in files["copy.flac"].reason
    assert "not a sound file" in files["notes.pdf"].reason
    assert "is not in the format SubRip" in files["broken.srt"].reason
    assert "within an archive" in files["inner.zip"].reason
    assert [clip.transcript for clip in _clips(parts, dataset)] == ["I'm sorry."]


def test_recordings_of_one_name_keep_their_own_texts(parts: Parts, tmp_path: Path) -> None:
    members = {"a/1.flac": SORRY, "a/1.txt": b"I'm sorry.", "b/1.flac": ALONE, "b/1.txt": b"Only one."}
    dataset = _uploaded(parts, tmp_path, _zip(members))
    assert sorted(file.filename for file in parts.datasets.files(dataset.id)) == ["a - 1.flac", "b - 1.flac"]
    assert sorted(clip.transcript for clip in _clips(parts, dataset)) == ["I'm sorry.", "Only one."]


@pytest.mark.parametrize("name", ["../../../outside.flac", "/etc/outside.flac", "..\\..\\outside.flac"])
def test_no_name_leads_out_of_the_data_folder(parts: Parts, tmp_path: Path, name: str) -> None:
    dataset = _uploaded(parts, tmp_path, _zip({name: SORRY}))
    (file,) = parts.datasets.files(dataset.id)
    assert file.filename == "outside.flac"
    assert parts.datasets.file_path(file).is_relative_to(parts.storage.media.dataset_folder(dataset.id))


def test_an_archive_that_grows_too_much_is_refused_before_it_is_unpacked(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "SLACK_BYTES", 0)
    _expect_refusal(parts, tmp_path, _zip({"a.wav": bytes(3_000_000)}), "no recordings shrink so much")


def test_more_files_than_allowed_are_refused(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MAX_FILES", 2)
    _expect_refusal(parts, tmp_path, _zip({f"{n}.wav": b"x" for n in range(3)}), "holds 3 files; 2 are allowed")


def test_an_archive_for_which_the_disk_has_no_room_is_refused(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "MIN_FREE_BYTES", 1024**5)
    _expect_refusal(parts, tmp_path, _zip({"a.flac": SORRY}), "Make room")


def test_an_archive_that_was_refused_is_unpacked_when_it_comes_again(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, upload = _zip({"a.flac": SORRY}), tmp_path / "upload"
    with monkeypatch.context() as full:
        full.setattr(unpacking, "MIN_FREE_BYTES", 1024**5)
        dataset = _uploaded(parts, tmp_path, content)
    upload.write_bytes(content)
    parts.datasets.add_file(dataset.id, "all.zip", upload)
    _inspect(parts)
    assert [file.filename for file in parts.datasets.files(dataset.id)] == ["all.zip", "a.flac"]


def test_a_member_over_the_limit_of_uploads_is_refused(parts: Parts, tmp_path: Path) -> None:
    small = make_parts(parts.settings.model_copy(update={"max_upload_bytes": 20_000}))
    _expect_refusal(small, tmp_path, _zip({"a.wav": bytes(30_000)}), "“a.wav” in “all.zip” has")


def test_an_archive_with_a_password_is_refused(parts: Parts, tmp_path: Path) -> None:
    content = bytearray(_zip({"a.flac": SORRY}))
    entry = content.index(b"PK\x01\x02")
    struct.pack_into("<H", content, entry + 8, 1)
    _expect_refusal(parts, tmp_path, bytes(content), "password")


def test_an_empty_archive_is_refused(parts: Parts, tmp_path: Path) -> None:
    _expect_refusal(parts, tmp_path, _zip({}), "no files")


def test_a_broken_list_of_ours_is_said(parts: Parts, tmp_path: Path) -> None:
    broken = b'{"format": "voice-playground-dataset-1", "files": 5}'
    _expect_refusal(parts, tmp_path, _zip({"dataset.json": broken, "a.flac": SORRY}), "“dataset.json” in")


def test_a_list_of_another_program_is_a_file_as_any_other(parts: Parts, tmp_path: Path) -> None:
    dataset = _uploaded(parts, tmp_path, _zip({"dataset.json": b"[]", "a.flac": SORRY}))
    assert {file.filename: file.verdict == "rejected" for file in parts.datasets.files(dataset.id)} == {
        "dataset.json": True,
        "a.flac": False,
    }


def _expect_refusal(parts: Parts, tmp_path: Path, content: bytes, words: str) -> None:
    dataset = _uploaded(parts, tmp_path, content)
    (file,) = parts.datasets.files(dataset.id)
    assert file.verdict == "rejected"
    assert words in file.reason
    assert list(parts.storage.media.scratch.iterdir()) == []


def test_a_damaged_member_is_named_and_the_others_are_taken(parts: Parts, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("good.flac", SORRY)
        archive.writestr("bad.flac", ALONE)
    content = bytearray(buffer.getvalue())
    content[content.index(ALONE) + 5000] ^= 255
    dataset = _uploaded(parts, tmp_path, bytes(content))
    reasons = {file.filename: file.reason for file in parts.datasets.files(dataset.id)}
    assert "damaged in the archive" in reasons["bad.flac"]
    assert "damaged" not in reasons["good.flac"]


def test_a_zip_by_name_only_is_judged_as_a_recording(parts: Parts, tmp_path: Path) -> None:
    dataset = _uploaded(parts, tmp_path, SORRY)
    assert parts.datasets.files(dataset.id)[0].usable_seconds > 1


def test_an_exported_dataset_is_the_same_when_it_is_imported(parts: Parts, tmp_path: Path) -> None:
    dataset = parts.datasets.create("Ada L. – täglich/1")
    for stem in ("vm-sorry", "conf-onlyone", "pbx-invalidpark"):
        upload = tmp_path / "upload"
        shutil.copyfile(SPEECH / f"{stem}.flac", upload)
        parts.datasets.add_file(dataset.id, f"{stem}.flac", upload)
    _inspect(parts)
    sorry, alone, park = (
        next(c for c in _clips(parts, dataset) if c.file_id == f.id) for f in parts.datasets.files(dataset.id)
    )
    parts.transcripts.edit(sorry.id, "I'm sorry | really.")
    parts.transcripts.exclude(alone.id)
    parts.transcripts.edit(park.id, "There is no call.")

    content = b"".join(parts.archive.stream(dataset.id))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        rows = archive.read("metadata.csv").decode().splitlines()
    assert {name for name in names if name.startswith("wavs/")} == {f"wavs/{sorry.id}.wav", f"wavs/{park.id}.wav"}
    assert f"{park.id}|There is no call.|There is no call." in rows
    assert all(len(row.split("|")) == 3 for row in rows)
    assert parts.archive.filename(dataset.id) == "Ada L täglich 1.zip"

    again = _uploaded(parts, tmp_path, content)
    assert [file.filename for file in parts.datasets.files(again.id)] == [
        "vm-sorry.flac",
        "conf-onlyone.flac",
        "pbx-invalidpark.flac",
    ]
    assert [_known(clip) for clip in _clips(parts, again)] == [_known(clip) for clip in _clips(parts, dataset)]
    assert parts.datasets.summary(again.id).usable_seconds == pytest.approx(
        parts.datasets.summary(dataset.id).usable_seconds
    )


def test_nobody_ever_finds_clips_of_an_archive_without_what_it_keeps_of_them(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill after any transaction loses no edit: recognition hears clips without a text, and then it is late."""
    dataset = _uploaded(parts, tmp_path, _zip({"a.flac": SORRY}))
    parts.transcripts.edit(_clips(parts, dataset)[0].id, "Edited.")
    content = b"".join(parts.archive.stream(dataset.id))
    parts.datasets.delete(dataset.id)
    write, found = parts.storage.write, set()

    @contextmanager
    def watched() -> Iterator[Tables]:
        with write() as tables:
            yield tables
        with parts.storage.read() as tables:
            found.update(clip.transcript for clip in tables.clips.where())

    monkeypatch.setattr(parts.storage, "write", watched)
    _uploaded(parts, tmp_path, content)
    assert found == {"Edited."}


def test_what_is_removed_while_it_is_exported_is_not_in_the_list(parts: Parts, tmp_path: Path) -> None:
    dataset = _uploaded(parts, tmp_path, _zip({"a.flac": SORRY, "b.flac": ALONE}))
    chunks = parts.archive.stream(dataset.id)
    parts.datasets.remove_file(parts.datasets.files(dataset.id)[1].id)
    again = _uploaded(parts, tmp_path, b"".join(chunks))
    assert [file.filename for file in parts.datasets.files(again.id)] == ["a.flac"]


def test_an_unpacking_that_broke_off_goes_on_without_duplicates(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "ROWS_AT_ONCE", 1)
    dataset = parts.datasets.create("Ada")
    upload = tmp_path / "upload"
    upload.write_bytes(_zip({"a.flac": SORRY, "b.flac": ALONE}))
    file = parts.datasets.add_file(dataset.id, "all.zip", upload)
    unpacker = unpacking.Unpacker(parts.storage, parts.settings, parts.given_texts)
    insert = unpacking.insert_recording

    def break_off_at_the_second(*arguments: Any, **options: Any) -> DatasetFile:
        if options["filename"] == "b.flac":
            raise KeyboardInterrupt
        return insert(*arguments, **options)

    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        broken.setattr(unpacking, "insert_recording", break_off_at_the_second)
        unpacker.unpack(file)
    assert [one.filename for one in parts.datasets.files(dataset.id)] == ["all.zip", "a.flac"]
    unpacker.unpack(file)
    assert {one.filename: one.verdict for one in parts.datasets.files(dataset.id)} == {"a.flac": "", "b.flac": ""}
