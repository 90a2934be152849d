"""What holds for every address: error shapes, request ids, both slash forms, the status, room for the page."""

import logging
import sqlite3
from uuid import UUID

import gradio
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from playground.api.app import create_api
from playground.api.status import API_VERSION, prefers_json
from playground.parts import Parts, make_parts
from playground.settings import Settings
from tests.making import queued
from tests.serving import api_of, sdk_of

CHROME = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
LOCAL = "http://127.0.0.1"


@pytest.fixture
def api(parts: Parts) -> TestClient:
    return api_of(parts)


@pytest.fixture(scope="module")
def with_page(tmp_path_factory: pytest.TempPathFactory) -> TestClient:
    """The API with a Gradio page behind it, as the wizard mounts it; nothing here changes a row of it."""
    parts = make_parts(Settings(data_dir=tmp_path_factory.mktemp("data")))
    with gradio.Blocks() as page:
        gradio.Markdown("# The page")
    return TestClient(gradio.mount_gradio_app(create_api(parts), page, path="/"), base_url=LOCAL)


@pytest.mark.parametrize(
    "path", ["/datasets", "/fine-tunes", "/voices", "/fine-tunes/{run}", "/fine-tunes/{run}/voices"]
)
def test_both_slash_forms_answer_alike(api: TestClient, parts: Parts, path: str) -> None:
    path = path.format(run=queued(parts).id)
    plain, slashed = (api.get(form, follow_redirects=False) for form in (path, path + "/"))
    assert plain.status_code == slashed.status_code == 200
    assert plain.json() == slashed.json()


def test_a_post_to_the_slashed_form_arrives(api: TestClient) -> None:
    made = api.post("/datasets/", json={"name": "Ada"}, follow_redirects=False)
    assert (made.status_code, made.json()["name"]) == (200, "Ada")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/datasets/x", 404, "dataset_not_found"),
        ("GET", "/fine-tunes/x", 404, "fine_tune_not_found"),
        ("GET", "/voices/x", 404, "voice_not_found"),
        ("GET", "/speeches/x/audio", 404, "speech_not_found"),
        ("POST", "/datasets", 400, "invalid_request"),
        ("GET", "/datasets/x/y/z", 404, "not_found"),
        ("GET", "/tts/nothing", 404, "not_found"),
        ("PUT", "/voices", 405, "method_not_allowed"),
        ("GET", "/tts/bytes/", 405, "method_not_allowed"),
        ("POST", "/tts/sse", 400, "invalid_request"),
        ("POST", "/infill/bytes", 501, "not_implemented"),
        ("POST", "/voice-changer/sse", 501, "not_implemented"),
        ("GET", "/agents/", 501, "not_implemented"),
        ("POST", "/stt?encoding=pcm_s16le", 400, "invalid_request"),
        ("POST", "/access-token", 400, "invalid_request"),
        ("GET", "/pronunciation-dicts/x", 404, "pronunciation_dictionary_not_found"),
        ("POST", "/voices/clone", 400, "invalid_request"),
        ("POST", "/voices/localize", 400, "invalid_request"),
        ("DELETE", "/voices/x/accents/y", 404, "voice_not_found"),
        ("POST", "/accents", 405, "method_not_allowed"),
    ],
)
def test_errors_have_one_shape(with_page: TestClient, method: str, path: str, status: int, code: str) -> None:
    answer = with_page.request(method, path)
    body = answer.json()
    assert (answer.status_code, body["error_code"]) == (status, code)
    assert set(body) == {"error_code", "title", "message", "request_id"}
    assert body["title"]
    assert body["message"]
    assert body["request_id"] == answer.headers["x-request-id"]


def test_every_answer_has_an_id_of_its_own(with_page: TestClient) -> None:
    ids = {
        with_page.get(path).headers["x-request-id"] for path in ("/datasets", "/datasets", "/", "/config", "/no-such")
    }
    assert len(ids) == 5
    assert all(UUID(id).version == 4 for id in ids)


