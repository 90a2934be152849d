"""Webhooks: the end of a training reaches the program that asked for it, signed, and again until it arrives."""

import base64
import hashlib
import hmac
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from playground.courier import Courier
from playground.parts import Parts, make_parts
from playground.services import webhooks
from playground.services.webhooks import PAUSES_SECONDS
from storage.records import FineTune, WebhookCall
from storage.times import now, seconds_between
from tests.making import TINY, checked_dataset, queued
from tests.serving import api_of


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """A program that is told: its address, what it answers, and what it got (headers, body)."""

    url: str
    answers: list[int]
    got: "queue.Queue[tuple[dict[str, str], bytes]]" = field(default_factory=queue.Queue)


@contextmanager
def _receiving(*answers: int, until: threading.Event | None = None) -> Iterator[Receiver]:
    """With `until`, the head of its answer comes bit by bit, without an end until the event is set."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.wfile.write(b"HTTP/1.0 200 OK\r\n" if until else b"")
            with suppress(OSError):
                while until and not until.wait(0.05):
                    self.wfile.write(b"x: y\r\n")
            self.send_response(receiver.answers.pop(0) if receiver.answers else 200)
            self.send_header("location", "/elsewhere")
            self.end_headers()
            receiver.got.put(({name.lower(): value for name, value in self.headers.items()}, body))

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(url=f"http://127.0.0.1:{server.server_port}/ended", answers=[*answers])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _ended(parts: Parts, url: str) -> FineTune:
    """A training that was asked for with a webhook, and cancelled."""
    order = {"name": "Ada", "language": "en", "model_id": TINY, "dataset": checked_dataset(parts).id}
    made = api_of(parts).post("/fine-tunes", json={**order, "webhook_url": url}).json()
    return parts.fine_tuning.cancel(made["id"])


def _calls(parts: Parts) -> list[WebhookCall]:
    with parts.storage.read() as tables:
        return tables.webhook_calls.where()


def _make_due(parts: Parts) -> None:
    with parts.storage.write() as tables:
        for call in tables.webhook_calls.where("due_at is not null"):
            tables.webhook_calls.update(call.id, due_at=now())


def test_the_end_is_told_and_signed_as_standard_webhooks_say(parts: Parts) -> None:
    with _receiving() as receiver:
        fine_tune = _ended(parts, receiver.url)
        assert parts.webhooks.deliver_next()
        headers, body = receiver.got.get(timeout=5)
    news = json.loads(body)
    assert news["type"] == "fine_tune.failed"
    assert (news["data"]["id"], news["data"]["status"], news["data"]["attempt"]) == (fine_tune.id, "failed", 1)
    secret = base64.b64decode(parts.webhooks.secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert not parts.webhooks.deliver_next()
    assert _calls(parts)[0].delivered_at is not None


@pytest.mark.parametrize("answer", [500, 404, 302])
def test_what_is_not_taken_is_told_again_also_after_a_restart(parts: Parts, answer: int) -> None:
    with _receiving(answer) as receiver:
        _ended(parts, receiver.url)
        assert parts.webhooks.deliver_next()
        assert not parts.webhooks.deliver_next()
        (call,) = _calls(parts)
        assert (call.attempts, call.last_error, call.delivered_at) == (1, f"It answered {answer}.", None)
        assert 0 < seconds_between(now(), str(call.due_at)) <= PAUSES_SECONDS[0]
        _make_due(parts)
        assert make_parts(parts.settings).webhooks.deliver_next()
        first, second = receiver.got.get(timeout=5), receiver.got.get(timeout=5)
    assert first[0]["webhook-id"] == second[0]["webhook-id"]
    assert first[1] == second[1]
    assert _calls(parts)[0].delivered_at is not None


def test_a_receiver_that_is_never_there_is_given_up(parts: Parts) -> None:
    with _receiving() as receiver:
        pass
    _ended(parts, receiver.url)
    for _ in range(len(PAUSES_SECONDS) + 1):
        _make_due(parts)
        assert parts.webhooks.deliver_next()
    _make_due(parts)
    assert not parts.webhooks.deliver_next()
    (call,) = _calls(parts)
    assert (call.due_at, call.delivered_at) == (None, None)
    assert "ConnectError" in call.last_error


def test_the_courier_delivers_by_itself(parts: Parts) -> None:
    with _receiving() as receiver, Courier(parts.webhooks):
        _ended(parts, receiver.url)
        assert receiver.got.get(timeout=10)


def test_no_receiver_waits_for_a_slow_one(parts: Parts) -> None:
    may_answer = threading.Event()
    with _receiving(until=may_answer) as slow, _receiving() as quick, Courier(parts.webhooks):
        for receiver in (slow, slow, quick):
            _ended(parts, receiver.url)
        try:
            assert quick.got.get(timeout=10)
            assert slow.got.empty()
        finally:
            may_answer.set()


def test_an_attempt_ends_however_a_receiver_draws_it_out(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "TIMEOUT_SECONDS", 0.3)
    may_answer = threading.Event()
    with _receiving(until=may_answer) as slow:
        _ended(parts, slow.url)
        assert parts.webhooks.deliver_next()
        assert _calls(parts)[0].last_error == "It did not answer within 0.3 s."
        may_answer.set()


def test_trainings_without_an_address_tell_nobody(parts: Parts) -> None:
    parts.fine_tuning.cancel(queued(parts).id)
    assert _calls(parts) == []


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/x", "file:///etc/passwd", "nowhere", ""])
def test_only_http_addresses_are_taken(parts: Parts, url: str) -> None:
    order = {"name": "Ada", "language": "en", "model_id": TINY, "dataset": checked_dataset(parts).id}
    refused = api_of(parts).post("/fine-tunes", json={**order, "webhook_url": url})
    assert refused.status_code == 400
    assert "webhook_url" in refused.json()["message"]
