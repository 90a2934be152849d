"""The worker, for real: a run to its end, killed, cancelled, handed back, and weights that are broken."""

import os
import resource
import signal

from model.audio import read_wav
from playground.parts import Parts, make_parts
from playground.services.clone_form import CloneForm
from playground.services.speech_plan import SpeechRequest
from storage.records import Status
from tests.making import TINY, queued
from tests.running import (
    INSPECTOR,
    WORKER,
    add_speech,
    running,
    start_training,
    wait_for_end,
    wait_for_stage,
    wait_until,
)


def test_a_run_ends_with_four_checked_voices_and_one_charge(parts: Parts) -> None:
    fine_tune = start_training(parts)
    with running(parts, WORKER):
        done = wait_for_end(parts, fine_tune)
    assert done.status == Status.COMPLETED, done.error
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


def test_a_killed_worker_is_replaced_and_the_run_goes_on(parts: Parts) -> None:
    fine_tune = start_training(parts, minutes=2)
    with running(parts, WORKER) as supervisor:
        wait_for_stage(parts, fine_tune, "prosody")
        os.kill(supervisor.pid(WORKER), signal.SIGKILL)
        wait_until(lambda: parts.fine_tuning.get(fine_tune.id).takeovers == 1, seconds=60, what="a takeover")
        done = wait_for_end(parts, fine_tune)
    assert done.status == Status.COMPLETED, done.error
    assert any("on from" in event.message for event in parts.fine_tuning.events(fine_tune.id))
    assert parts.accounts.account().spent == parts.settings.training_credits


def test_a_stopped_server_hands_its_run_back(parts: Parts) -> None:
    fine_tune = start_training(parts, minutes=10)
    with running(parts, WORKER):
        wait_for_stage(parts, fine_tune, "prosody")
    waiting = parts.fine_tuning.get(fine_tune.id)
    assert (waiting.status, waiting.takeovers, waiting.lease_owner) == (Status.CREATED, 0, None)


def test_deleting_a_clone_stops_its_run_and_leaves_no_files(parts: Parts) -> None:
    fine_tune = start_training(parts, minutes=10)
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
    fine_tune = start_training(parts, minutes=10)
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
