"""The inspector and the reviewer on real recordings: what rows say, duplicates, other speakers, languages."""

import sqlite3
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from model import audio
from model.transcription import LanguageGuess
from playground.inspector import Inspector
from playground.parts import Parts
from playground.reviewer import Reviewer
from playground.services.clone_form import CloneForm
from storage.records import Dataset, DatasetFile
from tests.conftest import SPEECH
from tests.making import checked_dataset

RATE = 16_000
Waveform = NDArray[np.float32]
RECORDINGS = sorted(SPEECH.glob("*.flac"))


def read(paths: Sequence[Path]) -> Waveform:
    return np.concatenate([soundfile.read(path, dtype="float32")[0] for path in paths])


def add(parts: Parts, dataset: Dataset, name: str, waveform: Waveform, tmp_path: Path) -> DatasetFile:
    """Take a waveform in as WAV, or in the format that its name ends with."""
    container = Path(name).suffix.lstrip(".")
    form = audio.EncodedFormat(container=container, encoding="pcm_s16le", sample_rate=48_000)
    (tmp_path / "upload").write_bytes(audio.encode(waveform, RATE, form))
    file = parts.datasets.add_file(dataset.id, name, tmp_path / "upload")
    assert isinstance(file, DatasetFile)
    return file


def inspect_all(parts: Parts) -> None:
    inspector = Inspector(parts)
    while inspector.inspect_next():
        pass


def other_speaker(waveform: Waveform) -> Waveform:
    """A smaller person: pitch and formants a third higher."""
    return audio.resample(waveform, source_rate=int(RATE * 1.3), target_rate=RATE)


def over_the_telephone(waveform: Waveform) -> Waveform:
    return audio.resample(
        audio.resample(waveform, source_rate=RATE, target_rate=8000), source_rate=8000, target_rate=RATE
    )


def test_the_same_recording_in_another_format_counts_once_until_the_first_goes(parts: Parts, tmp_path: Path) -> None:
    dataset = parts.datasets.create("Ada")
    speech = read(RECORDINGS[:3])
    names = ("a.wav", "b.mp3", "c.opus")
    files = [add(parts, dataset, name, speech, tmp_path) for name in names]
    other = add(parts, dataset, "d.wav", read(RECORDINGS[3:6]), tmp_path)
    inspect_all(parts)
    rows = {file.id: file for file in parts.datasets.files(dataset.id)}
    assert [rows[file.id].duplicate_of for file in (*files, other)] == ["", files[0].id, files[0].id, ""]
    assert rows[files[1].id].reason == "The same recording as “a.wav”; it counts once."
    assert parts.datasets.summary(dataset.id).usable_seconds == pytest.approx(
        rows[files[0].id].usable_seconds + rows[other.id].usable_seconds
    )
    parts.datasets.remove_file(files[0].id)
    assert [parts.datasets.get_file(file.id).is_pending for file in files[1:]] == [True, False]
    inspect_all(parts)
    assert parts.datasets.get_file(files[1].id).verdict == "good"
    assert parts.datasets.get_file(files[2].id).duplicate_of == files[1].id


def test_of_two_copies_the_better_counts_whichever_came_first(parts: Parts, tmp_path: Path) -> None:
    dataset = parts.datasets.create("Ada")
    speech = read(RECORDINGS[:3])
    noise = np.random.default_rng(0).normal(0, 0.01, len(speech)).astype(np.float32)
    telephone = over_the_telephone(speech)
    names = {"a.wav": telephone, "b.wav": speech + noise, "c.wav": speech, "d.wav": telephone}
    files = {name: add(parts, dataset, name, waveform, tmp_path) for name, waveform in names.items()}
    inspect_all(parts)
    rows = {name: parts.datasets.get_file(file.id) for name, file in files.items()}
    assert rows["c.wav"].verdict == "good"
    assert {name for name, row in rows.items() if row.duplicate_of == files["c.wav"].id} == {"a.wav", "b.wav", "d.wav"}
    with parts.storage.read() as tables:
        assert {clip.file_id for clip in tables.clips.where("dataset_id = ?", [dataset.id])} == {files["c.wav"].id}
    assert {name for name, row in rows.items() if row.loudness_lufs is not None} == {"c.wav"}
    assert parts.datasets.summary(dataset.id).usable_seconds == pytest.approx(rows["c.wav"].usable_seconds)


