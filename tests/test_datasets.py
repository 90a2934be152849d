"""Datasets: recordings come in, are named when they cannot, are removed, and sum up."""

import shutil
from pathlib import Path

import pytest

from model.errors import TranscriptUnreadable
from playground.parts import Parts, make_parts
from playground.services.errors import Refused, TooLarge
from playground.services.given_texts import TakenTexts
from playground.settings import Settings
from storage.records import DatasetFile
from tests.conftest import SPEECH

RECORDINGS = sorted(SPEECH.glob("*.flac"))


def _copy(tmp_path: Path, source: Path = RECORDINGS[0], name: str = "upload") -> Path:
    target = tmp_path / name
    shutil.copyfile(source, target)
    return target


def test_a_recording_is_moved_in_and_waits_to_be_checked(parts: Parts, tmp_path: Path) -> None:
    dataset = parts.datasets.create("Ada")
    upload = _copy(tmp_path)
    file = parts.datasets.add_file(dataset.id, "Été – prise 1.flac", upload)
    assert isinstance(file, DatasetFile)
    assert not upload.exists()
    assert parts.datasets.file_path(file).read_bytes() == RECORDINGS[0].read_bytes()
    assert (file.filename, file.is_pending) == ("Été – prise 1.flac", True)
    assert parts.datasets.summary(dataset.id).pending == 1


@pytest.mark.parametrize("name", ["../../etc/passwd", "C:\\voices\\passwd", "passwd"])
def test_a_name_never_leads_out_of_the_data_folder(parts: Parts, tmp_path: Path, name: str) -> None:
    file = parts.datasets.add_file(parts.datasets.create("Ada").id, name, _copy(tmp_path))
    assert isinstance(file, DatasetFile)
    assert file.filename == "passwd"
    assert parts.datasets.file_path(file).is_relative_to(parts.settings.data_dir)


def test_an_exact_duplicate_is_named_and_counts_once(parts: Parts, tmp_path: Path) -> None:
    dataset = parts.datasets.create("Ada")
    first = parts.datasets.add_file(dataset.id, "a.flac", _copy(tmp_path))
    second = parts.datasets.add_file(dataset.id, "b.flac", _copy(tmp_path))
    assert isinstance(first, DatasetFile) and isinstance(second, DatasetFile)
    assert (second.verdict, second.reason) == ("rejected", "The same recording as “a.flac”; it counts once.")
    parts.datasets.remove_file(first.id)
    assert parts.datasets.get_file(second.id).is_pending


def test_a_file_over_the_limit_is_refused_with_figures_and_leaves_nothing(settings: Settings, tmp_path: Path) -> None:
    parts = make_parts(settings.model_copy(update={"max_upload_bytes": 1000}))
    upload = _copy(tmp_path)
    with pytest.raises(TooLarge, match="“a.flac” has .* MB; 0 MB are allowed"):
        parts.datasets.add_file(parts.datasets.create("Ada").id, "a.flac", upload)
    assert not upload.exists()


def test_removing_a_file_removes_what_lies_on_disk(parts: Parts, tmp_path: Path) -> None:
    dataset = parts.datasets.create("Ada")
    file = parts.datasets.add_file(dataset.id, "a.flac", _copy(tmp_path))
    assert isinstance(file, DatasetFile)
    parts.datasets.remove_file(file.id)
    assert parts.datasets.files(dataset.id) == []
    assert not parts.datasets.file_path(file).exists()


def test_transcripts_are_no_recordings(parts: Parts, tmp_path: Path) -> None:
    dataset = parts.datasets.create("Ada")
    taken = parts.datasets.add_file(dataset.id, "metadata.csv", _copy(tmp_path, SPEECH / "metadata.csv"))
    assert taken == TakenTexts(filename="metadata.csv", texts=18, recordings=0)
    assert parts.datasets.files(dataset.id) == []
    with parts.storage.read() as tables:
        assert {row.stem for row in tables.transcripts.where()} >= {path.stem for path in RECORDINGS}


def test_a_transcript_that_is_no_text_is_refused(parts: Parts, tmp_path: Path) -> None:
    upload = _copy(tmp_path)
    with pytest.raises(TranscriptUnreadable, match="“a.txt” is no text"):
        parts.datasets.add_file(parts.datasets.create("Ada").id, "a.txt", upload)
    assert not upload.exists()


def test_a_dataset_needs_a_name(parts: Parts) -> None:
    with pytest.raises(Refused, match="name"):
        parts.datasets.create("  ")


def test_deleting_a_dataset_leaves_its_drafts_without_one(parts: Parts, tmp_path: Path) -> None:
    from playground.services.clone_form import CloneForm

    dataset = parts.datasets.create("Ada")
    parts.datasets.add_file(dataset.id, "a.flac", _copy(tmp_path))
    draft = parts.fine_tuning.create_draft(CloneForm(), dataset_id=dataset.id)
    parts.datasets.delete(dataset.id)
    assert parts.fine_tuning.get(draft.id).dataset_id is None
    assert not parts.storage.media.dataset_folder(dataset.id).exists()


def test_search_finds_words_of_the_name(parts: Parts) -> None:
    for name in ("Podcast", "Audiobook 50%"):
        parts.datasets.create(name)
    assert [summary.dataset.name for summary in parts.datasets.summaries("BOOK 50%")] == ["Audiobook 50%"]
    assert len(parts.datasets.summaries()) == 2


def test_of_three_copies_one_always_counts(parts: Parts, tmp_path: Path) -> None:
    dataset = parts.datasets.create("Ada")
    files = [parts.datasets.add_file(dataset.id, f"{name}.flac", _copy(tmp_path)) for name in "abc"]
    for removed in (files[1], files[0]):
        assert isinstance(removed, DatasetFile)
        parts.datasets.remove_file(removed.id)
        assert [file.is_pending for file in parts.datasets.files(dataset.id)].count(True) == 1
