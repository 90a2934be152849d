"""The rules of a clone: what Train needs, what it costs, how a run ends, what retry and deletion do."""

import pytest

from model.errors import LanguageNotSupported, ModelNotFound
from playground.parts import Parts, make_parts
from playground.services.clone_form import CloneForm
from playground.services.errors import Conflict, PlanRefused, QuotaExceeded, Refused
from playground.services.run_clips import RunClips
from playground.services.runs import MAX_TAKEOVERS, LeaseLost, RunProgress, Runs
from playground.settings import Settings
from storage.errors import NotFound
from storage.records import DatasetFile, FineTune, LedgerKind, Status, Voice
from storage.times import later, now, seconds_between
from tests.making import TINY, checked_dataset, queued

PRICE = 1_000_000


@pytest.fixture
def runs(parts: Parts) -> Runs:
    return Runs(parts.storage, parts.accounts)


def _claimed(parts: Parts, runs: Runs) -> FineTune:
    queued(parts)
    fine_tune = runs.claim(owner="w", at_once=1)
    assert fine_tune is not None
    return fine_tune


def _voices(fine_tune: FineTune) -> list[Voice]:
    return [Voice(name=f"V{n}", language="en", model_id=TINY, fine_tune_id=fine_tune.id, position=n) for n in range(4)]


def _kinds(parts: Parts) -> list[LedgerKind]:
    return [entry.kind for entry in reversed(parts.accounts.ledger())]


def test_a_draft_is_saved_with_the_dated_id_of_its_base(parts: Parts) -> None:
    draft = parts.fine_tuning.create_draft(CloneForm(model_id="latest"))
    assert parts.fine_tuning.get(draft.id).model_id == "kokoro-82m-2025-01-27"
    assert parts.fine_tuning.get(draft.id).name == "Untitled Pro Voice Clone"


@pytest.mark.parametrize(
    ("form", "error"),
    [
        (CloneForm(name=" "), Refused),
        (CloneForm(model_id="nothing"), ModelNotFound),
        (CloneForm(language="de"), LanguageNotSupported),
        (CloneForm(gender="x"), Refused),
    ],
)
def test_a_form_that_cannot_be_trained_is_refused(parts: Parts, form: CloneForm, error: type[Exception]) -> None:
    with pytest.raises(error):
        parts.fine_tuning.create_draft(form)


def test_of_a_form_only_what_has_changed_is_saved(parts: Parts) -> None:
    draft = parts.fine_tuning.create_draft(CloneForm(language="en"))
    parts.fine_tuning.update_draft(draft.id, gender="feminine")
    parts.fine_tuning.update_draft(draft.id, name=" Ada ")
    with pytest.raises(Refused):
        parts.fine_tuning.update_draft(draft.id, name="")
    saved = parts.fine_tuning.get(draft.id)
    assert (saved.name, saved.gender, saved.model_id) == ("Ada", "feminine", draft.model_id)


def test_train_needs_consent(parts: Parts) -> None:
    draft = parts.fine_tuning.create_draft(CloneForm(), dataset_id=checked_dataset(parts).id)
    with pytest.raises(Refused, match="right to clone"):
        parts.fine_tuning.train(draft.id, minutes=10, consented=False)
    assert parts.fine_tuning.get(draft.id).status == Status.DRAFT


def test_train_names_what_is_missing(parts: Parts) -> None:
    draft = parts.fine_tuning.create_draft(CloneForm())
    assert "Choose or create a dataset" in parts.fine_tuning.readiness(draft.id).problems[0]
    empty = parts.datasets.create("Empty")
    parts.fine_tuning.choose_dataset(draft.id, empty.id)
    assert "no recordings" in parts.fine_tuning.readiness(draft.id).problems[0]
    with parts.storage.write() as tables:
        tables.files.insert(DatasetFile(dataset_id=empty.id, filename="a", size=1, sha256="1", path=""))
    assert "still being checked" in parts.fine_tuning.readiness(draft.id).problems[0]


def test_less_than_a_minute_of_speech_is_refused_with_the_figure(parts: Parts) -> None:
    dataset = checked_dataset(parts, clips=11, seconds=5.0)
    draft = parts.fine_tuning.create_draft(CloneForm(), dataset_id=dataset.id)
    with pytest.raises(Refused, match="55 seconds of usable speech; at least 60"):
        parts.fine_tuning.train(draft.id, minutes=10, consented=True)


def test_less_than_half_an_hour_is_allowed_with_a_warning(parts: Parts) -> None:
    draft = parts.fine_tuning.create_draft(CloneForm(), dataset_id=checked_dataset(parts).id)
    readiness = parts.fine_tuning.readiness(draft.id)
    assert not readiness.problems
    assert "30 minutes" in readiness.warnings[0]


def test_of_more_than_a_run_learns_from_the_page_says_how_much_that_is(parts: Parts) -> None:
    draft = parts.fine_tuning.create_draft(CloneForm(), dataset_id=checked_dataset(parts, clips=20, seconds=360.0).id)
    assert parts.fine_tuning.readiness(draft.id).warnings == (
        "A training learns from 45 minutes of speech at most, taken from all 120 that there are.",
    )