def test_a_fault_of_ours_says_nothing_of_it_and_is_in_the_log_under_the_same_id(
    parts: Parts, caplog: pytest.LogCaptureFixture
) -> None:
    with sqlite3.connect(parts.settings.data_dir / "playground.db") as database:
        database.execute("alter table datasets rename to lost")
    with caplog.at_level(logging.ERROR):
        failed = api_of(parts).get("/datasets")
    assert (failed.status_code, failed.json()["error_code"]) == (500, "internal_error")
    assert "no such table" not in failed.text
    assert failed.headers["x-request-id"] == failed.json()["request_id"]
    (record,) = (record for record in caplog.records if failed.json()["request_id"] in record.getMessage())
    assert record.exc_info is not None


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "body: "),
        (b'{"name": 1}', "name: "),
        (b"{}", "name: "),
    ],
)
def test_bodies_that_are_wrong_name_the_field(api: TestClient, body: bytes, named: str) -> None:
    refused = api.post("/datasets", content=body, headers={"content-type": "application/json"})
    assert refused.status_code == 400
    assert named in refused.json()["message"]


def test_json_without_its_header_is_explained(api: TestClient) -> None:
    refused = api.post("/datasets", data={"name": "Ada"})
    assert refused.status_code == 400
    assert "Content-Type: application/json" in refused.json()["message"]


def test_the_status_is_for_the_sdk(parts: Parts) -> None:
    with sdk_of(parts) as sdk:
        status = sdk.get_status()
    assert (status.ok, status.version) == (True, API_VERSION)


def test_people_get_the_page_and_programs_the_status(with_page: TestClient) -> None:
    page = with_page.get("/", headers={"accept": CHROME})
    status = with_page.get("/", headers={"accept": "application/json"})
    assert "text/html" in page.headers["content-type"]
    assert status.json()["ok"] is True


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("application/json", True),
        ("application/json, text/html;q=0.9", True),
        ("text/html;q=0.5, application/*;q=0.6", True),
        ("application/json;q=0.2, text/html", False),
        ("application/json, text/html", False),
        ("*/*", False),
        ("", False),
        (CHROME, False),
    ],
)
def test_the_accept_header_decides(accept: str, wanted: bool) -> None:
    assert prefers_json(accept) is wanted


@pytest.mark.parametrize("path", ["/config", "/theme.css", "/gradio_api/info", "/gradio_api/openapi.json"])
def test_the_pages_own_addresses_stay_its_own(with_page: TestClient, path: str) -> None:
    answer = with_page.get(path)
    assert answer.status_code == 200
    assert "error_code" not in answer.text


def test_the_description_tells_the_addresses_and_the_shape_of_errors(parts: Parts) -> None:
    described = _described(create_api(parts))
    operations = {(method, path) for path, methods in described["paths"].items() for method in methods}
    assert {
        ("post", "/datasets/{dataset_id}/files"),
        ("post", "/fine-tunes/{fine_tune_id}/cancel"),
        ("patch", "/voices/{voice_id}"),
        ("post", "/tts/bytes"),
        ("post", "/tts/sse"),
        ("post", "/stt"),
        ("get", "/models"),
        ("post", "/v1/audio/speech"),
        ("post", "/v1/audio/transcriptions"),
        ("get", "/"),
    } <= operations
    assert "HTTPValidationError" not in described["components"]["schemas"]
    upload = described["paths"]["/datasets/{dataset_id}/files"]["post"]
    assert list(upload["requestBody"]["content"]) == ["multipart/form-data"]
    speech = described["paths"]["/tts/bytes"]["post"]["responses"]
    assert set(speech["200"]["content"]) == {"audio/wav", "audio/mpeg", "audio/pcm"}
    assert "/tts/websocket" in described["info"]["description"]
    for path, methods in described["paths"].items():
        shape = "/OpenAIError" if path.startswith("/v1/") else "/Error"
        for operation in methods.values():
            assert operation["responses"]["4XX"]["content"]["application/json"]["schema"]["$ref"].endswith(shape)


def _described(app: FastAPI) -> dict:
    return TestClient(app, base_url=LOCAL).get("/openapi.json").json()
