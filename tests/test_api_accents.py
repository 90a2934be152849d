"""Accents and localized voices over HTTP, with the official SDK."""

from dataclasses import replace

import cartesia
import pytest
from cartesia import Cartesia

from model.accents import ACCENTS, with_accent
from model.base_models import production_model
from model.errors import LanguageNotSupported
from playground.parts import Parts
from playground.services.speech_plan import SpeechRequest
from playground.services.voices import SDK_EXAMPLE_VOICE
from storage.records import Voice
from tests.making import checked_dataset, queued
from tests.serving import api_of


@pytest.fixture
def instant(parts: Parts) -> Voice:
    """An instant voice, as a row."""
    voice = Voice(name="Clip", language="en", model_id=production_model().id, style_path="voices/x/style.safetensors")
    with parts.storage.write() as tables:
        return tables.voices.insert(voice)


@pytest.fixture
def trained(parts: Parts) -> Voice:
    """A voice of a clone, as a row."""
    voice = Voice(
        name="Ada - V0",
        language="en",
        model_id=production_model().id,
        fine_tune_id=queued(parts).id,
        style_path="fine_tunes/x/style.safetensors",
    )
    with parts.storage.write() as tables:
        return tables.voices.insert(voice)


def test_each_language_of_the_production_model_has_one_accent() -> None:
    assert sorted(accent.code for accent in ACCENTS) == sorted(production_model().languages)
    assert [accent.id for accent in ACCENTS] == sorted(accent.id for accent in ACCENTS)
    assert all(production_model().language_of(accent.locale) == accent.code for accent in ACCENTS)


@pytest.mark.parametrize(
    ("language", "accent", "tag"),
    [
        ("en", "british", "en-GB"),
        ("en_US", "british", "en-GB"),
        ("en-GB", "general-american", "en-US"),
        ("en", "southern-us", "en"),
        ("de", None, "de"),
    ],
)
def test_an_accent_chooses_the_kind_of_a_language(language: str, accent: str | None, tag: str) -> None:
    assert with_accent(language, accent) == tag


def test_an_accent_of_another_language_is_refused() -> None:
    with pytest.raises(LanguageNotSupported, match="Parisian French is no accent of the language 'en'"):
        with_accent("en", "parisian")


def test_the_catalogue_is_read_by_the_sdk(sdk: Cartesia) -> None:
    found = {accent.id: accent for accent in sdk.voices.list_accents().accents}
    assert found.keys() == {accent.id for accent in ACCENTS}
    assert (found["british"].language, found["british"].locale) == ("en", "en-GB")


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ({"language": "en"}, ["british", "general-american"]),
        ({"locale": "en_GB"}, ["british"]),
        ({"is_localizable": "false"}, []),
        ({"language": "de"}, []),
    ],
)
def test_the_catalogue_can_be_filtered(parts: Parts, query: dict[str, str], ids: list[str]) -> None:
    found = api_of(parts).get("/accents", params=query).json()["accents"]
    assert [accent["id"] for accent in found] == ids


def test_a_stock_voice_is_localized_into_a_voice_of_ones_own(sdk: Cartesia, parts: Parts) -> None:
    made = sdk.voices.localize(voice_id=SDK_EXAMPLE_VOICE, accent="parisian", name="Heart in Paris", language="fr")
    voice = sdk.voices.get(made.id)
    assert (voice.is_owner, voice.language, voice.accent, voice.access) == (True, "fr", "parisian", "private")
    assert made.id in {found.id for found in sdk.voices.list(is_owner=True)}
    assert made.id not in {found.id for found in sdk.voices.list(is_owner=False)}
    plan = parts.speech.plan(SpeechRequest(voice_id=made.id, text="Bonjour"))
    original = parts.voices.get(SDK_EXAMPLE_VOICE)
    assert (plan.language, plan.source.stock_name) == ("fr", original.stock_name)
    sdk.voices.update(made.id, name="Renamed")
    sdk.voices.delete(made.id)
    assert parts.voices.get(SDK_EXAMPLE_VOICE) == original


