"""Steady noise is taken out of clips when a dataset asks for it, and the recordings stay as they are."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench.spoiling import noisy
from model import audio
from model.metering import level_dbfs
from model.noise_reduction import NoiseReducer
from playground.parts import Parts
from playground.reviewer import Reviewer
from playground.services.clone_form import CloneForm
from playground.services.errors import Busy
from playground.services.noise_reduction import NoiseReduction
from playground.services.run_clips import RunClips
from tests.conftest import SPEECH
from tests.making import TINY, checked_dataset
from tests.serving import api_of

RATE = audio.SAMPLE_RATE


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of pause, then 3 s of speech, with noise 15 dB below it."""
    speech = soundfile.read(SPEECH / "vm-newuser.flac", dtype="float32")[0]
    wide = audio.resample(speech, source_rate=16_000, target_rate=RATE)
    path = tmp_path_factory.mktemp("noise") / "a.wav"
    audio.write_wav(path, noisy(np.concatenate([np.zeros(RATE, np.float32), wide[: 3 * RATE]]), 15), RATE)
    return path


def test_noise_falls_and_speech_stays(recording: Path) -> None:
    before = audio.read_wav(recording)[0]
    after = NoiseReducer().reduce(before)
    pause = slice(RATE // 2, RATE)
    assert after.shape == before.shape
    assert level_dbfs(before[pause]) - level_dbfs(after[pause]) > 10
    assert level_dbfs(before[RATE:]) - level_dbfs(after[RATE:]) < 1.5
    agreement = [float(before[RATE:-9] @ np.roll(after, -shift)[RATE:-9]) for shift in range(-6, 7)]
    assert abs(int(np.argmax(agreement)) - 6) <= 1, "it is in step with the original"


def test_a_clip_can_be_heard_before_and_after(parts: Parts, recording: Path) -> None:
    dataset = checked_dataset(parts, clips=1, audio=recording)
    with parts.storage.read() as tables:
        (clip,) = tables.clips.of_dataset(dataset.id)
    before, after = parts.noise_reduction.before_and_after(clip.id)
    assert before.read_bytes() == recording.read_bytes()
    assert level_dbfs(audio.read_wav(after)[0][:RATE]) < level_dbfs(audio.read_wav(before)[0][:RATE]) - 5


def test_a_clip_that_cannot_be_read_is_told_and_one_that_is_gone_is_not_found(parts: Parts) -> None:
    dataset = checked_dataset(parts, clips=1)
    with parts.storage.read() as tables:
        (clip,) = tables.clips.of_dataset(dataset.id)
    url = f"/datasets/{dataset.id}/clips/{clip.id}/audio?without_noise=true"
    failed = api_of(parts).get(url)
    assert (failed.status_code, failed.json()["error_code"]) == (500, "noise_reduction_failed")
    assert clip.id in failed.json()["message"]
    parts.storage.media.path(clip.path).unlink()
    assert api_of(parts).get(url).status_code == 404


def test_clips_are_made_one_at_a_time_and_few_wait(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = NoiseReduction(parts.storage, parts.settings.model_copy(update={"speeches_waiting": 0}))
    dataset = checked_dataset(parts, clips=2)
    with parts.storage.read() as tables:
        first, second = tables.clips.of_dataset(dataset.id)

    def ask_for_another(*arguments: object, **options: object) -> None:
        with pytest.raises(Busy):
            busy.before_and_after(second.id)

    monkeypatch.setattr(subprocess, "run", ask_for_another)
    busy.before_and_after(first.id)


def test_copies_with_less_noise_are_made_in_advance_and_taken_by_a_run(parts: Parts, recording: Path) -> None:
    dataset = checked_dataset(parts, clips=2, seconds=30.0, audio=recording)
    parts.datasets.set_noise_reduction(dataset.id, is_on=True)
    assert Reviewer(parts).review_next()
    draft = parts.fine_tuning.create_draft(CloneForm(model_id=TINY), dataset_id=dataset.id)
    fine_tune = parts.fine_tuning.train(draft.id, minutes=10, consented=True)
    fixed = RunClips(parts.storage, fine_tune)
    with parts.storage.write() as tables:
        fixed.fix(tables)
        made = [parts.storage.media.clip_without_noise(clip) for clip in tables.clips.of_dataset(dataset.id)]
    clips = fixed.read()
    assert [parts.storage.media.path(clip.path).read_bytes() for clip in clips] == [one.read_bytes() for one in made]
    assert not any(clip.is_noisy for clip in clips)


@pytest.mark.parametrize("is_on", [True, False])
def test_a_run_hears_less_noise_when_its_dataset_says_so(parts: Parts, recording: Path, is_on: bool) -> None:
    dataset = checked_dataset(parts, clips=2, seconds=30.0, audio=recording)
    assert parts.datasets.set_noise_reduction(dataset.id, is_on=is_on).reduces_noise == is_on
    draft = parts.fine_tuning.create_draft(CloneForm(model_id=TINY), dataset_id=dataset.id)
    fine_tune = parts.fine_tuning.train(draft.id, minutes=10, consented=True)
    fixed = RunClips(parts.storage, fine_tune)
    with parts.storage.write() as tables:
        fixed.fix(tables)
    steps = list(fixed.reduce_noise(NoiseReducer()))
    assert len(steps) == (2 if is_on else 0)
    before = recording.read_bytes()
    heard = [fixed.path(clip).read_bytes() for clip in fixed.read()]
    assert [one == before for one in heard] == [not is_on] * 2
    with parts.storage.read() as tables:
        kept = [parts.storage.media.path(clip.path).read_bytes() for clip in tables.clips.of_dataset(dataset.id)]
    assert kept == [before] * 2
    assert not list(fixed.reduce_noise(NoiseReducer()))


def test_no_checkpoint_of_the_noisy_clips_fits_after_noise_reduction_was_switched_on(parts: Parts) -> None:
    dataset = checked_dataset(parts, clips=2, seconds=30.0)
    with parts.storage.read() as tables:
        clips = tables.clips.of_dataset(dataset.id)
    for clip in clips:
        parts.transcripts.edit(clip.id, "Hello.")
        copy = parts.storage.media.clip_without_noise(clip)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(b"quieter")
    draft = parts.fine_tuning.create_draft(CloneForm(model_id=TINY), dataset_id=dataset.id)
    fine_tune = parts.fine_tuning.train(draft.id, minutes=10, consented=True)
    noisy_ids = [clip.id for clip in RunClips(parts.storage, fine_tune).with_words()]
    assert noisy_ids == [clip.id for clip in clips]
    parts.fine_tuning.cancel(fine_tune.id)
    parts.datasets.set_noise_reduction(dataset.id, is_on=True)
    again = RunClips(parts.storage, parts.fine_tuning.retry(fine_tune.id)).with_words()
    assert [clip.path.read_bytes() for clip in again] == [b"quieter"] * 2
    assert not {clip.id for clip in again} & set(noisy_ids)
