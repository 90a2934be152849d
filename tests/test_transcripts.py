"""The review of transcripts: its order, and that every step of a person can be taken back."""

from pathlib import Path

import pytest

from model.transcription import Transcript as HeardText
from playground.parts import Parts, make_parts
from playground.services.clone_form import CloneForm
from playground.services.errors import Refused
from playground.services.run_clips import RunClips
from playground.services.transcripts import Undone
from storage.errors import NotFound
from storage.records import Clip, Dataset
from tests.making import TINY, checked_dataset


def _clips(parts: Parts, dataset: Dataset) -> list[Clip]:
    with parts.storage.read() as tables:
        return tables.clips.of_dataset(dataset.id)


def _hear(parts: Parts, clip: Clip, text: str, confidence: float = 0.9, *, language: str = "en") -> None:
    parts.hearing.keep(clip.id, HeardText(text=text, confidence=confidence, language=language))


def _give(parts: Parts, dataset: Dataset, tmp_path: Path, name: str, text: str) -> None:
    upload = tmp_path / "text"
    upload.write_text(text)
    parts.datasets.add_file(dataset.id, name, upload)


@pytest.fixture
def dataset(parts: Parts) -> Dataset:
    """Four clips of 5 s."""
    return checked_dataset(parts, clips=4)


def test_doubtful_clips_come_first_and_excluded_ones_last(parts: Parts, dataset: Dataset) -> None:
    clips = _clips(parts, dataset)
    for clip, confidence in zip(clips, (0.9, 0.5, 0.1, 0.2), strict=True):
        _hear(parts, clip, "Words.", confidence)
    parts.transcripts.exclude(clips[3].id)
    review = parts.transcripts.review(dataset.id)
    assert [line.clip.id for line in review.lines] == [clips[n].id for n in (2, 1, 0, 3)]
    assert {line.filename for line in review.lines} == {"a.wav"}
    assert (review.clips, review.doubtful, review.waiting, review.excluded) == (4, 2, 0, 1)
    second = parts.transcripts.review(dataset.id, limit=2, offset=1)
    assert [line.clip.id for line in second.lines] == [clips[1].id, clips[0].id]


def test_an_edit_stays_whatever_is_heard_or_given_later(parts: Parts, dataset: Dataset, tmp_path: Path) -> None:
    clip = _clips(parts, dataset)[0]
    parts.transcripts.edit(clip.id, " As I\nsaid. ")
    _hear(parts, clip, "as eyes head")
    _give(parts, dataset, tmp_path, "a.txt", "as eyes head")
    edited = parts.transcripts.get(clip.id)
    assert (edited.transcript, edited.transcript_source, edited.heard) == ("As I said.", "edited", "as eyes head")


@pytest.mark.parametrize("text", [" ", "…", "word " * 300])
def test_a_text_that_nobody_can_say_in_a_clip_is_refused(parts: Parts, dataset: Dataset, text: str) -> None:
    clip = _clips(parts, dataset)[0]
    with pytest.raises(Refused):
        parts.transcripts.edit(clip.id, text)
    assert not parts.transcripts.review(dataset.id).can_undo


def test_steps_are_taken_back_one_by_one_after_a_restart(parts: Parts, dataset: Dataset) -> None:
    first, second = _clips(parts, dataset)[:2]
    _hear(parts, first, "Heard.")
    parts.transcripts.edit(first.id, "Edited.")
    parts.transcripts.edit(first.id, "Edited.")
    parts.transcripts.exclude(second.id)
    again = make_parts(parts.settings).transcripts
    assert again.undo(dataset.id) == Undone(kind="exclude", clips=1)
    assert not again.get(second.id).is_excluded
    assert again.undo(dataset.id) == Undone(kind="edit", clips=1)
    assert (again.get(first.id).transcript, again.get(first.id).transcript_source) == ("Heard.", "heard")
    assert again.undo(dataset.id) is None


def test_an_edit_taken_back_gives_what_was_heard_meanwhile(parts: Parts, dataset: Dataset) -> None:
    clip = _clips(parts, dataset)[0]
    parts.transcripts.edit(clip.id, "Edited.")
    _hear(parts, clip, "Heard.")
    parts.transcripts.undo(dataset.id)
    assert parts.transcripts.get(clip.id).transcript == "Heard."


def test_what_an_import_replaced_comes_back_as_one_step(parts: Parts, dataset: Dataset, tmp_path: Path) -> None:
    words = ["the first sentence here", "a second one follows", "third comes after it", "and the fourth ends"]
    clips = _clips(parts, dataset)
    for clip, text in zip(clips, words, strict=True):
        _hear(parts, clip, text)
    _give(parts, dataset, tmp_path, "a.txt", ". ".join(word.capitalize() for word in words) + ".")
    assert parts.transcripts.get(clips[1].id).transcript == "A second one follows."
    assert parts.transcripts.undo(dataset.id) == Undone(kind="import", clips=4)
    assert [clip.transcript for clip in _clips(parts, dataset)] == words
    assert not any(clip.given for clip in _clips(parts, dataset))


def test_an_import_that_was_taken_back_stays_so_when_more_is_heard(
    parts: Parts, dataset: Dataset, tmp_path: Path
) -> None:
    words = ["the first sentence here", "a second one follows", "third comes after it", "and the fourth ends"]
    clips = _clips(parts, dataset)
    for clip, text in zip(clips[:3], words, strict=False):
        _hear(parts, clip, text)
    _give(parts, dataset, tmp_path, "a.txt", ". ".join(word.capitalize() for word in words) + ".")
    assert parts.transcripts.get(clips[1].id).transcript_source == "given"
    parts.transcripts.undo(dataset.id)
    _hear(parts, clips[3], words[3])
    parts.hearing.settle([clips[3].id])
    assert [clip.transcript for clip in _clips(parts, dataset)] == words


def test_excluded_minutes_do_not_count_and_their_clips_are_not_used(parts: Parts, dataset: Dataset) -> None:
    clips = _clips(parts, dataset)
    parts.transcripts.exclude(clips[1].id)
    assert parts.datasets.summary(dataset.id).usable_seconds == 15
    assert parts.transcripts.review(dataset.id).excluded_seconds == 5
    fine_tune = parts.fine_tuning.create_draft(CloneForm(model_id=TINY), dataset_id=dataset.id)
    fixed = RunClips(parts.storage, fine_tune)
    with parts.storage.write() as tables:
        fixed.fix(tables)
    assert [clip.id for clip in fixed.read()] == [clips[n].id for n in (0, 2, 3)]
    parts.transcripts.include(clips[1].id)
    assert parts.datasets.summary(dataset.id).usable_seconds == 20


def test_steps_of_a_removed_recording_are_gone(parts: Parts, dataset: Dataset) -> None:
    clip = _clips(parts, dataset)[0]
    parts.transcripts.edit(clip.id, "Edited.")
    parts.datasets.remove_file(clip.file_id)
    assert parts.transcripts.undo(dataset.id) is None
    parts.datasets.delete(dataset.id)
    with pytest.raises(NotFound):
        parts.transcripts.undo(dataset.id)