def test_a_voice_of_recordings_keeps_its_language(sdk: Cartesia, instant: Voice, trained: Voice) -> None:
    for voice in (instant, trained):
        with pytest.raises(cartesia.BadRequestError, match="language_not_supported.*recordings in one language"):
            sdk.voices.localize(voice_id=voice.id, accent="parisian", name="No")


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"accent": "kyiv"}, 400, "language_not_supported"),
        ({"language": "en"}, 400, "language_not_supported"),
        ({"voice_id": "x"}, 404, "voice_not_found"),
        ({"name": " "}, 400, "invalid_request"),
    ],
)
def test_what_cannot_be_localized_is_said(parts: Parts, change: dict[str, str], status: int, code: str) -> None:
    order = {"voice_id": SDK_EXAMPLE_VOICE, "accent": "parisian", "name": "Paris", **change}
    refused = api_of(parts).post("/voices/localize", json=order)
    assert (refused.status_code, refused.json()["error_code"]) == (status, code)


def test_an_instant_voice_takes_accents_and_loses_them_again(sdk: Cartesia, instant: Voice) -> None:
    added = sdk.voices.add_accents(instant.id, accents=["british", "general-american", "castilian"])
    assert [(locale.locale, locale.is_native) for locale in added.locales] == [
        ("en-US", True),
        ("en-GB", False),
        ("es-ES", False),
    ]
    left = sdk.voices.delete_accent("british", id=instant.id)
    assert [locale.locale for locale in left.locales] == ["en-US", "es-ES"]
    with pytest.raises(cartesia.NotFoundError, match="accent_not_found"):
        sdk.voices.delete_accent("british", id=instant.id)
    with pytest.raises(cartesia.BadRequestError, match="it stays"):
        sdk.voices.delete_accent("general-american", id=instant.id)


def test_accents_are_for_instant_voices_and_of_the_catalogue(parts: Parts, instant: Voice, trained: Voice) -> None:
    api = api_of(parts)
    for id, accents in (
        (trained.id, ["british"]),
        (SDK_EXAMPLE_VOICE, ["british"]),
        (instant.id, ["kyiv"]),
        (instant.id, []),
        (instant.id, ["british", "british"]),
    ):
        assert api.patch(f"/voices/{id}/accents", json={"accents": accents}).status_code == 400
    assert parts.voices.get(instant.id).accents == []


def test_another_accent_of_an_instant_voice_takes_its_preview_anew(parts: Parts, instant: Voice) -> None:
    preview = parts.storage.media.preview_path(instant.id)
    preview.parent.mkdir(parents=True)
    preview.write_bytes(b"spoken as an American")
    changed = api_of(parts).patch(f"/voices/{instant.id}", json={"accent": "british"}).json()
    assert (changed["language"], changed["accent"], changed["country"]) == ("en-GB", "british", "GB")
    assert not preview.exists()


def test_a_british_training_is_one_in_british_english(sdk: Cartesia, parts: Parts) -> None:
    order = {"name": "Ada", "description": "", "model_id": "sonic-3", "dataset": checked_dataset(parts).id}
    made = sdk.fine_tunes.create(**order, language="en", accent="british")
    assert (made.language, made.accent) == ("en-GB", "british")
    assert sdk.fine_tunes.create(**order, language="en", accent="southern-us").language == "en"
    with pytest.raises(cartesia.BadRequestError, match="language_not_supported"):
        sdk.fine_tunes.create(**order, language="fr", accent="british")


def test_rows_of_localized_voices_are_own_in_both_ways_of_asking(parts: Parts, instant: Voice) -> None:
    stock = parts.voices.get(SDK_EXAMPLE_VOICE)
    with parts.storage.write() as tables:
        local = tables.voices.insert(replace(stock, id="local", base_voice_id=stock.id))
    own = parts.voices.search(is_owner=True)
    assert {voice.id for voice in own} == {instant.id, local.id}
    assert not any(voice.is_stock for voice in own)
    assert all(voice.is_stock for voice in parts.voices.search(is_owner=False))
