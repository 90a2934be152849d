"""Kokoro fine-tuned in earnest: a few steps of the real base on real speech, spoken with in a new process."""

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from model.engines.kokoro import weights
from model.engines.kokoro.acoustic import Segments, train_voice, voice_loss
from model.engines.kokoro.alignment import Aligner
from model.engines.kokoro.descent import MOST_LOST, Descent
from model.engines.kokoro.engine import DECODER_SHARE, PREDICTOR_SHARE, KokoroEngine
from model.engines.kokoro.examples import Example, encode, measure
from model.engines.kokoro.features import bandwidth_of
from model.engines.kokoro.prosody import melody_of, train_prosody
from model.engines.kokoro.schedule import Schedule
from model.engines.kokoro.spectral_loss import SpectralLoss
from model.engines.kokoro.state import CHECKPOINT_FILE, MODEL_FILE, STORY_FILE, restore
from model.engines.kokoro.styles import SpeakerStyle, stock_style
from model.engines.kokoro.training import Stage
from model.engines.protocol import FineTuneConfig, Progress, TrainingClip
from model.errors import AudioError, LanguageNotSupported, TooLittleSpeech, TrainingFailed, WeightsUnavailable
from model.files import sha256_of
from tests.kokoro_speech import STEPS, KokoroRun

ROOT = Path(__file__).parent.parent
FEW = 8
ONE_STEP = FineTuneConfig(language="en", seconds=600, max_steps=1)
SPEAK = """
import sys
from pathlib import Path
import numpy as np
from model.engines.kokoro.engine import KokoroEngine
from model.engines.protocol import TrainingClip
weights_dir, folder, wav, transcript, out = sys.argv[1:]
engine = KokoroEngine(Path(weights_dir))
clip = TrainingClip(id="reference", path=Path(wav), transcript=transcript, duration_seconds=5.0)
spoken = {}
for name, model in (("tuned", engine.load(Path(folder))), ("base", engine.load(None))):
    style = model.style_of(clip, language="en")
    spoken[name + "_style"] = style
    spoken[name] = np.concatenate(
        [stretch.waveform for stretch in model.synthesize("Hello, it is nice to meet you.", style=style, language="en")]
    )
np.savez(out, **spoken)
"""


@pytest.fixture(scope="module")
def clips(kokoro_run: KokoroRun) -> list[TrainingClip]:
    return kokoro_run.clips


@pytest.fixture(scope="module")
def engine(weights_dir: Path) -> KokoroEngine:
    return KokoroEngine(weights_dir)


@pytest.fixture(scope="module")
def run(kokoro_run: KokoroRun) -> Path:
    """The folder of the finished run."""
    return kokoro_run.folder