def test_a_copy_whose_clips_a_person_has_changed_stays(parts: Parts, tmp_path: Path) -> None:
    dataset = parts.datasets.create("Ada")
    speech = read(RECORDINGS[:3])
    telephone = over_the_telephone(speech)
    first = add(parts, dataset, "a.wav", telephone, tmp_path)
    inspect_all(parts)
    with parts.storage.read() as tables:
        clip = tables.clips.where("file_id = ?", [first.id])[0]
    parts.transcripts.edit(clip.id, "As it was.")
    second = add(parts, dataset, "b.wav", speech, tmp_path)
    inspect_all(parts)
    assert parts.datasets.get_file(second.id).duplicate_of == first.id


def test_a_row_keeps_what_was_found(parts: Parts, tmp_path: Path) -> None:
    dataset = parts.datasets.create("Ada")
    noise = np.random.default_rng(0).normal(0, 0.03, 4 * RATE).astype(np.float32)
    speech = np.concatenate([read(RECORDINGS[:3]), np.zeros(4 * RATE, np.float32)])
    file = add(parts, dataset, "a.wav", speech + np.resize(noise, len(speech)), tmp_path)
    inspect_all(parts)
    row = parts.datasets.get_file(file.id)
    assert ("noise", "poor") in {(one["kind"], one["verdict"]) for one in row.findings}
    assert row.verdict == "poor"
    assert all(one["reason"] in row.reason and one["advice"] in row.reason for one in row.findings)
    assert row.left_out["silence"] == pytest.approx(4, abs=1)
    assert row.music_share == pytest.approx(0, abs=0.05)
    assert not list(parts.storage.media.scratch.iterdir())


