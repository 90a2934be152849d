"""The worker, for real: a run to its end, killed, cancelled, handed back, and weights that are broken."""

import os
import resource
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from model.audio import read_wav
from model.engines.tiny.training import CHECKPOINT_FILE
from playground.parts import Parts, make_parts
from playground.services.clone_form import CloneForm
from playground.services.speech_plan import SpeechRequest
from playground.settings import Settings
from storage.records import FineTune, Status
from tests.making import TINY, queued
from tests.running import (
    INSPECTOR,
    WORKER,
    add_speech,
    checked_speech,
    running,
    start_training,
    wait_for_end,
    wait_for_stage,
    wait_until,
)
from tests.serving import opened


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, weights_dir: Path) -> Path:
    """A data folder with a dataset of the test recordings, all checked."""
    folder = tmp_path_factory.mktemp("recorded")
    checked_speech(make_parts(Settings(data_dir=folder, weights_dir=weights_dir)))
    return folder


@pytest.fixture
def settings(recorded: Path, tmp_path: Path, weights_dir: Path) -> Settings:
    """A copy of that folder for each test."""
    return Settings(data_dir=shutil.copytree(recorded, tmp_path / "data"), weights_dir=weights_dir)


@pytest.fixture(scope="module")
def killed(
    recorded: Path, tmp_path_factory: pytest.TempPathFactory, weights_dir: Path
) -> Iterator[tuple[Parts, FineTune]]:
    """A run whose worker was killed in the midst of training, at its end under the next worker."""
    data_dir = shutil.copytree(recorded, tmp_path_factory.mktemp("killed") / "data")
    with opened(Settings(data_dir=data_dir, weights_dir=weights_dir)) as parts:
        fine_tune = start_training(parts)
        checkpoint = parts.storage.media.fine_tune_folder(fine_tune.id) / "model" / CHECKPOINT_FILE
        with running(parts, WORKER) as supervisor:
            wait_for_stage(parts, fine_tune, "prosody")
            wait_until(checkpoint.exists, seconds=30, what="a checkpoint")
            os.kill(supervisor.pid(WORKER), signal.SIGKILL)
            with parts.storage.write() as tables:
                tables.fine_tunes.update(fine_tune.id, training_minutes=2)  # little is left for the next worker
            wait_until(lambda: parts.fine_tuning.get(fine_tune.id).takeovers == 1, seconds=60, what="a takeover")
            done = wait_for_end(parts, fine_tune)
        yield parts, done


def test_a_killed_worker_is_replaced_and_the_run_goes_on(killed: tuple[Parts, FineTune]) -> None:
    parts, done = killed
    assert done.status == Status.COMPLETED, done.error
    assert any("on from" in event.message for event in parts.fine_tuning.events(done.id))


def test_a_run_ends_with_four_checked_voices_and_one_charge(killed: tuple[Parts, FineTune]) -> None:
    parts, done = killed
    voices = parts.fine_tuning.voices(done.id)
    assert [voice.name for voice in voices] == ["Ada - V0", "Ada - V1", "Ada - V2", "Ada - V3"]
    assert len({voice.reference_text for voice in voices}) == 4
    rows = {row["name"]: row for row in done.report["rows"]}
    assert {"V0", "V1", "V2", "V3", "Recordings", "Stock voice", "Base model from the same clip"} == set(rows)
    assert max(rows[name]["word_error_rate"] for name in ("V0", "V1", "V2", "V3")) <= 0.2
    assert done.report["held_out_clips"] >= 5
    assert set(done.stage_seconds) == {"prepare", "transcribe", "prosody", "voice", "create voices", "check"}
    assert parts.accounts.account().spent == parts.settings.training_credits

    with_clone = parts.speech.speak(SpeechRequest(voice_id=voices[0].id, text="Good morning to all of you."))
    other_style = parts.speech.speak(SpeechRequest(voice_id=voices[1].id, text="Good morning to all of you."))
    assert (with_clone.model_id, with_clone.fine_tuned) == (TINY, True)
    first, second = (read_wav(parts.speech.speech_path(speech.id))[0] for speech in (with_clone, other_style))
    assert first.shape != second.shape or abs(first - second).max() > 0.01


def test_a_run_waits_for_files_that_are_still_being_checked(parts: Parts) -> None:
    dataset = parts.datasets.create("Recordings")
    add_speech(parts, dataset)
    form = CloneForm(name="Ada", model_id=TINY)
    fine_tune = parts.fine_tuning.start(form, dataset_id=dataset.id, minutes=10)
    with running(parts, WORKER, INSPECTOR):
        wait_for_stage(parts, fine_tune, "prosody")
        cancelled = parts.fine_tuning.cancel(fine_tune.id)
        assert cancelled.status == Status.TRAINING
        ended = wait_for_end(parts, fine_tune, seconds=5)
    assert (ended.status, ended.error) == (Status.FAILED, "Cancelled by you.")
    assert parts.accounts.account().held == 0


def test_a_stopped_server_hands_its_run_back(parts: Parts) -> None:
    fine_tune = start_training(parts)
    with running(parts, WORKER):
        wait_for_stage(parts, fine_tune, "prosody")
    waiting = parts.fine_tuning.get(fine_tune.id)
    assert (waiting.status, waiting.takeovers, waiting.lease_owner) == (Status.CREATED, 0, None)


def test_deleting_a_clone_stops_its_run_and_leaves_no_files(parts: Parts) -> None:
    fine_tune = start_training(parts)
    folder = parts.storage.media.fine_tune_folder(fine_tune.id)
    with running(parts, WORKER):
        wait_for_stage(parts, fine_tune, "prosody")
        parts.fine_tuning.delete(fine_tune.id)
        other = queued(parts)
        wait_until(
            lambda: parts.fine_tuning.get(other.id).status != Status.CREATED, seconds=60, what="the worker to be free"
        )
    assert not folder.exists()


def test_broken_weights_are_made_again(parts: Parts) -> None:
    fine_tune = start_training(parts)
    weights = parts.settings.data_dir / "weights"
    model = weights / "whisper-base" / "model.bin"
    model.parent.mkdir(parents=True)
    model.write_bytes(b"truncated")
    with running(make_parts(parts.settings.model_copy(update={"weights_dir": weights})), WORKER):
        wait_for_stage(parts, fine_tune, "prosody")
    assert model.stat().st_size > 100_000_000


def test_a_disk_that_takes_no_more_fails_the_run_with_words(parts: Parts) -> None:
    fine_tune = start_training(parts)
    own = make_parts(parts.settings.model_copy(update={"weights_dir": parts.settings.data_dir / "weights"}))
    with running(own, WORKER) as supervisor:
        resource.prlimit(supervisor.pid(WORKER), resource.RLIMIT_FSIZE, (50 * 1024**2, 50 * 1024**2))
        failed = wait_for_end(parts, fine_tune)
    assert (failed.status, failed.error_code) == (Status.FAILED, "disk")
    assert "Check the free space, then Retry." in failed.error
    assert parts.accounts.account().held == 0