@pytest.fixture(scope="module")
def stopped(engine: KokoroEngine, clips: list[TrainingClip], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of one step a stage that was stopped after its first stage."""
    folder = tmp_path_factory.mktemp("stopped")
    reports = engine.fine_tune(clips[:FEW], ONE_STEP, folder)
    next(report for report in reports if report.stage == "voice")
    reports.close()
    return folder


@pytest.fixture(scope="module")
def examples(clips: list[TrainingClip], weights_dir: Path) -> list[Example]:
    """Some of the clips as the base reads them."""
    base, aligner = weights.load(weights_dir), Aligner()
    measured = [measure(clip, aligner, "en") for clip in clips[:6]]
    return [encode(base, clip) for clip in measured if clip is not None]


def test_of_a_clip_whose_words_are_others_the_pitch_counts_still(
    clips: list[TrainingClip], run: Path, weights_dir: Path
) -> None:
    model = KokoroEngine(weights_dir).load(run)
    assert model.speaker is not None
    usual = model.speaker.style_of(model.speaker.mean)
    for clip in clips[:3]:
        own = model.style_of(clip, language="en")
        misheard = model.style_of(replace(clip, transcript="word " * 200), language="en")
        assert 0 < np.linalg.norm(misheard - own) < np.linalg.norm(usual - own)


def _style_of(examples: list[Example]) -> SpeakerStyle:
    center = torch.from_numpy(stock_style("af_heart"))
    return SpeakerStyle(center, torch.stack([example.clip.traits for example in examples]))


@pytest.fixture(scope="module")
def spoken(
    run: Path,
    clips: list[TrainingClip],
    weights_dir: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, np.ndarray]:
    """What a new process says with the fine-tuned and with the base model."""
    out = tmp_path_factory.mktemp("spoken") / "spoken.npz"
    arguments = [weights_dir, run, clips[0].path, clips[0].transcript, out]
    subprocess.run([sys.executable, "-c", SPEAK, *map(str, arguments)], cwd=ROOT, check=True)
    with np.load(out) as arrays:
        return dict(arrays)


def test_every_stage_reports_in_order(engine: KokoroEngine, kokoro_run: KokoroRun) -> None:
    reports = kokoro_run.reports
    order = list(dict.fromkeys(report.stage for report in reports))
    assert tuple(order) == engine.stages
    assert reports[0].message.startswith("Starting afresh")
    assert all(report.step <= report.steps for report in reports)
    assert reports[-1].step == STEPS


def test_the_loss_of_prosody_falls(kokoro_run: KokoroRun) -> None:
    losses = [report.loss for report in kokoro_run.reports if report.stage == "prosody" and report.loss is not None]
    assert losses[-1] < losses[0]


def test_it_tells_how_much_speech_it_learns_from(kokoro_run: KokoroRun) -> None:
    """Less than it was given: some clips do not align, the worst are left out."""
    told = [report.speech_seconds for report in kokoro_run.reports if report.speech_seconds is not None]
    given = sum(clip.duration_seconds for clip in kokoro_run.clips)
    assert len(told) == 1
    assert 0.7 * given < told[0] < 1.05 * given


def test_a_melody_that_is_predicted_too_flat_is_widened(examples: list[Example], weights_dir: Path) -> None:
    """Half the way to what the clips do and a little more, as new text is; never by more than a fifth."""
    network = weights.load(weights_dir)
    speaker = _style_of(examples)
    assert 1.05 <= melody_of(network, speaker, examples) <= 1.2
    with torch.no_grad():
        network.predictor.F0_proj.weight.mul_(0.01)
        network.predictor.F0_proj.bias.fill_(200.0)
    assert melody_of(network, speaker, examples) == pytest.approx(1.2)


def test_without_voice_no_melody_is_widened(examples: list[Example], weights_dir: Path) -> None:
    whispered = [
        replace(example, clip=replace(example.clip, f0=torch.zeros_like(example.clip.f0))) for example in examples
    ]
    assert melody_of(weights.load(weights_dir), _style_of(examples), whispered) == 1.0


@pytest.mark.parametrize("stage", [train_prosody, train_voice])
def test_what_is_never_a_number_ends_the_training_and_no_weight_learns_from_it(
    stage: Stage, examples: list[Example], weights_dir: Path
) -> None:
    network, speaker = weights.load(weights_dir), _style_of(examples)
    before = [parameter.clone() for parameter in network.parameters()]
    broken = [
        replace(example, clip=replace(example.clip, f0=torch.full_like(example.clip.f0, torch.nan)))
        for example in examples
    ]
    with pytest.raises(TrainingFailed, match="no number"):
        list(stage(network, speaker.requires_grad_(True), broken, Schedule(seconds=60, max_steps=1), random.Random(0)))
    assert all(torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True))


@pytest.mark.parametrize(("sound_steps", "ends"), [(0, True), (1, True), (8, True), (10, False)])
def test_a_gradient_that_is_no_number_costs_its_step_and_many_of_them_the_training(
    sound_steps: int, *, ends: bool
) -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    descent = Descent(torch.optim.SGD([weight]), bounded=[weight], longest_gradient=1.0)

    def learn() -> None:
        for _ in range(10 * MOST_LOST):
            assert descent.step(weight.sqrt().sum(), rates=[0.5]) is None
            for _ in range(sound_steps):
                assert descent.step(weight.sum(), rates=[0.0]) == 0

    if ends:
        with pytest.raises(TrainingFailed, match="no number"):
            learn()
    else:
        learn()
    assert weight.item() == 0


def test_a_step_that_is_lost_is_made_up_for() -> None:
    schedule = Schedule(seconds=60, max_steps=1)
    schedule.record(None)
    assert schedule.goes_on()
    schedule.record(1.5)
    assert (schedule.goes_on(), schedule.loss) == (False, 1.5)


def test_the_fine_tuned_weights_are_nearer_to_the_recordings(
    examples: list[Example], run: Path, weights_dir: Path
) -> None:
    """On the same stretches of speech; each step sees other ones, so that the reported loss says less."""
    base, tuned = weights.load(weights_dir), weights.load(weights_dir)
    with weights.opened(weights_dir) as read:
        speaker = restore(run / MODEL_FILE, network=tuned, base=read, shares=None)
    segments = Segments.drawn(examples, random.Random(0), torch.device("cpu"), count=2)
    distance = SpectralLoss(bandwidth_of([example.clip.waveform for example in examples]))
    with torch.no_grad():
        losses = [float(voice_loss(network, speaker, segments, distance)) for network in (base, tuned)]
    assert losses[1] < losses[0]


def test_the_saved_file_is_the_difference_to_the_base(run: Path) -> None:
    tensors = load_file(run / MODEL_FILE)
    story = json.loads((run / STORY_FILE).read_text())
    assert story["stages"]["voice"]["steps"] == STEPS
    assert tensors["decoder.encode.norm1.fc.weight"].float().abs().max() > 0
    assert tensors["predictor.duration_proj.linear_layer.weight"].float().abs().max() > 0
    assert not any("generator" in name and "fc" not in name for name in tensors)
    assert all(not value.any() for name, value in tensors.items() if ".noise_res." in name)
    assert not (run / CHECKPOINT_FILE).exists()


def test_a_finished_model_is_kept_as_it_is(
    engine: KokoroEngine, clips: list[TrainingClip], run: Path, kokoro_run: KokoroRun
) -> None:
    before = (run / MODEL_FILE).read_bytes()
    again = list(engine.fine_tune(clips, FineTuneConfig(language="en", seconds=5), run))
    assert [report.message for report in again] == ["Already trained on these clips"]
    told = [report.speech_seconds for report in kokoro_run.reports if report.speech_seconds is not None]
    assert again[0].speech_seconds == pytest.approx(told[0], abs=0.1)
    assert (run / MODEL_FILE).read_bytes() == before


def test_a_new_process_speaks_otherwise_than_the_base(spoken: dict[str, np.ndarray]) -> None:
    tuned, base = spoken["tuned"], spoken["base"]
    for waveform in (tuned, base):
        assert waveform.dtype == np.float32
        assert 20 * np.log10(np.sqrt(np.mean(waveform**2))) > -40
    assert len(tuned) != len(base) or not np.allclose(tuned, base, atol=1e-3)
    assert not np.allclose(spoken["tuned_style"], spoken["base_style"])


def test_a_model_that_tells_no_shares_speaks_with_all(engine: KokoroEngine, run: Path, tmp_path: Path) -> None:
    """Earlier ones were judged so."""
    story = _story_in(run / MODEL_FILE)
    del story["predictor_share"], story["decoder_share"]
    save_file(load_file(run / MODEL_FILE), tmp_path / MODEL_FILE, metadata={"story": json.dumps(story)})
    record = {**story, "sha256": sha256_of(tmp_path / MODEL_FILE)}
    (tmp_path / STORY_FILE).write_text(json.dumps(record))
    name = "predictor.F0_proj.weight"
    tuned, base = (engine.load(folder).network().get_parameter(name).data for folder in (tmp_path, None))
    torch.testing.assert_close(tuned - base, load_file(run / MODEL_FILE)[name].float(), atol=1e-6, rtol=1e-3)


def test_a_fine_tune_takes_little_room(run: Path) -> None:
    assert (run / MODEL_FILE).stat().st_size <= 120 * 10**6


def test_what_is_loaded_is_what_was_saved(engine: KokoroEngine, run: Path) -> None:
    story = json.loads((run / STORY_FILE).read_text())
    assert (story["predictor_share"], story["decoder_share"]) == (PREDICTOR_SHARE, DECODER_SHARE)
    shares = {
        "predictor.F0_proj.weight": story["predictor_share"],
        "decoder.encode.conv1.weight": story["decoder_share"],
        "decoder.generator.resblocks.0.adain1.0.fc.weight": story["alpha"],
    }
    for name, share in shares.items():
        difference = load_file(run / MODEL_FILE)[name].float() * share
        tuned, base = (engine.load(folder).network().get_parameter(name).data for folder in (run, None))
        torch.testing.assert_close(tuned - base, difference, atol=1e-6, rtol=1e-3)


def test_models_of_one_engine_take_turns_in_its_network(engine: KokoroEngine, run: Path) -> None:
    name = "decoder.encode.conv1.weight"
    tuned, base = engine.load(run), engine.load(None)
    weights = [model.network().get_parameter(name).data.clone() for model in (tuned, base, tuned, base)]
    assert torch.equal(weights[0], weights[2]) and torch.equal(weights[1], weights[3])
    assert not torch.equal(weights[0], weights[1])
    assert tuned.network() is base.network()


def test_a_model_whose_files_are_gone_says_so(engine: KokoroEngine, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "copy")
    gone = engine.load(tmp_path / "copy")
    engine.load(run)
    shutil.rmtree(tmp_path / "copy")
    with pytest.raises(WeightsUnavailable, match="gone"):
        gone.network()


def test_truncated_fine_tuned_weights_are_refused(engine: KokoroEngine, run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "copy")
    with (tmp_path / "copy" / MODEL_FILE).open("r+b") as file:
        file.truncate(100_000)
    with pytest.raises(WeightsUnavailable, match="damaged"):
        engine.load(tmp_path / "copy")


def test_a_run_that_was_stopped_goes_on_from_its_checkpoint(
    engine: KokoroEngine, clips: list[TrainingClip], stopped: Path, tmp_path: Path
) -> None:
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    learnt = _differences_of_prosody(tmp_path / CHECKPOINT_FILE)
    assert max(float(difference.abs().max()) for difference in learnt.values()) > 0
    again = list(engine.fine_tune(clips[:FEW], ONE_STEP, tmp_path))
    assert again[0].message.startswith("Going on")
    assert "prosody" not in {report.stage for report in again}
    assert json.loads((tmp_path / STORY_FILE).read_text())["stages"]["prosody"]["steps"] == 1
    kept = _differences_of_prosody(tmp_path / MODEL_FILE)
    assert all(torch.allclose(kept[name], difference, atol=1e-6) for name, difference in learnt.items())


def test_a_stage_that_was_nearly_done_takes_hardly_any_time(
    engine: KokoroEngine, clips: list[TrainingClip], stopped: Path, tmp_path: Path
) -> None:
    _stop_voice_at(stopped, tmp_path, done=0.999, steps=2000, seconds=999.0)
    run = engine.fine_tune(clips[:FEW], FineTuneConfig(language="en", seconds=3600), tmp_path)
    assert _first_seconds_left(run) <= 4
    assert all(report.stage == "voice" for report in run)
    steps = json.loads((tmp_path / STORY_FILE).read_text())["stages"]["voice"]["steps"]
    assert 2000 < steps < 2100


def test_a_stage_that_had_hardly_begun_takes_the_time_that_there_is(
    engine: KokoroEngine, clips: list[TrainingClip], stopped: Path, tmp_path: Path
) -> None:
    """A Retry may have more of it than the run that was stopped."""
    _stop_voice_at(stopped, tmp_path, done=0.1, steps=5, seconds=3.0)
    run = engine.fine_tune(clips[:FEW], FineTuneConfig(language="en", seconds=3600), tmp_path)
    assert 3000 < _first_seconds_left(run) < 3600


def _stop_voice_at(stopped: Path, folder: Path, *, done: float, steps: int, seconds: float) -> None:
    """Copy a checkpoint as if its voice stage had come so far."""
    story = _story_in(stopped / CHECKPOINT_FILE)
    story["stages"]["voice"] = {"done": done, "steps": steps, "seconds": seconds, "losses": []}
    tensors = load_file(stopped / CHECKPOINT_FILE)
    save_file(tensors, folder / CHECKPOINT_FILE, metadata={"story": json.dumps(story)})


def _first_seconds_left(run: Iterator[Progress]) -> float:
    """What the first report of the voice stage says."""
    first = next(report for report in run if report.stage == "voice")
    assert first.seconds_left is not None
    return first.seconds_left


def _story_in(path: Path) -> dict[str, Any]:
    with safe_open(path, framework="pt") as file:
        return dict(json.loads(file.metadata()["story"]))


def _differences_of_prosody(path: Path) -> "dict[str, torch.Tensor]":
    return {name: value.float() for name, value in load_file(path).items() if name.startswith("predictor.")}


def test_other_transcripts_start_afresh(
    engine: KokoroEngine, clips: list[TrainingClip], stopped: Path, tmp_path: Path
) -> None:
    shutil.copytree(stopped, tmp_path, dirs_exist_ok=True)
    others = [replace(clips[0], transcript="Something else."), *clips[1:FEW]]
    first = next(engine.fine_tune(others, ONE_STEP, tmp_path))
    assert first.message.startswith("Starting afresh")


def test_too_little_speech_is_said_in_seconds(engine: KokoroEngine, clips: list[TrainingClip], tmp_path: Path) -> None:
    with pytest.raises(TooLittleSpeech, match="seconds of speech"):
        list(engine.fine_tune(clips[:2], FineTuneConfig(language="en", seconds=60), tmp_path))


def test_a_clip_that_is_no_audio_is_named(engine: KokoroEngine, tmp_path: Path) -> None:
    path = tmp_path / "broken.wav"
    path.write_text("no audio")
    clip = TrainingClip(id="broken", path=path, transcript="Hello.", duration_seconds=2.0)
    with pytest.raises(AudioError, match=r"broken\.wav"):
        list(engine.fine_tune([clip], FineTuneConfig(language="en", seconds=60), tmp_path))


def test_a_language_that_it_does_not_speak_is_refused(engine: KokoroEngine, tmp_path: Path) -> None:
    with pytest.raises(LanguageNotSupported, match="ja"):
        next(engine.fine_tune([], FineTuneConfig(language="ja", seconds=60), tmp_path))


def test_styles_follow_their_clips() -> None:
    traits = torch.tensor([[7.0, 0.3, 2.5, 1.0], [8.0, 0.5, 2.7, 1.2]])
    speaker = SpeakerStyle(torch.zeros(256), traits)
    with torch.no_grad():
        speaker.prosodic_offset[0, 0] = 1.0
    low, high = (speaker.style_of(row) for row in traits)
    assert low.shape == (256,)
    assert low[128] < 0 < high[128]
