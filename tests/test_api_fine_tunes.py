"""Fine-tunes over HTTP, with the official SDK and with plain requests."""

from typing import Any

import cartesia
import pytest
from cartesia import Cartesia
from starlette.testclient import TestClient

from playground.parts import Parts, make_parts
from playground.services.clone_form import CloneForm
from playground.services.keys import Scope
from playground.services.runs import Runs
from playground.settings import Settings
from storage.records import FineTune, LedgerKind, Voice
from storage.times import later, now
from tests.making import TINY, checked_dataset, queued
from tests.serving import api_of


@pytest.fixture
def api(parts: Parts) -> TestClient:
    return api_of(parts)


def _order(dataset_id: str, **changes: Any) -> dict[str, Any]:
    return {"name": "Ada", "description": "", "language": "en", "model_id": TINY, "dataset": dataset_id} | changes


def _completed(parts: Parts) -> FineTune:
    """A clone with four voices, as a worker leaves it."""
    runs = Runs(parts.storage, parts.accounts)
    queued(parts)
    run = runs.claim(owner="worker", at_once=1)
    assert run is not None
    voices = [
        Voice(name=f"Ada - V{n}", language="en", model_id=TINY, fine_tune_id=run.id, position=n) for n in range(4)
    ]
    return runs.complete(run, voices, {"similarity": 0.5}, owner="worker")


def test_a_training_is_queued_at_once_under_the_dated_id(sdk: Cartesia, parts: Parts) -> None:
    made = sdk.fine_tunes.create(**_order(checked_dataset(parts).id, model_id="sonic-3", description="Interviews"))
    assert (made.status, made.llm_model_id, made.description) == ("created", "kokoro-82m-2025-01-27", "Interviews")
    assert sdk.fine_tunes.retrieve(made.id) == made
    assert made.model_extra["training_minutes"] == 60
    assert parts.accounts.account().held == 1_000_000


def test_the_time_to_spend_can_be_given(api: TestClient, parts: Parts) -> None:
    made = api.post("/fine-tunes", json=_order(checked_dataset(parts).id, training_minutes=15)).json()
    assert parts.fine_tuning.get(made["id"]).training_minutes == 15


def test_a_training_of_too_little_speech_is_refused_and_leaves_nothing(sdk: Cartesia, parts: Parts) -> None:
    with pytest.raises(cartesia.BadRequestError, match="at least 60 are needed"):
        sdk.fine_tunes.create(**_order(checked_dataset(parts, clips=3).id))
    assert list(sdk.fine_tunes.list()) == []
    assert parts.accounts.account().held == 0


def test_a_training_may_start_while_its_recordings_are_still_being_checked(sdk: Cartesia) -> None:
    dataset = sdk.datasets.create(name="Ada", description="")
    sdk.datasets.files.upload(dataset.id, file=b"whatever it is, it has not been looked at")
    assert sdk.fine_tunes.create(**_order(dataset.id)).status == "created"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"dataset": "dataset_x"}, 404, "dataset_not_found"),
        ({"model_id": "nope-1"}, 404, "model_not_found"),
        ({"language": "ja"}, 400, "language_not_supported"),
        ({"training_minutes": 0}, 400, "invalid_request"),
        ({"name": " "}, 400, "invalid_request"),
        ({"language": None}, 400, "invalid_request"),
    ],
)
def test_orders_that_cannot_be_carried_out_are_refused(
    api: TestClient, parts: Parts, changes: dict[str, Any], status: int, code: str
) -> None:
    refused = api.post("/fine-tunes", json=_order(checked_dataset(parts).id, **changes))
    assert (refused.status_code, refused.json()["error_code"]) == (status, code)


def test_a_plan_without_clones_is_403(settings: Settings) -> None:
    free = make_parts(settings.model_copy(update={"plan": "free"}))
    refused = api_of(free).post("/fine-tunes", json=_order(checked_dataset(free).id))
    assert (refused.status_code, refused.json()["error_code"]) == (403, "pvc_not_enabled")


def test_a_training_without_credits_is_refused(settings: Settings) -> None:
    poor = make_parts(settings.model_copy(update={"credits": 5.0}))
    refused = api_of(poor).post("/fine-tunes", json=_order(checked_dataset(poor).id))
    assert refused.status_code == 400
    assert "1,000,000 credits; 5 are available" in refused.json()["message"]


def test_a_request_sent_again_by_the_client_trains_once(api: TestClient, parts: Parts) -> None:
    order = _order(checked_dataset(parts).id)
    first = api.post("/fine-tunes", json=order).json()
    again = api.post("/fine-tunes", json=order, headers={"x-stainless-retry-count": "1"}).json()
    anew = api.post("/fine-tunes", json=order).json()
    assert again["id"] == first["id"] != anew["id"]


def test_drafts_of_the_page_are_not_in_the_api(api: TestClient, parts: Parts) -> None:
    draft = parts.fine_tuning.create_draft(CloneForm(model_id=TINY))
    assert api.get("/fine-tunes").json()["data"] == []
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/retry"), ("POST", "/cancel"), ("GET", "/voices")):
        missing = api.request(method, f"/fine-tunes/{draft.id}{path}")
        assert (missing.status_code, missing.json()["error_code"]) == (404, "fine_tune_not_found")
    assert parts.fine_tuning.get(draft.id) == draft