def test_train_holds_the_price_and_fixes_the_clips(parts: Parts) -> None:
    fine_tune = queued(parts)
    assert fine_tune.status == Status.CREATED
    assert parts.accounts.account().held == PRICE
    clips = RunClips(parts.storage, fine_tune)
    assert len(clips.read()) == 20
    assert all(clips.path(clip).exists() for clip in clips.read())


def test_train_is_refused_when_credits_are_short(settings: Settings) -> None:
    parts = make_parts(settings.model_copy(update={"credits": PRICE - 1.0}))
    with pytest.raises(Refused, match="1,000,000 credits; 999,999 are available"):
        queued(parts)
    assert parts.accounts.account().held == 0


def test_completed_charges_once_in_the_same_transaction(parts: Parts, runs: Runs) -> None:
    fine_tune = _claimed(parts, runs)
    runs.complete(fine_tune, _voices(fine_tune), {"rows": []}, owner="w")
    assert parts.fine_tuning.get(fine_tune.id).status == Status.COMPLETED
    account = parts.accounts.account()
    assert (account.held, account.spent, account.balance) == (0, PRICE, account.granted - PRICE)
    with pytest.raises(LeaseLost):
        runs.complete(fine_tune, _voices(fine_tune), {}, owner="w")
    assert parts.accounts.account().spent == PRICE


def test_a_worker_without_the_lease_can_neither_complete_nor_charge(parts: Parts, runs: Runs) -> None:
    fine_tune = _claimed(parts, runs)
    with pytest.raises(LeaseLost):
        runs.complete(fine_tune, _voices(fine_tune), {}, owner="somebody else")
    assert parts.fine_tuning.voices(fine_tune.id) == []
    assert LedgerKind.CHARGE not in _kinds(parts)


def test_a_failure_costs_nothing_and_keeps_its_reason(parts: Parts, runs: Runs) -> None:
    fine_tune = _claimed(parts, runs)
    runs.fail(fine_tune, owner="w", code="check_failed", error="V0 is silent.")
    failed = parts.fine_tuning.get(fine_tune.id)
    assert (failed.status, failed.error) == (Status.FAILED, "V0 is silent.")
    assert failed.user_errors == [{"code": "check_failed", "message": "V0 is silent."}]
    assert parts.accounts.account().balance == parts.accounts.account().granted


def test_retry_is_the_same_record_and_holds_again(parts: Parts, runs: Runs) -> None:
    fine_tune = _claimed(parts, runs)
    runs.fail(fine_tune, owner="w", code="x", error="e")
    again = parts.fine_tuning.retry(fine_tune.id)
    assert (again.id, again.attempt, again.status, again.previous_error_code) == (fine_tune.id, 2, Status.CREATED, "x")
    assert parts.accounts.account().held == PRICE
    with pytest.raises(Conflict):
        parts.fine_tuning.retry(fine_tune.id)


def test_a_waiting_run_is_cancelled_at_once(parts: Parts) -> None:
    cancelled = parts.fine_tuning.cancel(queued(parts).id)
    assert (cancelled.status, cancelled.error) == (Status.FAILED, "Cancelled by you.")
    assert parts.accounts.account().held == 0


def test_a_running_one_is_asked_to_stop(parts: Parts, runs: Runs) -> None:
    fine_tune = _claimed(parts, runs)
    parts.fine_tuning.cancel(fine_tune.id)
    assert runs.renew(fine_tune.id, owner="w").cancel_requested
    assert runs.cancelled(fine_tune, owner="w").status == Status.FAILED


def test_a_run_that_kills_its_worker_again_and_again_fails_with_a_true_reason(parts: Parts, runs: Runs) -> None:
    fine_tune = _claimed(parts, runs)
    for _ in range(MAX_TAKEOVERS + 1):
        with parts.storage.write() as tables:
            tables.fine_tunes.update(fine_tune.id, lease_expires_at="2000-01-01T00:00:00.000000Z")
        runs.claim(owner="w", at_once=1)
    failed = parts.fine_tuning.get(fine_tune.id)
    assert failed.status == Status.FAILED
    assert "ended without a word 4 times" in failed.error
    assert parts.accounts.account().held == 0


def test_a_run_that_is_handed_back_goes_on_without_counting_as_a_death(parts: Parts, runs: Runs) -> None:
    fine_tune = _claimed(parts, runs)
    runs.hand_back(fine_tune, owner="w")
    again = runs.claim(owner="w2", at_once=1)
    assert again is not None
    assert (again.id, again.takeovers) == (fine_tune.id, 0)


def test_progress_never_goes_backwards_and_makes_a_curve(parts: Parts, runs: Runs) -> None:
    fine_tune = _claimed(parts, runs)
    for value, loss in ((0.2, 3.0), (0.1, 2.0)):
        runs.report(fine_tune, RunProgress(stage="voice", step=1, steps=2, progress=value, loss=loss), owner="w")
    assert parts.fine_tuning.get(fine_tune.id).progress == 0.2
    assert [event.loss for event in parts.fine_tuning.events(fine_tune.id)] == [3.0, 2.0]


