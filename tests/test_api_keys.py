"""Keys, access tokens and sessions: who gets in, to what, and how often."""

import itertools
import logging
import stat
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import cartesia
import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient, WebSocketDenialResponse

from playground.api.access import COOKIE
from playground.api.app import create_api
from playground.api.rate import Rate
from playground.parts import Parts, make_parts
from playground.processes import add_request_id
from playground.services.errors import TooManyRequests
from playground.services.keys import LOCAL, Permission, Scope
from playground.settings import Settings
from tests.making import TINY, queued
from tests.serving import api_of, opened, sdk_of, served, with_page

LOCAL_URL = "http://127.0.0.1"
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PATIENCE = 20
"""Seconds until a stream that does not end fails a test; an idle one gives a sign of life every 15."""
SPEAK: dict[str, Any] = {}
"""No request for speech that can be carried out: whoever may send it gets 400."""
SILENCE: dict[str, Any] = {
    "context_id": "c",
    "model_id": TINY,
    "transcript": " ",
    "voice": {"mode": "id", "id": "x"},
    "output_format": {"container": "raw", "encoding": "pcm_s16le", "sample_rate": 16000},
}
"""A message of a socket that nothing is spoken of."""


@pytest.fixture
def open_parts(settings: Settings) -> Iterator[Parts]:
    """A playground that others on the network reach."""
    with opened(settings.model_copy(update={"host": "0.0.0.0"})) as made:
        yield made


@pytest.fixture
def open_app(open_parts: Parts) -> FastAPI:
    """Its API, with a socket and a page behind it."""
    return with_page(open_parts, socket_path="/tts/echo")


@pytest.fixture
def open_api(open_app: FastAPI) -> TestClient:
    return TestClient(open_app, base_url=LOCAL_URL, follow_redirects=False)


def _bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def test_a_secret_is_nowhere_in_the_data_folder(parts: Parts) -> None:
    key, secret = parts.keys.create("robot", Scope.SPEECH)
    assert secret.startswith("sk_car_")
    kept = b"".join(path.read_bytes() for path in parts.settings.data_dir.rglob("*") if path.is_file())
    assert key.id.encode() in kept
    assert secret.split("_", 3)[3].encode() not in kept


def test_the_secret_that_signs_tokens_is_for_its_owner_only(parts: Parts) -> None:
    path = parts.settings.data_dir / "secrets" / "tokens"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert parts.storage.secret("tokens") == path.read_bytes()
    assert len(path.read_bytes()) == 32


@pytest.mark.parametrize("headers", [{}, _bearer("any"), {"x-api-key": "sk_car_a_b"}, {"cookie": f"{COOKIE}=any"}])
def test_others_need_a_key(open_api: TestClient, headers: dict[str, str]) -> None:
    refused = open_api.get("/datasets", headers=headers)
    assert (refused.status_code, refused.json()["error_code"]) == (401, "invalid_key")
    assert refused.headers["www-authenticate"] == "Bearer"
    assert refused.headers["x-request-id"] == refused.json()["request_id"]


def test_a_key_is_taken_from_both_headers_and_remembers_its_use(open_api: TestClient, open_parts: Parts) -> None:
    key, secret = open_parts.keys.create("robot", Scope.EVERYTHING)
    assert open_api.get("/datasets", headers=_bearer(secret)).status_code == 200
    assert open_api.get("/datasets", headers={"x-api-key": secret}).status_code == 200
    assert open_parts.keys.get(key.id).last_used_at is not None
    assert open_api.get("/datasets", headers=_bearer(secret[:-1])).status_code == 401
    assert open_api.get("/datasets", params={"api_key": secret}).status_code == 401


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_revoked_key_is_refused_everywhere(settings: Settings, host: str) -> None:
    parts = make_parts(settings.model_copy(update={"host": host}))
    key, secret = parts.keys.create("robot", Scope.EVERYTHING)
    token = parts.access.token(parts.access.caller(secret), seconds=60, permissions=[Permission.TTS])
    parts.keys.revoke(key.id)
    api = api_of(parts)
    for shown in (secret, token):
        refused = api.post("/tts/bytes", json=SPEAK, headers=_bearer(shown))
        assert (refused.status_code, refused.json()["error_code"]) == (401, "key_revoked")


