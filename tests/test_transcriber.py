"""Recognition in the background: what it listens to, in which language, and what it leaves to others."""

import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from model.transcription import LanguageGuess
from model.transcription import Transcript as HeardText
from playground.commands.serve import TRANSCRIBER
from playground.inspector import Inspector
from playground.parts import Parts
from playground.services.clone_form import CloneForm
from playground.services.run_clips import RunClips
from playground.transcriber import BackgroundTranscriber
from storage.records import Clip, Dataset, Status
from tests.conftest import SPEECH
from tests.making import TINY, checked_dataset, queued
from tests.running import running, wait_until


class Recogniser:
    """Hears the name of each clip's file, in the language that it is told."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []

    def guess_language(self, paths: Sequence[Path]) -> LanguageGuess:
        return LanguageGuess(language="fr", probability=0.8)

    def transcribe_many(self, paths: Sequence[Path], language: str) -> Iterator[HeardText]:
        self.batches.append([path.stem for path in paths])
        for path in paths:
            if not path.exists():
                raise FileNotFoundError(path)
            yield HeardText(text=path.stem, confidence=0.9, language=language)


@pytest.fixture
def recogniser() -> Recogniser:
    return Recogniser()


@pytest.fixture
def transcriber(parts: Parts, recogniser: Recogniser) -> BackgroundTranscriber:
    made = BackgroundTranscriber(parts)
    given: Any = recogniser
    made._model = given
    return made


def _hear_all(transcriber: BackgroundTranscriber) -> None:
    while transcriber.hear_next():
        pass


def _clips(parts: Parts, dataset: Dataset) -> list[Clip]:
    with parts.storage.read() as tables:
        return tables.clips.of_dataset(dataset.id)


def test_clips_are_heard_half_a_minute_at_a_time_in_the_language_that_was_guessed(
    parts: Parts, transcriber: BackgroundTranscriber, recogniser: Recogniser
) -> None:
    dataset = checked_dataset(parts, clips=7, seconds=5.0)
    _hear_all(transcriber)
    assert [len(batch) for batch in recogniser.batches] == [5, 2]
    assert [clip.heard for clip in _clips(parts, dataset)] == [str(number) for number in range(7)]
    assert {(clip.language, clip.transcript_source, clip.hearings) for clip in _clips(parts, dataset)} == {
        ("fr", "heard", 0)
    }
    (file,) = parts.datasets.files(dataset.id)
    assert (file.language, file.language_probability) == ("fr", 0.8)


def test_a_clone_says_the_language_and_what_was_heard_in_another_is_heard_again(
    parts: Parts, transcriber: BackgroundTranscriber
) -> None:
    dataset = checked_dataset(parts, clips=3)
    _hear_all(transcriber)
    parts.fine_tuning.create_draft(CloneForm(language="en-GB"), dataset_id=dataset.id)
    _hear_all(transcriber)
    assert {clip.language for clip in _clips(parts, dataset)} == {"en"}
    assert parts.datasets.files(dataset.id)[0].language == "fr"


def test_what_a_person_wrote_or_excluded_is_not_listened_to(
    parts: Parts, transcriber: BackgroundTranscriber, recogniser: Recogniser
) -> None:
    clips = _clips(parts, checked_dataset(parts, clips=3))
    parts.transcripts.edit(clips[0].id, "Edited.")
    parts.transcripts.exclude(clips[1].id)
    _hear_all(transcriber)
    assert recogniser.batches == [["2"]]


def test_a_dataset_in_training_is_left_to_the_training(parts: Parts, transcriber: BackgroundTranscriber) -> None:
    fine_tune = queued(parts)
    assert transcriber.hear_next()
    with parts.storage.write() as tables:
        tables.fine_tunes.update(fine_tune.id, status=Status.TRAINING)
    assert not transcriber.hear_next()


def test_a_clip_that_cannot_be_read_takes_no_other_with_it_and_is_left_at_last(
    parts: Parts, transcriber: BackgroundTranscriber
) -> None:
    dataset = checked_dataset(parts, clips=3)
    clips = _clips(parts, dataset)
    parts.transcripts.clip_path(clips[1]).unlink()
    _hear_all(transcriber)
    assert [clip.heard for clip in _clips(parts, dataset)] == ["0", None, "2"]
    assert parts.transcripts.review(dataset.id).waiting == 0


def test_a_training_takes_what_was_heard_since_its_clips_were_fixed(
    parts: Parts, transcriber: BackgroundTranscriber
) -> None:
    fine_tune = queued(parts)
    parts.fine_tuning.get(fine_tune.id)
    clips = RunClips(parts.storage, fine_tune)
    before = clips.read()
    assert not any(clip.transcript or clip.is_heard for clip in before)
    _hear_all(transcriber)
    after = clips.with_known_texts(before)
    assert all(clip.is_heard and clip.transcript for clip in after)


def test_the_process_hears_real_speech_and_one_that_was_killed_is_replaced(parts: Parts, tmp_path: Path) -> None:
    dataset = parts.datasets.create("Ada")
    parts.fine_tuning.create_draft(CloneForm(model_id=TINY), dataset_id=dataset.id)

    def add(stem: str) -> None:
        upload = tmp_path / "upload"
        upload.write_bytes((SPEECH / f"{stem}.flac").read_bytes())
        parts.datasets.add_file(dataset.id, f"{stem}.flac", upload)
        assert Inspector(parts).inspect_next()

    add("ss-noservice")
    with running(parts, TRANSCRIBER) as supervisor:
        wait_until(lambda: bool(_clips(parts, dataset)[0].heard), seconds=90, what="the first clip")
        os.kill(supervisor.pid(TRANSCRIBER), signal.SIGKILL)
        add("conf-onlyone")
        wait_until(lambda: all(clip.heard for clip in _clips(parts, dataset)), seconds=90, what="the second clip")
    first, second = _clips(parts, dataset)
    assert "not in service" in first.transcript
    assert "other participant" in second.transcript
