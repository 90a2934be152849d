"""The Library over HTTP, with the official SDK and with plain requests."""

import cartesia
import pytest
from cartesia import Cartesia
from starlette.testclient import TestClient

from playground.parts import Parts
from playground.services.voices import SDK_EXAMPLE_VOICE
from storage.records import Voice
from tests.making import TINY, queued
from tests.serving import api_of


@pytest.fixture
def api(parts: Parts) -> TestClient:
    return api_of(parts)


@pytest.fixture
def own(parts: Parts) -> Voice:
    """A voice of a clone."""
    voice = Voice(name="Zoë - V0", language="en", gender="feminine", model_id=TINY, fine_tune_id=queued(parts).id)
    with parts.storage.write() as tables:
        return tables.voices.insert(voice)


def test_every_voice_is_listed_once_and_the_list_ends(sdk: Cartesia, parts: Parts) -> None:
    ids = [voice.id for voice in sdk.voices.list(limit=7)]
    assert len(ids) == len(set(ids))
    assert set(ids) == {voice.id for voice in parts.voices.search()}


def test_the_voice_of_the_sdks_examples_is_there(sdk: Cartesia) -> None:
    voice = sdk.voices.get(SDK_EXAMPLE_VOICE)
    assert (voice.is_owner, voice.access, voice.visibility, voice.language) == (False, "public", "all", "en")
    assert voice.locales[0].is_native
    assert {"is_public": True, "is_pro": False, "status": "active"}.items() <= (voice.model_extra or {}).items()


def test_voices_are_found_by_words_owner_and_gender(sdk: Cartesia, own: Voice) -> None:
    assert [voice.id for voice in sdk.voices.list(q="zoë")] == [own.id]
    assert [voice.id for voice in sdk.voices.list(q=own.id)] == [own.id]
    assert [voice.id for voice in sdk.voices.list(is_owner=True)] == [own.id]
    assert own.id not in {voice.id for voice in sdk.voices.list(is_owner=False)}
    assert {voice.gender for voice in sdk.voices.list(gender="masculine")} == {"masculine"}


def test_languages_may_come_with_a_region(api: TestClient, own: Voice) -> None:
    def found(language: str) -> set[str]:
        voices = api.get("/voices", params={"language": language, "limit": 100}).json()["data"]
        return {voice["language"] for voice in voices}

    assert api.get("/voices", params={"language": "en_US", "q": own.id}).json()["data"][0]["id"] == own.id
    assert found("en") == {"en", "en-GB"}
    assert found("en_US") == {"en"}
    assert found("en_GB") == {"en-GB"}
    assert found("es-MX") == {"es"}
    assert api.get("/voices", params={"language": "de"}).json()["data"] == []


def test_the_address_of_the_preview_comes_when_asked_for(sdk: Cartesia, own: Voice) -> None:
    assert sdk.voices.get(own.id).preview_file_url is None
    expanded = sdk.voices.get(own.id, expand=["preview_file_url"])
    assert expanded.preview_file_url == f"{str(sdk.base_url).rstrip('/')}/voices/{own.id}/preview"
    assert all(voice.preview_file_url for voice in sdk.voices.list(expand=["preview_file_url"], limit=2, q="Zoë"))


def test_an_own_voice_is_renamed_described_and_deleted(sdk: Cartesia, own: Voice) -> None:
    changed = sdk.voices.update(own.id, name="Zoë", description="Warm")
    assert (changed.name, changed.description, changed.gender) == ("Zoë", "Warm", "feminine")
    sdk.voices.delete(own.id)
    with pytest.raises(cartesia.NotFoundError, match="voice_not_found"):
        sdk.voices.get(own.id)


def test_null_takes_the_gender_away(sdk: Cartesia, own: Voice) -> None:
    assert sdk.voices.update(own.id, gender=None).gender is None


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_stock_voices_cannot_be_changed(api: TestClient, parts: Parts, method: str) -> None:
    refused = api.request(method, f"/voices/{SDK_EXAMPLE_VOICE}", json={"name": "Mine"})
    assert refused.status_code == 400
    assert "comes with the base model" in refused.json()["message"]
    assert parts.voices.get(SDK_EXAMPLE_VOICE).name != "Mine"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"access": "public"}, "invalid_request"),
        ({"tagline": "a" * 33}, "invalid_request"),
        ({"accent": "british"}, "language_not_supported"),
        ({"accent": "parisian"}, "language_not_supported"),
        ({"accent": "kyiv"}, "language_not_supported"),
    ],
)
def test_a_change_that_cannot_be_made_changes_nothing(
    api: TestClient, own: Voice, change: dict[str, str], code: str
) -> None:
    refused = api.patch(f"/voices/{own.id}", json={"name": "Zoë", **change})
    assert (refused.status_code, refused.json()["error_code"]) == (400, code)
    assert api.get(f"/voices/{own.id}").json()["name"] == own.name


def test_a_tagline_is_kept_and_private_is_what_voices_are(api: TestClient, own: Voice) -> None:
    for access in ("private", {"type": "private"}):
        changed = api.patch(f"/voices/{own.id}", json={"tagline": "Warm", "access": access}).json()
        assert (changed["tagline"], changed["access"]) == ("Warm", "private")


def test_an_unknown_voice_is_404(sdk: Cartesia) -> None:
    with pytest.raises(cartesia.NotFoundError, match="voice_not_found"):
        sdk.voices.get("not-a-uuid")
