"""Which weights speak, as headers tell it: voices of really trained clones, on their model and on others."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from model.audio import decode_to_wav
from model.engines.protocol import FineTuneConfig, TrainingClip
from model.engines.tiny.engine import TinyEngine
from playground.parts import Parts
from playground.settings import Settings
from playground.speech_process import write_style
from storage.records import FineTune, Status, Voice
from tests.conftest import SPEECH
from tests.hearing import TEXT, charges, level_of, order, stock_of, waveform_of
from tests.making import TINY
from tests.serving import api_of, opened

KOKORO = "kokoro-82m-2025-01-27"
CLIPS = ("vm-newuser", "confbridge-lock-extended", "dir-usingkeypad", "agent-alreadyon", "confbridge-pin-bad")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, weights_dir: Path) -> Iterator[Parts]:
    """One for all, so that the speech process starts once."""
    with opened(Settings(data_dir=tmp_path_factory.mktemp("data"), weights_dir=weights_dir)) as made:
        yield made


@pytest.fixture(scope="module")
def api(parts: Parts) -> TestClient:
    return api_of(parts)


@pytest.fixture(scope="module")
def clips(parts: Parts) -> list[TrainingClip]:
    """Real speech as clips."""
    transcripts = dict(line.split("|")[:2] for line in (SPEECH / "metadata.csv").read_text("utf-8").splitlines())
    made = []
    for name in CLIPS:
        path = parts.storage.media.data_dir / "clips" / f"{name}.wav"
        seconds = decode_to_wav(SPEECH / f"{name}.flac", path).duration_seconds
        made.append(TrainingClip(id=name, path=path, transcript=transcripts[name], duration_seconds=seconds))
    return made


@pytest.fixture(scope="module")
def clone(parts: Parts, clips: list[TrainingClip]) -> Voice:
    """A voice of a clone that was really trained, for a second."""
    fine_tune = FineTune(name="Ada", model_id=TINY, status=Status.COMPLETED)
    folder = parts.storage.media.fine_tune_folder(fine_tune.id)
    engine = TinyEngine()
    losses = [at.loss for at in engine.fine_tune(clips, FineTuneConfig(language="en", seconds=1.5), folder / "model")]
    assert losses[-1] is not None
    style_path = folder / "styles" / "V0.safetensors"
    write_style(style_path, engine.load(folder / "model").style_of(clips[0], language="en"))
    return _insert(parts, fine_tune, reference=clips[0], style_path=style_path)


def _insert(parts: Parts, fine_tune: FineTune, *, reference: TrainingClip, style_path: Path) -> Voice:
    media = parts.storage.media
    voice = Voice(
        name=f"{fine_tune.name} - V0",
        language="en",
        model_id=fine_tune.model_id,
        fine_tune_id=fine_tune.id,
        reference_path=media.relative(reference.path),
        reference_text=reference.transcript,
        style_path=media.relative(style_path),
    )
    with parts.storage.write() as tables:
        tables.fine_tunes.insert(fine_tune)
        return tables.voices.insert(voice)


def test_a_clone_on_its_own_model_is_active_and_costs_half_as_much_again(
    api: TestClient, parts: Parts, clone: Voice
) -> None:
    spoken = api.post("/tts/bytes", json=order(clone))
    assert (spoken.headers["x-model-id"], spoken.headers["x-fine-tune"]) == (TINY, "active")
    assert level_of(waveform_of(spoken.content)[0]) > -40
    assert charges(parts)[0] == 1.5 * len(TEXT)


def test_a_clone_on_another_model_is_inactive_and_still_speaks(
    api: TestClient, parts: Parts, clips: list[TrainingClip]
) -> None:
    fine_tune = FineTune(name="Zoë", model_id=KOKORO, status=Status.COMPLETED)
    voice = _insert(parts, fine_tune, reference=clips[1], style_path=parts.storage.media.path("none"))
    spoken = api.post("/tts/bytes", json=order(voice))
    assert (spoken.headers["x-model-id"], spoken.headers["x-fine-tune"]) == (TINY, "inactive")
    assert level_of(waveform_of(spoken.content)[0]) > -40
    assert charges(parts)[0] == len(TEXT)


@pytest.mark.parametrize("alias", ["sonic-3", "sonic-latest", "latest", "kokoro-82m"])
def test_aliases_mean_the_production_model(api: TestClient, parts: Parts, alias: str) -> None:
    refused = api.post("/tts/bytes", json=order(stock_of(parts), model_id=alias, language="xx")).json()
    assert refused["error_code"] == "language_not_supported"
    assert "Kokoro" in refused["message"]


def test_a_model_that_is_broken_is_said_before_the_first_byte(
    api: TestClient, parts: Parts, clips: list[TrainingClip]
) -> None:
    fine_tune = FineTune(name="Broken", model_id=TINY, status=Status.COMPLETED)
    media = parts.storage.media
    voice = _insert(parts, fine_tune, reference=clips[0], style_path=media.path("none"))
    refused = api.post("/tts/bytes", json=order(voice))
    assert (refused.status_code, refused.json()["error_code"]) == (503, "weights_unavailable")


def _cloned_from(api: TestClient, name: str, basis: Voice, *, language: str = "en") -> httpx.Response:
    form = {"name": "Ada, whispering", "language": language, "base_voice_id": basis.id}
    with (SPEECH / f"{name}.flac").open("rb") as clip:
        return api.post("/voices/clone", data=form, files={"clip": (f"{name}.flac", clip)})


def test_another_clip_makes_another_voice_of_the_same_clone(api: TestClient, parts: Parts, clone: Voice) -> None:
    made = _cloned_from(api, CLIPS[1], clone).json()
    listed = api.get(f"/fine-tunes/{clone.fine_tune_id}/voices").json()["data"]
    assert {voice["name"]: voice["is_pro"] for voice in listed} == {"Ada - V0": True, "Ada, whispering": True}
    voice = parts.voices.get(made["id"])
    assert (voice.model_id, voice.fine_tune_id, voice.position) == (TINY, clone.fine_tune_id, 4)
    assert "conference" in voice.reference_text.lower()
    first, second = (api.post("/tts/bytes", json=order(one)) for one in (clone, voice))
    assert second.headers["x-fine-tune"] == "active"
    assert level_of(waveform_of(second.content)[0]) > -40
    assert first.content != second.content


@pytest.mark.parametrize("language", ["it", "en-GB"])
def test_a_voice_of_a_clone_speaks_the_language_of_the_clone(
    api: TestClient, parts: Parts, clips: list[TrainingClip], language: str
) -> None:
    fine_tune = FineTune(name="Zoë", model_id=KOKORO, status=Status.COMPLETED)
    voice = _insert(parts, fine_tune, reference=clips[1], style_path=parts.storage.media.path("none"))
    refused = _cloned_from(api, CLIPS[1], voice, language=language)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "language_not_supported")
    assert "The clone of “Zoë - V0” speaks en" in refused.json()["message"]
    assert len(parts.fine_tuning.voices(fine_tune.id)) == 1


def test_with_a_clone_the_voices_that_were_made_of_it_later_are_deleted(
    api: TestClient, parts: Parts, clips: list[TrainingClip], clone: Voice
) -> None:
    made = _cloned_from(api, CLIPS[2], clone).json()["id"]
    folder = parts.storage.media.voice_folder(made)
    assert folder.exists()
    parts.fine_tuning.delete(clone.fine_tune_id or "")
    assert not folder.exists()
    assert api.get(f"/voices/{made}").status_code == 404