def test_a_key_may_be_asked_for_on_this_machine_too(settings: Settings) -> None:
    api = api_of(make_parts(settings.model_copy(update={"key_on_loopback": True})))
    assert api.get("/datasets").status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "may"),
    [
        ("GET", "/voices", True),
        ("GET", "/accents", True),
        ("GET", "/openapi.json", True),
        ("POST", "/tts/bytes", True),
        ("POST", "/stt", True),
        ("POST", "/v1/audio/speech", True),
        ("POST", "/access-token/", True),
        ("DELETE", "/voices/x", False),
        ("POST", "/voices/clone", False),
        ("GET", "/datasets", False),
        ("GET", "/voices/x/reference", False),
        ("GET", "/voices/x/reference/", False),
        ("POST", "/fine-tunes/", False),
        ("GET", "/", False),
        ("GET", "/config", False),
        ("GET", "//datasets", False),
        ("GET", "/ttsx", False),
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_key_for_speech_is_for_speech_only(settings: Settings, host: str, method: str, path: str, may: bool) -> None:
    parts = make_parts(settings.model_copy(update={"host": host}))
    _, secret = parts.keys.create("reader", Scope.SPEECH)
    answer = api_of(parts).request(method, path, headers=_bearer(secret))
    assert (answer.status_code not in (401, 403)) is may
    assert may or answer.json()["error_code"] == "scope_too_small"


def test_the_status_is_for_every_key(open_parts: Parts) -> None:
    _, secret = open_parts.keys.create("reader", Scope.SPEECH)
    with sdk_of(open_parts, key=secret) as sdk:
        assert sdk.get_status().ok


def test_the_sdk_reads_a_refusal(open_parts: Parts) -> None:
    with sdk_of(open_parts) as sdk, pytest.raises(cartesia.AuthenticationError, match="invalid_key"):
        sdk.datasets.list()


@pytest.mark.parametrize(
    ("grants", "speech", "recognition"),
    [
        (None, True, True),
        ({"tts": True}, True, False),
        ({"stt": True, "agent": True}, False, True),
        ({"tts": False}, False, False),
    ],
)
def test_a_token_is_for_what_it_was_made(
    open_parts: Parts, grants: dict[str, bool] | None, speech: bool, recognition: bool
) -> None:
    _, secret = open_parts.keys.create("server", Scope.SPEECH)
    with sdk_of(open_parts, key=secret) as sdk:
        token = sdk.access_token.create(expires_in=60, grants=grants).token  # type: ignore[arg-type]
    api = api_of(open_parts)
    assert (api.post("/tts/bytes", json=SPEAK, headers=_bearer(token)).status_code != 403) is speech
    assert (api.post("/stt", headers=_bearer(token)).status_code != 403) is recognition
    for path in ("/datasets", "/voices"):
        assert api.get(path, headers=_bearer(token)).status_code == 403
    assert api.post("/access-token", json={}, headers=_bearer(token)).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_an_expired_token_is_refused(settings: Settings, host: str) -> None:
    parts = make_parts(settings.model_copy(update={"host": host}))
    _, secret = parts.keys.create("server", Scope.SPEECH)
    token = parts.access.token(parts.access.caller(secret), seconds=-1, permissions=[Permission.TTS])
    refused = api_of(parts).post("/tts/bytes", json=SPEAK, headers=_bearer(token))
    assert (refused.status_code, refused.json()["error_code"]) == (401, "token_expired")


def test_a_token_of_this_machine_counts_nothing_elsewhere(parts: Parts, open_parts: Parts) -> None:
    token = parts.access.token(LOCAL, seconds=60, permissions=[Permission.TTS])
    assert api_of(open_parts).post("/tts/bytes", json=SPEAK, headers=_bearer(token)).status_code == 401


def test_a_token_lives_an_hour_at_most(parts: Parts) -> None:
    assert api_of(parts).post("/access-token", json={"expires_in": 3601}).status_code == 400


@pytest.mark.parametrize("name", ["api_key", "access_token"])
def test_sockets_take_keys_and_tokens_in_their_address(open_api: TestClient, open_parts: Parts, name: str) -> None:
    _, secret = open_parts.keys.create("reader", Scope.SPEECH)
    token = open_parts.access.token(open_parts.access.caller(secret), seconds=60, permissions=[Permission.TTS])
    shown = secret if name == "api_key" else token
    with open_api.websocket_connect(f"ws://127.0.0.1/tts/echo?{name}={shown}") as socket:
        assert socket.receive_text() == "hello"


def test_an_open_socket_falls_silent_with_its_key(parts: Parts) -> None:
    key, secret = parts.keys.create("reader", Scope.SPEECH)
    with api_of(parts).websocket_connect(f"ws://127.0.0.1/tts/websocket?api_key={secret}") as socket:
        socket.send_json(SILENCE)
        assert socket.receive_json()["type"] == "done"
        parts.keys.revoke(key.id)
        socket.send_json(SILENCE)
        refused = socket.receive_json()
        assert (refused["type"], refused["status_code"], refused["error_code"]) == ("error", 401, "key_revoked")


def test_an_open_socket_falls_silent_with_its_token(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    token = parts.access.token(LOCAL, seconds=60, permissions=[Permission.TTS])
    with api_of(parts).websocket_connect(f"ws://127.0.0.1/tts/websocket?access_token={token}") as socket:
        socket.send_json(SILENCE)
        assert socket.receive_json()["type"] == "done"
        later = time.time() + 60
        monkeypatch.setattr(time, "time", lambda: later)
        socket.send_json(SILENCE)
        assert socket.receive_json()["error_code"] == "token_expired"


def test_an_open_stream_of_a_training_ends_with_its_key(parts: Parts) -> None:
    run = queued(parts)
    key, secret = parts.keys.create("watcher", Scope.EVERYTHING)
    with (
        served(create_api(parts)) as url,
        httpx.stream("GET", f"{url}/fine-tunes/{run.id}/events", headers=_bearer(secret), timeout=20) as answer,
    ):
        lines = answer.iter_lines()
        assert next(lines) == "event: state"
        parts.keys.revoke(key.id)
        until = time.monotonic() + PATIENCE
        kept = [line for line in itertools.takewhile(lambda _: time.monotonic() < until, lines) if line]
    assert time.monotonic() < until
    assert "event: end" not in kept


def test_sockets_without_a_key_are_refused_at_the_handshake(open_api: TestClient) -> None:
    with pytest.raises(WebSocketDenialResponse) as refused, open_api.websocket_connect("ws://127.0.0.1/tts/echo"):
        pass
    assert (refused.value.status_code, refused.value.json()["error_code"]) == (401, "invalid_key")


def test_a_person_signs_in_with_a_key_and_out_again(open_api: TestClient, open_parts: Parts) -> None:
    _, secret = open_parts.keys.create("me", Scope.EVERYTHING)
    sent = open_api.get("/?clone=x", headers=BROWSER)
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in")
    assert "password" in open_api.get("/sign-in", headers=BROWSER).text
    signed_in = open_api.post("/sign-in", data={"key": f" {secret}\n"})
    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/")
    assert "httponly" in signed_in.headers["set-cookie"].lower()
    assert "samesite=lax" in signed_in.headers["set-cookie"].lower()
    assert open_api.get("/", headers=BROWSER).status_code == 200
    assert open_api.get("/datasets").status_code == 200
    assert open_api.post("/sign-out").headers["location"] == "/sign-in"
    assert open_api.get("/", headers=BROWSER).status_code == 303


def test_a_session_that_was_signed_out_of_is_refused_and_no_other_one(open_api: TestClient, open_parts: Parts) -> None:
    _, secret = open_parts.keys.create("me", Scope.EVERYTHING)
    stolen, other = open_parts.access.session(secret), open_parts.access.session(secret)
    for _ in range(2):
        assert open_api.post("/sign-out", headers={"cookie": f"{COOKIE}={stolen}"}).status_code == 303
    assert open_api.get("/datasets", headers={"cookie": f"{COOKIE}={stolen}"}).status_code == 401
    assert open_api.get("/datasets", headers={"cookie": f"{COOKIE}={other}"}).status_code == 200
    assert open_api.post("/sign-out", headers={"cookie": f"{COOKIE}=any"}).status_code == 303


def test_nobody_waits_for_the_note_of_a_keys_last_use(open_api: TestClient, open_parts: Parts) -> None:
    key, secret = open_parts.keys.create("robot", Scope.EVERYTHING)
    with open_parts.storage.write():
        assert open_api.get("/datasets", headers=_bearer(secret)).status_code == 200
    assert open_parts.keys.get(key.id).last_used_at is None
    assert open_api.get("/datasets", headers=_bearer(secret)).status_code == 200
    assert open_parts.keys.get(key.id).last_used_at is not None


def test_a_session_falls_with_its_key_and_is_no_token(open_api: TestClient, open_parts: Parts) -> None:
    key, secret = open_parts.keys.create("me", Scope.EVERYTHING)
    session = open_parts.access.session(secret)
    assert open_api.get("/datasets", headers=_bearer(session)).status_code == 401
    assert open_api.get("/datasets", headers={"cookie": f"{COOKIE}={session}"}).status_code == 200
    open_parts.keys.revoke(key.id)
    assert open_api.get("/datasets", headers={"cookie": f"{COOKIE}={session}"}).status_code == 401


@pytest.mark.parametrize("other", ['theme={"dark": true}', "name=Ada Lovelace", "a[b]=c", "nothing", 'open="'])
def test_cookies_of_other_programs_on_the_host_do_not_hide_the_session(
    open_api: TestClient, open_parts: Parts, other: str
) -> None:
    _, secret = open_parts.keys.create("me", Scope.EVERYTHING)
    cookies = f"{other}; {COOKIE}={open_parts.access.session(secret)}"
    assert open_api.get("/datasets", headers={"cookie": cookies}).status_code == 200


def test_signing_in_takes_keys_for_everything_only(open_api: TestClient, open_parts: Parts) -> None:
    _, secret = open_parts.keys.create("reader", Scope.SPEECH)
    for shown, words in ((secret, "for speech only"), ("<b>", "not a key of this playground"), ("", "not a key")):
        refused = open_api.post("/sign-in", data={"key": shown})
        assert refused.status_code == 401
        assert words in refused.text
        assert "set-cookie" not in refused.headers


def test_signing_in_from_a_foreign_page_is_refused(open_api: TestClient) -> None:
    refused = open_api.post("/sign-in", data={"key": "any"}, headers={"origin": "http://evil.example"})
    assert refused.status_code == 403


def test_a_caller_may_ask_so_often_and_then_waits() -> None:
    time = 0.0
    rate = Rate(60, clock=lambda: time)
    for _ in range(60):
        rate.count(LOCAL)
    with pytest.raises(TooManyRequests) as refused:
        rate.count(LOCAL)
    assert refused.value.seconds == pytest.approx(1.0)
    time = 1.0
    rate.count(LOCAL)
    with pytest.raises(TooManyRequests):
        rate.count(LOCAL)


def test_too_many_requests_are_told_when_to_come_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("playground.api.app.Rate", partial(Rate, clock=lambda: 0.0))
    parts = make_parts(settings.model_copy(update={"requests_per_minute": 2}))
    _, secret = parts.keys.create("robot", Scope.EVERYTHING)
    api = api_of(parts)
    answers = [api.get("/datasets") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert (answers[2].json()["error_code"], answers[2].headers["retry-after"]) == ("rate_limited", "30")
    assert api.get("/datasets", headers=_bearer(secret)).status_code == 200


def test_each_context_of_a_socket_counts_as_a_request(settings: Settings) -> None:
    parts = make_parts(settings.model_copy(update={"requests_per_minute": 3}))
    with api_of(parts).websocket_connect("ws://127.0.0.1/tts/websocket") as socket:
        for text in "ab":
            for goes_on in (True, True, True, False):
                socket.send_json(SILENCE | {"context_id": text, "continue": goes_on})
            assert socket.receive_json()["type"] == "done"
        socket.send_json(SILENCE | {"context_id": "c"})
        refused = socket.receive_json()
    assert (refused["type"], refused["error_code"], refused["context_id"]) == ("error", "rate_limited", "c")


def test_each_line_of_the_log_bears_the_requests_id_and_no_key(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    key, secret = parts.keys.create("robot", Scope.EVERYTHING)
    caplog.handler.addFilter(add_request_id)
    with caplog.at_level(logging.INFO, logger="playground"):
        answer = api_of(parts).get("/datasets?api_key=" + secret, headers=_bearer(secret))
    (line,) = (record for record in caplog.records if record.name == "playground.api.requests")
    assert vars(line)["request_id"] == answer.headers["x-request-id"]
    assert f"GET /datasets by {key.id}: 200" in line.getMessage()
    assert secret not in caplog.text


def test_a_path_cannot_write_a_line_of_its_own_into_the_log(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="playground"):
        api_of(parts).get("/voices/x%0AGET%20/datasets%20by%20local")
    (line,) = (record for record in caplog.records if record.name == "playground.api.requests")
    assert "\n" not in line.getMessage()
    assert "/voices/x%0AGET" in line.getMessage()
