"""Who may ask: the machine itself and its own page, nobody else."""

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from playground.api.security import FORMS
from playground.parts import Parts, make_parts
from playground.settings import Settings
from tests.serving import with_page

HOST = "127.0.0.1:7860"
LOCAL = f"http://{HOST}"
SOCKET = f"ws://{HOST}/echo"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """One for all: nothing here changes a row."""
    return make_parts(Settings(data_dir=tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def app(parts: Parts) -> FastAPI:
    """The API with what is mounted behind it: a socket and a page."""
    return with_page(parts, socket_path="/echo")


@pytest.fixture(scope="module")
def api(app: FastAPI) -> TestClient:
    return TestClient(app, base_url=LOCAL)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:7860", "127.0.0.1:80", "[::1]", "[::1]:7860"])
def test_the_machines_own_names_are_served(api: TestClient, host: str) -> None:
    assert api.get("/datasets", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:7860",
        "127.0.0.1.evil.example",
        "localhost.",
        "0.0.0.0:7860",
        "127.0.0.1:7860@x",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/datasets", "/", "/config"])
def test_other_names_are_refused_everywhere(api: TestClient, host: str, path: str) -> None:
    refused = api.get(path, headers={"host": host})
    assert (refused.status_code, refused.json()["error_code"]) == (403, "forbidden")
    assert refused.headers["x-request-id"] == refused.json()["request_id"]


@pytest.mark.parametrize("origin", [LOCAL, LOCAL.upper()])
def test_the_own_page_may_change_things(api: TestClient, origin: str) -> None:
    assert api.delete("/datasets/x", headers={"origin": origin}).json()["error_code"] == "dataset_not_found"


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1:8000",
        "http://127.0.0.1",
        "http://localhost:7860",
        "null",
        "http://x@" + HOST,
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/datasets"), ("DELETE", "/voices/x"), ("POST", "/gradio_api/upload")]
)
def test_foreign_pages_may_not(api: TestClient, parts: Parts, origin: str, method: str, path: str) -> None:
    refused = api.request(method, path, json={"name": "Ada"}, headers={"origin": origin})
    assert (refused.status_code, refused.json()["error_code"]) == (403, "forbidden")
    assert parts.datasets.summaries() == []


def test_the_default_port_may_be_left_out(app: FastAPI) -> None:
    api = TestClient(app, base_url="http://localhost")
    answer = api.delete("/datasets/x", headers={"origin": "http://localhost:80"})
    assert answer.json()["error_code"] == "dataset_not_found"


def test_reading_needs_no_origin_of_ours(api: TestClient) -> None:
    assert api.get("/datasets", headers={"origin": "http://evil.example"}).status_code == 200


@pytest.mark.parametrize("headers", [{"origin": "http://evil.example"}, {"host": "evil.example"}])
def test_sockets_of_foreign_pages_are_refused(api: TestClient, headers: dict[str, str]) -> None:
    with pytest.raises(WebSocketDisconnect), api.websocket_connect(SOCKET, headers={**headers}):
        pass


@pytest.mark.parametrize("headers", [{}, {"origin": LOCAL}])
def test_sockets_of_programs_and_of_the_own_page_are_served(api: TestClient, headers: dict[str, str]) -> None:
    with api.websocket_connect(SOCKET, headers={**headers}) as socket:
        assert socket.receive_text() == "hello"


@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer sk_car_any"}, {"x-api-key": "any"}])
def test_any_key_is_accepted_on_this_machine(api: TestClient, headers: dict[str, str]) -> None:
    assert api.get("/datasets", headers=headers).status_code == 200


def test_json_of_more_than_a_megabyte_is_refused(api: TestClient) -> None:
    refused = api.post("/datasets", json={"name": "a" * 2**20})
    assert (refused.status_code, refused.json()["error_code"]) == (413, "file_too_large")


@pytest.mark.parametrize("path", ["/sign-in", "/tts/bytes", "/datasets", "/v1/audio/speech/"])
def test_to_call_it_a_form_makes_no_room_where_no_recording_is_taken(api: TestClient, path: str) -> None:
    form = {"content-type": "multipart/form-data; boundary=b"}
    assert api.post(path, content=b" " * (2**20 + 1), headers=form).status_code == 413


def test_all_that_takes_recordings_has_room_for_them(app: FastAPI) -> None:
    takes = {
        path
        for path, operations in app.openapi()["paths"].items()
        for operation in operations.values()
        if "multipart/form-data" in operation.get("requestBody", {}).get("content", {})
    }
    assert len(takes) == 4
    assert all(FORMS.fullmatch(path) for path in takes)


@pytest.mark.parametrize("path", ["/", "/docs", "/sign-in", "/datasets"])
def test_no_page_may_frame_ours(api: TestClient, path: str) -> None:
    assert api.get(path).headers["x-frame-options"] == "DENY"
