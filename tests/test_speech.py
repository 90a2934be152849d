"""Speech: pinning, prices, refusals, and a speech process that may die."""

import os
import signal
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from model.audio import read_wav
from model.errors import LanguageNotSupported, ModelNotFound
from playground.parts import Parts
from playground.services.errors import QuotaExceeded, Refused, SpeechUnavailable
from playground.services.speech_plan import SpeechRequest
from playground.services.voices import SDK_EXAMPLE_VOICE
from playground.settings import Settings
from storage.errors import NotFound
from storage.records import FineTune, Status, Voice
from tests.making import TINY
from tests.serving import opened

KOKORO = "kokoro-82m-2025-01-27"


def _stock(parts: Parts, model_id: str = TINY) -> Voice:
    return next(voice for voice in parts.voices.search() if voice.model_id == model_id)


def _clone_voice(parts: Parts, model_id: str) -> Voice:
    """A voice of a completed clone, as rows: enough to plan speech with."""
    with parts.storage.write() as tables:
        fine_tune = tables.fine_tunes.insert(FineTune(name="Ada", model_id=model_id, status=Status.COMPLETED))
        return tables.voices.insert(
            Voice(
                name="Ada - V0",
                language="en",
                model_id=model_id,
                fine_tune_id=fine_tune.id,
                reference_path="references/V0.wav",
                style_path="styles/V0.safetensors",
            )
        )


@pytest.mark.parametrize("model_id", ["", KOKORO, "kokoro-82m", "latest", "sonic-3", "sonic-2-2025-06-11", "sonic"])
def test_the_pin_and_what_resolves_to_it_activate_the_clone(parts: Parts, model_id: str) -> None:
    voice = _clone_voice(parts, KOKORO)
    plan = parts.speech.plan(SpeechRequest(voice_id=voice.id, text="Hi", model_id=model_id))
    assert (plan.base.id, plan.fine_tuned, plan.credits) == (KOKORO, True, 3.0)
    assert plan.source.folder is not None


def test_another_known_model_speaks_from_the_same_clip_without_the_clone(parts: Parts) -> None:
    voice = _clone_voice(parts, KOKORO)
    plan = parts.speech.plan(SpeechRequest(voice_id=voice.id, text="Hi", model_id=TINY))
    assert (plan.base.id, plan.fine_tuned, plan.credits) == (TINY, False, 2.0)
    assert plan.source.folder is None
    assert plan.source.reference_path == parts.settings.data_dir / "references/V0.wav"


def test_an_unknown_model_is_not_found(parts: Parts) -> None:
    with pytest.raises(ModelNotFound, match=KOKORO):
        parts.speech.plan(SpeechRequest(voice_id=_stock(parts).id, text="Hi", model_id="gpt"))


def test_a_language_that_is_not_spoken_is_named(parts: Parts) -> None:
    with pytest.raises(LanguageNotSupported, match="does not speak German. It speaks: English"):
        parts.speech.plan(SpeechRequest(voice_id=_stock(parts).id, text="Hi", language="de"))


@pytest.mark.parametrize(("text", "speed"), [("", 1.0), (" …! ", 1.0), ("x" * 20_001, 1.0), ("Hi", 3.0)])
def test_what_cannot_be_spoken_is_refused(parts: Parts, text: str, speed: float) -> None:
    with pytest.raises(Refused):
        parts.speech.plan(SpeechRequest(voice_id=_stock(parts).id, text=text, speed=speed))


def test_halves_of_signs_are_joined_or_left_out(parts: Parts) -> None:
    request = SpeechRequest(voice_id=_stock(parts).id, text="So \ud83d\ude00 be it\udc00, 好.")
    assert parts.speech.plan(request).request.text == "So 😀 be it, 好."


def test_the_voice_of_the_sdk_examples_is_there(parts: Parts) -> None:
    assert parts.voices.get(SDK_EXAMPLE_VOICE).model_id == KOKORO


def test_stock_voices_cannot_be_changed(parts: Parts) -> None:
    stock = _stock(parts)
    with pytest.raises(Refused, match="comes with the base model"):
        parts.voices.delete(stock.id)
    with pytest.raises(Refused):
        parts.voices.update(stock.id, name="Mine")


