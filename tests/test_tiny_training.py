"""The tiny engine's fine-tune: it really learns, goes on from its checkpoint, and says what is wrong."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from model.audio import write_wav
from model.engines.protocol import FineTuneConfig, Progress, TrainingClip
from model.engines.tiny.engine import TinyEngine
from model.engines.tiny.parameters import MODEL_FILE, read_parameters
from model.engines.tiny.training import CHECKPOINT_FILE
from model.errors import LanguageNotSupported, TooLittleSpeech, TrainingFailed
from model.measuring import pitch_hz, read_clip
from tests.tiny_speech import SAMPLE_RATE, make_clips, train

LONG = FineTuneConfig(language="en", seconds=3600)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[TrainingClip]:
    return make_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(scope="module")
def trained(clips: list[TrainingClip], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Progress]]:
    """The folder of a finished run, and its progress."""
    folder = tmp_path_factory.mktemp("trained")
    return folder, train(clips, folder)


@pytest.fixture
def stopped(clips: list[TrainingClip], tmp_path: Path) -> Path:
    """The folder of a run that was stopped at its first checkpoint."""
    run = TinyEngine().fine_tune(clips, LONG, tmp_path)
    next(progress for progress in run if (tmp_path / CHECKPOINT_FILE).exists())
    run.close()
    return tmp_path


def first_of(clips: list[TrainingClip], folder: Path) -> Progress:
    run = TinyEngine().fine_tune(clips, LONG, folder)
    progress = next(run)
    run.close()
    return progress


@pytest.mark.parametrize("stage", TinyEngine.stages)
def test_the_loss_falls(trained: tuple[Path, list[Progress]], stage: str) -> None:
    losses = [progress.loss for progress in trained[1] if progress.stage == stage and progress.loss is not None]
    assert losses[-1] < 0.5 * losses[0]


def test_stages_come_in_order_and_steps_to_their_end(trained: tuple[Path, list[Progress]]) -> None:
    progress = trained[1]
    assert tuple(dict.fromkeys(each.stage for each in progress)) == TinyEngine.stages
    for stage in TinyEngine.stages:
        steps = [each.step for each in progress if each.stage == stage]
        assert steps == sorted(steps)
        assert steps[-1] == 60
    assert (progress[-1].step, progress[-1].steps) == (60, 60)


def test_the_speakers_pitch_is_learned(trained: tuple[Path, list[Progress]], clips: list[TrainingClip]) -> None:
    parameters, _ = read_parameters(trained[0] / MODEL_FILE)
    recorded = np.median([np.median(pitch_hz(read_clip(clip))) for clip in clips])
    assert 2**parameters.traits.pitch == pytest.approx(recorded, rel=0.06)


def test_only_the_model_is_left_at_the_end(trained: tuple[Path, list[Progress]]) -> None:
    assert [path.name for path in trained[0].iterdir()] == [MODEL_FILE]


def test_the_steps_follow_the_time_given(clips: list[TrainingClip], tmp_path: Path) -> None:
    run = TinyEngine().fine_tune(clips, LONG, tmp_path)
    progress = list(islice(run, 12))[-1]
    run.close()
    assert progress.steps > 1000
    assert progress.seconds_left is not None
    assert 3000 < progress.seconds_left < 3600


def test_a_stopped_run_goes_on_from_its_checkpoint(stopped: Path, clips: list[TrainingClip]) -> None:
    _, notes = read_parameters(stopped / CHECKPOINT_FILE)
    progress = first_of(clips, stopped)
    assert progress.step == int(notes["step"]) > 0
    assert "goes on from step" in progress.message


def test_a_run_that_went_on_finishes(stopped: Path, clips: list[TrainingClip]) -> None:
    before, notes = read_parameters(stopped / CHECKPOINT_FILE)
    assert train(clips, stopped)[0].step == int(notes["step"])
    after, _ = read_parameters(stopped / MODEL_FILE)
    assert not np.allclose(before.gains_db, after.gains_db)


def test_a_changed_transcript_starts_afresh(stopped: Path, clips: list[TrainingClip]) -> None:
    changed = [replace(clips[0], transcript="Something else."), *clips[1:]]
    progress = first_of(changed, stopped)
    assert progress.step == 0
    assert "afresh: the clips or their transcripts have changed" in progress.message


def test_a_truncated_checkpoint_starts_afresh(stopped: Path, clips: list[TrainingClip]) -> None:
    path = stopped / CHECKPOINT_FILE
    path.write_bytes(path.read_bytes()[:200])
    progress = first_of(clips, stopped)
    assert progress.step == 0
    assert "afresh" in progress.message
    assert CHECKPOINT_FILE in progress.message


def test_a_finished_run_is_kept(trained: tuple[Path, list[Progress]], clips: list[TrainingClip]) -> None:
    before = (trained[0] / MODEL_FILE).read_bytes()
    progress = train(clips, trained[0])
    assert [each.message for each in progress] == ["Already trained on these clips."]
    assert (trained[0] / MODEL_FILE).read_bytes() == before


def test_too_little_speech_says_how_much(clips: list[TrainingClip], tmp_path: Path) -> None:
    with pytest.raises(TooLittleSpeech, match=rf"{clips[0].duration_seconds:.1f} s"):
        train(clips[:1], tmp_path)


def test_clips_without_a_voice_are_refused(tmp_path: Path) -> None:
    write_wav(tmp_path / "silence.wav", np.zeros(12 * SAMPLE_RATE, np.float32), SAMPLE_RATE)
    silence = TrainingClip(id="1", path=tmp_path / "silence.wav", transcript="Hello.", duration_seconds=12)
    with pytest.raises(TooLittleSpeech, match="none of the clips"):
        train([silence], tmp_path / "run")


def test_one_silent_clip_among_others_is_left_out(clips: list[TrainingClip], tmp_path: Path) -> None:
    write_wav(tmp_path / "silence.wav", np.zeros(SAMPLE_RATE, np.float32), SAMPLE_RATE)
    silence = TrainingClip(id="1", path=tmp_path / "silence.wav", transcript="Hello.", duration_seconds=1)
    progress = train([silence, *clips[:4]], tmp_path / "run", max_steps=10)
    assert progress[-1].step == 10


def test_other_languages_are_refused(clips: list[TrainingClip], tmp_path: Path) -> None:
    run = TinyEngine().fine_tune(clips, FineTuneConfig(language="it", seconds=1), tmp_path)
    with pytest.raises(LanguageNotSupported, match="English"):
        next(run)


def test_a_file_that_cannot_be_written_is_named(clips: list[TrainingClip], tmp_path: Path) -> None:
    run = TinyEngine().fine_tune(clips, LONG, tmp_path)
    next(run)
    with _files_of_at_most(100), pytest.raises(TrainingFailed, match="cannot be written"):
        list(run)
    assert list(tmp_path.iterdir()) == []


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
