"""A clone of the real base through the product: pinned, saved, loaded by another process, understood."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from model.base_models import KOKORO, make_engine
from model.engines.protocol import TrainingClip
from model.evaluation import word_error_rate
from model.transcription import Transcriber
from model.whisper_weights import prepare_whisper
from playground.parts import Parts
from playground.services.speech_plan import SpeechRequest
from playground.settings import Settings
from playground.speech_process import StyleOf, VoiceSource, write_style
from storage.records import FineTune, Status, Voice
from tests.kokoro_speech import KokoroRun, write_clip
from tests.making import TINY
from tests.serving import opened

TEXT = "Please remember to check the weather before you leave the house."


@pytest.fixture(scope="module")
def spoken(kokoro_run: KokoroRun, tmp_path_factory: pytest.TempPathFactory, weights_dir: Path) -> dict[str, np.ndarray]:
    """One text with the clone's own model id, and with another one, each as a waveform."""
    folder = tmp_path_factory.mktemp("clone")
    with opened(Settings(data_dir=folder, weights_dir=weights_dir)) as parts:
        voice = _voice_of(kokoro_run, parts, write_clip(kokoro_run.clips[0].id, folder))
        return {model_id: _speak(parts, voice, model_id) for model_id in ("kokoro-82m", TINY)}


def _voice_of(run: KokoroRun, parts: Parts, clip: TrainingClip) -> Voice:
    """A voice of a completed clone that holds the run's model; its style is made by the speech process."""
    fine_tune = FineTune(name="Ada", model_id=KOKORO.id, status=Status.COMPLETED)
    folder = parts.storage.media.fine_tune_folder(fine_tune.id)
    shutil.copytree(run.folder, folder / "model")
    source = VoiceSource(
        model_id=KOKORO.id, folder=folder / "model", reference_path=clip.path, reference_text=clip.transcript
    )
    style = folder / "styles" / "V0.safetensors"
    write_style(style, parts.speech_process.style(StyleOf(source=source, language="en")))
    with parts.storage.write() as tables:
        tables.fine_tunes.insert(fine_tune)
        return tables.voices.insert(
            Voice(
                name="Ada - V0",
                language="en",
                model_id=KOKORO.id,
                fine_tune_id=fine_tune.id,
                reference_path=parts.storage.media.relative(clip.path),
                reference_text=clip.transcript,
                style_path=parts.storage.media.relative(style),
            )
        )


def _speak(parts: Parts, voice: Voice, model_id: str) -> np.ndarray:
    plan = parts.speech.plan(SpeechRequest(voice_id=voice.id, text=TEXT, model_id=model_id))
    assert plan.fine_tuned is (plan.base.id == KOKORO.id)
    return np.concatenate([*parts.speech.stream(plan)])


def test_both_are_understood(spoken: dict[str, np.ndarray], weights_dir: Path) -> None:
    transcriber = Transcriber(prepare_whisper(weights_dir))
    for model_id, waveform in spoken.items():
        heard = transcriber.transcribe(waveform, "en").text
        assert word_error_rate(TEXT, heard, "en") <= 0.2, f"{model_id}: {heard}"


def test_they_are_not_the_same(spoken: dict[str, np.ndarray]) -> None:
    one, other = spoken.values()
    length = min(len(one), len(other))
    assert float(np.corrcoef(one[:length], other[:length])[0, 1]) < 0.5


def test_the_base_model_swallows_no_first_syllable(weights_dir: Path) -> None:
    model = make_engine(KOKORO, weights_dir).load(None)
    style = model.stock_style("af_heart")
    spoken = [*model.synthesize("Professional voices need care.", style=style, language="en")]
    beginning = np.concatenate([stretch.waveform for stretch in spoken])[: int(0.2 * 24_000)]
    assert 20 * np.log10(np.abs(beginning).max()) > -20