def test_a_waiting_training_is_cancelled_shown_as_failed_and_tried_again(api: TestClient, parts: Parts) -> None:
    run = queued(parts)
    cancelled = api.post(f"/fine-tunes/{run.id}/cancel").json()
    assert (cancelled["status"], cancelled["error"]) == ("failed", "Cancelled by you.")
    assert cancelled["user_errors"] == [{"code": "cancelled_by_user", "message": "Cancelled by you."}]
    assert parts.accounts.account().held == 0
    again = api.post(f"/fine-tunes/{run.id}/retry").json()
    assert (again["id"], again["status"], again["attempt"], again["error"]) == (run.id, "created", 2, "")


def test_what_is_not_failed_is_not_tried_again(api: TestClient, parts: Parts) -> None:
    refused = api.post(f"/fine-tunes/{queued(parts).id}/retry")
    assert (refused.status_code, refused.headers["x-should-retry"]) == (409, "false")


def test_a_completed_clone_lists_its_four_voices_and_its_report(sdk: Cartesia, parts: Parts) -> None:
    clone = sdk.fine_tunes.retrieve(_completed(parts).id)
    voices = list(sdk.fine_tunes.list_voices(clone.id, limit=3))
    assert (clone.status, clone.model_extra["progress"]) == ("completed", 1.0)
    assert clone.model_extra["report"] == {"similarity": 0.5}
    assert sorted(voice.name for voice in voices) == [f"Ada - V{n}" for n in range(4)]
    assert {(voice.is_owner, voice.model_extra["is_pro"], voice.access) for voice in voices} == {
        (True, True, "private")
    }


def test_a_clone_that_trains_has_no_voices_yet(sdk: Cartesia, parts: Parts) -> None:
    assert list(sdk.fine_tunes.list_voices(queued(parts).id)) == []


def test_deleting_a_clone_deletes_its_voices_and_is_404_the_second_time(sdk: Cartesia, parts: Parts) -> None:
    clone = _completed(parts)
    sdk.fine_tunes.delete(clone.id)
    assert parts.voices.search(is_owner=True) == []
    with pytest.raises(cartesia.NotFoundError, match="fine_tune_not_found"):
        sdk.fine_tunes.delete(clone.id)


def test_a_deleted_dataset_leaves_the_clone_readable(sdk: Cartesia, parts: Parts) -> None:
    clone = _completed(parts)
    sdk.datasets.delete(str(clone.dataset_id))
    assert sdk.fine_tunes.retrieve(clone.id).dataset == ""


def test_a_deleted_run_gives_its_hold_back(api: TestClient, parts: Parts) -> None:
    api.delete(f"/fine-tunes/{queued(parts).id}")
    assert [entry.kind for entry in parts.accounts.ledger()][:2] == [LedgerKind.RELEASE, LedgerKind.HOLD]


def test_paging_gives_every_training_once_and_ends(sdk: Cartesia, parts: Parts) -> None:
    made = [queued(parts, name=f"C{number}").id for number in range(3)]
    assert [run.id for run in sdk.fine_tunes.list(limit=2)] == made[::-1]


def test_the_same_idempotency_key_gives_the_same_training(api: TestClient, parts: Parts) -> None:
    order = _order(checked_dataset(parts).id)
    first = api.post("/fine-tunes", json=order, headers={"idempotency-key": "a"}).json()
    parts.fine_tuning.cancel(first["id"])
    again = api.post("/fine-tunes", json=order, headers={"idempotency-key": "a"}).json()
    other = api.post("/fine-tunes", json=order, headers={"idempotency-key": "b"}).json()
    assert (again["id"], again["status"]) == (first["id"], "failed")
    assert other["id"] != first["id"]


def test_an_idempotency_key_is_for_one_body_and_one_caller(api: TestClient, parts: Parts) -> None:
    order = _order(checked_dataset(parts).id)
    first = api.post("/fine-tunes", json=order, headers={"idempotency-key": "a"}).json()
    refused = api.post("/fine-tunes", json=order | {"name": "Bea"}, headers={"idempotency-key": "a"})
    assert (refused.status_code, refused.json()["error_code"]) == (422, "idempotency_key_reused")
    _, secret = parts.keys.create("robot", Scope.EVERYTHING)
    other = api.post("/fine-tunes", json=order, headers={"idempotency-key": "a", "x-api-key": secret}).json()
    assert other["id"] != first["id"]


def test_a_repeated_request_is_known_by_its_caller_and_for_ten_minutes(api: TestClient, parts: Parts) -> None:
    order, again = _order(checked_dataset(parts).id), {"x-stainless-retry-count": "1"}
    first = api.post("/fine-tunes", json=order).json()["id"]
    _, secret = parts.keys.create("robot", Scope.EVERYTHING)
    assert api.post("/fine-tunes", json=order, headers=again | {"x-api-key": secret}).json()["id"] != first
    assert api.post("/fine-tunes", json=order, headers=again).json()["id"] == first
    with parts.storage.write() as tables:
        tables.fine_tunes.update(first, created_at=later(now(), -601))
    assert api.post("/fine-tunes", json=order, headers=again).json()["id"] != first