def test_a_dataset_in_use_cannot_be_deleted(parts: Parts, runs: Runs) -> None:
    fine_tune = _claimed(parts, runs)
    with pytest.raises(Conflict, match="in use by the training of “Ada”"):
        parts.datasets.delete(str(fine_tune.dataset_id))
    runs.complete(fine_tune, _voices(fine_tune), {}, owner="w")
    parts.datasets.delete(str(fine_tune.dataset_id))
    assert len(parts.fine_tuning.voices(fine_tune.id)) == 4
    clips = RunClips(parts.storage, fine_tune)
    assert all(clips.path(clip).exists() for clip in clips.read())


def test_deleting_a_running_clone_takes_its_voices_files_and_hold(parts: Parts, runs: Runs) -> None:
    fine_tune = _claimed(parts, runs)
    parts.fine_tuning.delete(fine_tune.id)
    with pytest.raises(NotFound):
        parts.fine_tuning.get(fine_tune.id)
    assert not parts.storage.media.fine_tune_folder(fine_tune.id).exists()
    assert parts.accounts.account().held == 0
    with pytest.raises(LeaseLost):
        runs.renew(fine_tune.id, owner="w")


@pytest.mark.parametrize("plan", ["free", "pro", "startup", "scale"])
def test_a_plan_without_cloning_is_told_whom_to_ask(settings: Settings, plan: str) -> None:
    parts = make_parts(settings.model_copy(update={"plan": plan, "support_address": "help@example.org"}))
    with pytest.raises(PlanRefused, match=f"“{plan}”. Contact support at help@example.org to enable it"):
        parts.fine_tuning.create_draft(CloneForm())


def test_the_plan_scale_clones_when_enabled(settings: Settings) -> None:
    parts = make_parts(settings.model_copy(update={"plan": "scale", "pvc_on_scale": True}))
    assert parts.fine_tuning.create_draft(CloneForm()).status == Status.DRAFT


def test_speech_beyond_the_balance_is_refused(settings: Settings) -> None:
    parts = make_parts(settings.model_copy(update={"credits": 3.0}))
    with pytest.raises(QuotaExceeded, match="needs 4 credits; 3 are available"), parts.accounts.reserved(4):
        pass


def test_lists_of_voices_begin_with_v0_and_with_the_first_stock_voice(parts: Parts, runs: Runs) -> None:
    fine_tune = _claimed(parts, runs)
    runs.complete(fine_tune, _voices(fine_tune), {}, owner="w")
    page = parts.fine_tuning.voices_page(fine_tune.id)
    assert [voice.name for voice in page.records] == ["V0", "V1", "V2", "V3"]
    assert [voice.name for voice in parts.voices.search()[:5]] == ["V0", "V1", "V2", "V3", "Heart"]


def test_time_in_which_no_worker_had_the_run_does_not_count(parts: Parts, runs: Runs) -> None:
    fine_tune = _claimed(parts, runs)
    yesterday = later(str(fine_tune.started_at), -86_400)
    with parts.storage.write() as tables:
        tables.fine_tunes.update(fine_tune.id, started_at=yesterday, progressed_at=later(yesterday, 60))
    runs.hand_back(fine_tune, owner="w")
    again = runs.claim(owner="w2", at_once=1)
    assert again is not None
    assert seconds_between(str(again.started_at), now()) == pytest.approx(60, abs=5)


def test_retry_after_the_dataset_is_gone_goes_on_with_the_clips_of_the_run(parts: Parts, runs: Runs) -> None:
    fine_tune = _claimed(parts, runs)
    runs.fail(fine_tune, owner="w", code="x", error="e")
    parts.datasets.delete(str(fine_tune.dataset_id))
    again = parts.fine_tuning.retry(fine_tune.id)
    assert len(RunClips(parts.storage, again).read()) == 20


def test_cancel_wins_over_an_end_that_comes_at_the_same_moment(parts: Parts, runs: Runs) -> None:
    fine_tune = _claimed(parts, runs)
    parts.fine_tuning.cancel(fine_tune.id)
    ended = runs.complete(fine_tune, _voices(fine_tune), {}, owner="w")
    assert (ended.status, ended.error) == (Status.FAILED, "Cancelled by you.")
    assert parts.accounts.account().spent == 0
    assert parts.fine_tuning.voices(fine_tune.id) == []


def test_a_run_without_a_living_worker_is_cancelled_at_once(parts: Parts, runs: Runs) -> None:
    fine_tune = _claimed(parts, runs)
    with parts.storage.write() as tables:
        tables.fine_tunes.update(fine_tune.id, lease_expires_at="2000-01-01T00:00:00.000000Z")
    assert parts.fine_tuning.cancel(fine_tune.id).status == Status.FAILED
    assert parts.accounts.account().held == 0