def test_own_voices_can_be_renamed_and_deleted(parts: Parts) -> None:
    voice = _clone_voice(parts, TINY)
    assert parts.voices.update(voice.id, name="Ada, calm").name == "Ada, calm"
    assert parts.voices.search("calm")[0].id == voice.id
    parts.voices.delete(voice.id)
    with pytest.raises(NotFound):
        parts.voices.get(voice.id)


def test_speech_is_heard_kept_and_charged(parts: Parts) -> None:
    speech = parts.speech.speak(SpeechRequest(voice_id=_stock(parts).id, text="Good morning, everyone."))
    waveform, sample_rate = read_wav(parts.speech.speech_path(speech.id))
    assert len(waveform) / sample_rate == pytest.approx(speech.duration_seconds)
    assert 20 * np.log10(np.sqrt(np.mean(waveform**2))) > -40
    assert parts.speech.history() == [speech]
    assert parts.accounts.account().spent == len("Good morning, everyone.")


def test_speeches_at_the_same_time_cannot_spend_more_than_there_is(settings: Settings) -> None:
    with opened(settings.model_copy(update={"credits": 15.0})) as parts:
        plan = parts.speech.plan(SpeechRequest(voice_id=_stock(parts).id, text="One, two."))
        with closing(parts.speech.stretches(plan)) as first:
            next(first)
            with pytest.raises(QuotaExceeded, match="needs 9 credits; 6 are available"):
                next(parts.speech.stretches(plan))
            assert len([*first]) == 0
        with pytest.raises(QuotaExceeded, match="needs 9 credits; 6 are available"):
            parts.speech.speak(plan.request)
        assert parts.accounts.account().balance == 6


def test_a_speech_whose_file_cannot_be_written_costs_nothing(parts: Parts) -> None:
    (parts.settings.data_dir / "speeches").touch()
    with pytest.raises(FileExistsError):
        parts.speech.speak(SpeechRequest(voice_id=_stock(parts).id, text="One, two."))
    assert parts.accounts.account().spent == 0
    assert parts.speech.history() == []


def test_a_preview_is_free_and_made_once(settings: Settings) -> None:
    with opened(settings.model_copy(update={"credits": 0.0})) as parts:
        stock = _stock(parts)
        path = parts.speech.preview_path(stock.id)
        made = path.stat().st_mtime_ns
        assert parts.speech.preview_path(stock.id).stat().st_mtime_ns == made
        assert parts.accounts.account().spent == 0


def test_a_speech_process_that_was_killed_costs_nothing_and_comes_back(parts: Parts) -> None:
    request = SpeechRequest(voice_id=_stock(parts).id, text="One sentence here. And another one there. " * 20)
    stream = parts.speech.stream(parts.speech.plan(request))
    next(stream)
    os.kill(int(parts.speech_process.pid or 0), signal.SIGKILL)
    with pytest.raises(SpeechUnavailable):
        list(stream)
    assert parts.accounts.account().spent == 0
    assert len([*parts.speech.stream(parts.speech.plan(request))]) > 1


def test_speech_that_nobody_listens_to_any_more_is_stopped_and_costs_what_was_spoken(parts: Parts) -> None:
    request = SpeechRequest(voice_id=_stock(parts).id, text="One sentence here. And another one there. " * 20)
    stream = parts.speech.stream(parts.speech.plan(request))
    next(stream)
    stream.close()
    assert parts.accounts.account().spent == len("One sentence here.")
    assert len([*parts.speech.stream(parts.speech.plan(request))]) > 1


def test_a_reference_clip_that_is_gone_is_said(parts: Parts) -> None:
    voice = _clone_voice(parts, KOKORO)
    plan = parts.speech.plan(SpeechRequest(voice_id=voice.id, text="Hi", model_id=TINY))
    assert isinstance(plan.source.reference_path, Path)
    with pytest.raises(SpeechUnavailable):
        list(parts.speech.stream(plan))


def test_a_text_without_a_sound_costs_nothing(parts: Parts) -> None:
    plan = parts.speech.plan(SpeechRequest(voice_id=_stock(parts, KOKORO).id, text="①"))
    with pytest.raises(Refused, match="nothing in the text"):
        list(parts.speech.stream(plan))
    assert parts.accounts.account().spent == 0