def test_no_clips_are_left_of_a_file_that_is_rejected_after_it_was_cut(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = parts.datasets.create("Ada")
    file = add(parts, dataset, "a.wav", read(RECORDINGS[:1]), tmp_path)
    monkeypatch.setattr(parts.given_texts, "begin", lambda *_: (_ for _ in ()).throw(sqlite3.OperationalError))
    inspect_all(parts)
    row = parts.datasets.get_file(file.id)
    assert (row.verdict, row.usable_seconds) == ("rejected", 0.0)
    assert not parts.transcripts.review(dataset.id).clips


def test_an_archive_whose_unpacking_ended_the_process_twice_is_not_called_a_recording(
    parts: Parts, tmp_path: Path
) -> None:
    dataset = parts.datasets.create("Ada")
    with zipfile.ZipFile(tmp_path / "upload", "w") as archive:
        archive.writestr("a.txt", "Hello.")
    file = parts.datasets.add_file(dataset.id, "all.zip", tmp_path / "upload")
    assert isinstance(file, DatasetFile)
    with parts.storage.write() as tables:
        tables.files.update(file.id, inspections=2)
    inspect_all(parts)
    assert parts.datasets.get_file(file.id).reason.startswith("Unpacking “all.zip” was broken off 2 times.")


def test_another_speaker_is_named_where_it_speaks(parts: Parts, tmp_path: Path) -> None:
    dataset = parts.datasets.create("Ada")
    own = add(parts, dataset, "own.wav", read(RECORDINGS[:8]), tmp_path)
    stranger = add(parts, dataset, "stranger.wav", other_speaker(read(RECORDINGS[8:11])), tmp_path)
    pause = np.zeros(RATE, np.float32)
    both = [read(RECORDINGS[11:14]), pause, other_speaker(read(RECORDINGS[14:15])), pause]
    mixed = add(parts, dataset, "mixed.wav", np.concatenate([*both, read(RECORDINGS[15:17])]), tmp_path)
    inspect_all(parts)
    assert parts.datasets.get_file(mixed.id).verdict == "good"
    assert Reviewer(parts).review_next()
    assert not Reviewer(parts).review_next()
    rows = [parts.datasets.get_file(file.id) for file in (own, stranger, mixed)]
    assert [row.verdict for row in rows] == ["good", "poor", "usable"]
    assert "Another person seems to speak here" in rows[1].reason
    assert "Another person seems to speak in 1 of" in rows[2].reason
    with parts.storage.read() as tables:
        likeness = [clip.speaker_similarity for clip in tables.clips.of_file(mixed.id)]
    assert sum(one is not None and one < 0.79 for one in likeness) == 1

    parts.datasets.remove_file(own.id)
    parts.datasets.remove_file(mixed.id)
    assert Reviewer(parts).review_next()
    assert parts.datasets.get_file(stranger.id).verdict == "good"


def test_a_speaker_is_named_until_the_clips_are_excluded(parts: Parts) -> None:
    dataset = checked_dataset(parts, clips=5)
    with parts.storage.write() as tables:
        (file,) = tables.files.of_dataset(dataset.id)
        tables.files.update(file.id, language="en", language_probability=0.9)
        tables.datasets.update(dataset.id, is_review_due=True)
        stranger = tables.clips.of_file(file.id)[2]
    voices = np.zeros((5, 256), np.float32)
    voices[[0, 1, 2, 3, 4], [0, 0, 1, 0, 0]] = 1
    np.save(parts.storage.media.file_folder(dataset.id, file.id) / "speakers.npy", voices)
    reviewer = Reviewer(parts)
    assert reviewer.review_next()
    assert "in 1 of 5 clips" in parts.datasets.get_file(file.id).reason
    parts.transcripts.exclude(stranger.id)
    assert reviewer.review_next()
    assert parts.datasets.get_file(file.id).verdict == "good"
    parts.transcripts.undo(dataset.id)
    assert reviewer.review_next()
    assert "in 1 of 5 clips" in parts.datasets.get_file(file.id).reason


def test_another_language_than_the_clones_is_named(parts: Parts, tmp_path: Path) -> None:
    dataset = parts.datasets.create("Ada")
    file = add(parts, dataset, "a.wav", read(RECORDINGS[:4]), tmp_path)
    draft = parts.fine_tuning.create_draft(CloneForm(language="it"), dataset_id=dataset.id)
    inspect_all(parts)
    reviewer = Reviewer(parts)
    reviewer.review_next()
    row = parts.datasets.get_file(file.id)
    assert (row.language, row.verdict) == ("en", "poor")
    assert "It sounds like English, not Italian." in row.reason
    parts.fine_tuning.update_draft(draft.id, language="en-GB")
    assert reviewer.review_next()
    assert parts.datasets.get_file(file.id).verdict == "good"


def test_a_review_that_is_ended_in_the_midst_is_due_again(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = checked_dataset(parts, clips=1)
    parts.datasets.set_noise_reduction(dataset.id, is_on=True)
    reviewer = Reviewer(parts)

    def leave(dataset_id: str) -> None:
        assert not parts.datasets.get(dataset_id).is_review_due
        raise SystemExit

    monkeypatch.setattr(reviewer, "_compare_speakers", leave)
    with pytest.raises(SystemExit):
        reviewer.review_next()
    assert parts.datasets.get(dataset.id).is_review_due


def test_a_review_whose_process_was_killed_is_tried_once_more(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def die(dataset_id: str) -> None:
        raise Killed

    dataset = checked_dataset(parts, clips=1)
    parts.datasets.set_noise_reduction(dataset.id, is_on=True)
    reviewer = Reviewer(parts)
    monkeypatch.setattr(reviewer, "_compare_speakers", die)
    for _ in range(2):
        with pytest.raises(Killed):
            reviewer.review_next()
    assert not reviewer.review_next()
    parts.datasets.set_noise_reduction(dataset.id, is_on=True)
    with pytest.raises(Killed):
        reviewer.review_next()


def test_without_a_clone_the_language_is_that_of_most_of_the_speech(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = checked_dataset(parts, clips=2)
    with parts.storage.write() as tables:
        (italian,) = tables.files.of_dataset(dataset.id)
        english = tables.files.insert(replace(italian, id="longer", filename="b.wav", usable_seconds=100.0))
        (clip, _) = tables.clips.of_file(italian.id)
        tables.clips.insert(replace(clip, id="longer", file_id=english.id))
        tables.datasets.update(dataset.id, is_review_due=True)

    def guess(file: DatasetFile, clips: object) -> LanguageGuess:
        return LanguageGuess(language="it" if file.id == italian.id else "en", probability=0.9)

    reviewer = Reviewer(parts)
    monkeypatch.setattr(reviewer, "_compare_speakers", lambda dataset_id: None)
    monkeypatch.setattr(reviewer, "_guess", guess)
    assert reviewer.review_next()
    assert parts.datasets.get_file(italian.id).reason.startswith("It sounds like Italian, not English.")
    assert parts.datasets.get_file(english.id).verdict == "good"
