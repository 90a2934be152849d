"""A training as server-sent events."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from playground.api.app import create_api
from playground.parts import Parts
from playground.services.runs import RunProgress, Runs
from storage.records import FineTune
from tests.making import queued
from tests.serving import api_of, served


def _events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """Events with the names of their fields, as a browser takes them apart."""
    event: dict[str, Any] = {}
    for line in lines:
        if not line and event:
            yield event | {"data": json.loads(event["data"])}
            event = {}
        name, _, value = line.partition(": ")
        if name:
            event[name] = value


@pytest.fixture
def trained(parts: Parts) -> FineTune:
    """A run with three points of its curve, cancelled."""
    queued(parts)
    runs = Runs(parts.storage, parts.accounts)
    run = runs.claim(owner="worker", at_once=1)
    assert run is not None
    for step in (1, 2, 3):
        runs.report(
            run, RunProgress(stage="voice", step=step, steps=3, progress=step / 4, loss=1 / step), owner="worker"
        )
    return runs.cancelled(run, owner="worker")


def test_the_history_comes_first_and_the_end_last(parts: Parts, trained: FineTune) -> None:
    answer = api_of(parts).get(f"/fine-tunes/{trained.id}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = [*_events(iter(answer.text.split("\n")))]
    assert [event["event"] for event in events] == ["step", "step", "step", "end"]
    assert [event["data"]["step"] for event in events[:3]] == [1, 2, 3]
    assert (events[1]["data"]["loss"], events[1]["data"]["stage"]) == (0.5, "voice")
    assert (events[3]["data"]["id"], events[3]["data"]["status"]) == (trained.id, "failed")
    assert "id" not in events[3]


def test_a_stream_is_taken_up_behind_the_last_event(parts: Parts, trained: FineTune) -> None:
    api = api_of(parts)
    second = [*_events(iter(api.get(f"/fine-tunes/{trained.id}/events").text.split("\n")))][1]
    rest = api.get(f"/fine-tunes/{trained.id}/events", headers={"last-event-id": second["id"]}).text
    assert [event["data"].get("step") for event in _events(iter(rest.split("\n")))] == [3, None]


@pytest.mark.parametrize("id", ["x", "-1", str(2**63)])
def test_an_event_id_that_is_none_is_refused(parts: Parts, trained: FineTune, id: str) -> None:
    assert api_of(parts).get(f"/fine-tunes/{trained.id}/events", headers={"last-event-id": id}).status_code == 400


def test_an_unknown_training_has_no_events(parts: Parts) -> None:
    assert api_of(parts).get("/fine-tunes/x/events").json()["error_code"] == "fine_tune_not_found"


def test_what_happens_meanwhile_arrives(parts: Parts) -> None:
    run = queued(parts)
    with (
        served(create_api(parts)) as url,
        httpx.stream("GET", f"{url}/fine-tunes/{run.id}/events", timeout=20) as answer,
    ):
        events = _events(answer.iter_lines())
        assert next(events)["data"]["status"] == "created"
        parts.fine_tuning.cancel(run.id)
        last = next(events)
    assert (last["event"], last["data"]["error"]) == ("end", "Cancelled by you.")


def test_a_training_that_is_deleted_ends_its_stream(parts: Parts) -> None:
    run = queued(parts)
    with (
        served(create_api(parts)) as url,
        httpx.stream("GET", f"{url}/fine-tunes/{run.id}/events", timeout=20) as answer,
    ):
        events = _events(answer.iter_lines())
        next(events)
        parts.fine_tuning.delete(run.id)
        assert [*events] == []
