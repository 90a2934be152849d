"""Clones from draft to deletion: Train, Cancel, Retry."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from model import base_models
from model.base_models import BaseModel
from playground.services.accounts import Accounts
from playground.services.asking import Asked
from playground.services.clone_form import CloneForm
from playground.services.errors import Conflict, Refused
from playground.services.readiness import Readiness, ReadinessCheck
from playground.services.run_clips import RunClips
from playground.services.runs import NOT_BEGUN, Runs
from storage.database import Storage, Tables
from storage.records import FineTune, Status, TrainingEvent, Voice
from storage.table import NEWEST_FIRST, Page
from storage.times import now

MINUTES_OFFERED = (10, 15, 30, 60)
SHORTEST_MINUTES = 1
LONGEST_MINUTES = 24 * 60
NOBODY = Asked()
"""No program: the page, or the command line."""
DISCLAIMER = (
    "I have the right to use these recordings, and the person who speaks in them has agreed to their voice being "
    "cloned. I will not use the voice to impersonate anyone, to deceive, or for anything unlawful, and I will say "
    "that it is synthetic where people could otherwise be misled."
)


class FineTuning:
    """The use cases of clones."""

    def __init__(self, storage: Storage, accounts: Accounts) -> None:
        self._storage = storage
        self._accounts = accounts
        self._runs = Runs(storage, accounts)
        self._readiness = ReadinessCheck(storage, accounts)

    def create_draft(self, form: CloneForm, *, dataset_id: str | None = None) -> FineTune:
        """Save a draft; raises PlanRefused and what `CloneForm.checked` raises."""
        self._accounts.require_pvc()
        draft = FineTune(**form.checked(), dataset_id=dataset_id)  # type: ignore[arg-type]
        with self._storage.write() as tables:
            if dataset_id is not None:
                tables.datasets.get(dataset_id)
            return tables.fine_tunes.insert(draft)

    def update_draft(self, fine_tune_id: str, **changes: str | None) -> FineTune:
        """Save what has changed in the form, and nothing else of it: two changes that come together are both kept.

        Raises Conflict once it has been trained, and what `CloneForm.checked` raises.
        """
        with self._storage.write() as tables:
            draft = _require_draft(tables, fine_tune_id)
            columns = replace(CloneForm.of(draft), **changes).checked()  # type: ignore[arg-type]
            if draft.dataset_id and draft.language != columns["language"]:
                tables.datasets.update(draft.dataset_id, is_review_due=True)
            return tables.fine_tunes.update(fine_tune_id, **columns)

    def choose_dataset(self, fine_tune_id: str, dataset_id: str) -> FineTune:
        """Raises NotFound, and Conflict while it trains or when it is completed."""
        with self._storage.write() as tables:
            fine_tune = tables.fine_tunes.get(fine_tune_id)
            if fine_tune.status not in (Status.DRAFT, Status.FAILED):
                raise Conflict(f"“{fine_tune.name}” is {fine_tune.status}; its dataset cannot change any more.")
            tables.datasets.update(dataset_id, is_review_due=True)
            return tables.fine_tunes.update(fine_tune_id, dataset_id=dataset_id)

    def get(self, fine_tune_id: str) -> FineTune:
        """Raises NotFound."""
        with self._storage.read() as tables:
            return tables.fine_tunes.get(fine_tune_id)

    def base_model(self, fine_tune: FineTune) -> BaseModel:
        return base_models.resolve(fine_tune.model_id)

    def search(self, text: str = "", statuses: Sequence[Status] = ()) -> list[FineTune]:
        """Clones by name and status, newest first."""
        marks = ", ".join("?" * len(statuses))
        where = "(? = '' or instr(lower(name), lower(?)))" + (f" and status in ({marks})" if statuses else "")
        with self._storage.read() as tables:
            return tables.fine_tunes.where(where, [text, text, *statuses], order_by=NEWEST_FIRST)

    def page(
        self, *, limit: int = 10, starting_after: str | None = None, ending_before: str | None = None
    ) -> Page[FineTune]:
        """Clones that have been sent to training, for the API."""
        with self._storage.read() as tables:
            return tables.fine_tunes.page(
                "status != 'draft'", limit=limit, starting_after=starting_after, ending_before=ending_before
            )

    def voices_page(
        self, fine_tune_id: str, *, limit: int = 10, starting_after: str | None = None, ending_before: str | None = None
    ) -> Page[Voice]:
        """The voices of a clone; none before it is completed. Raises NotFound."""
        with self._storage.read() as tables:
            tables.fine_tunes.get(fine_tune_id)
            return tables.voices.page(
                "fine_tune_id = ?",
                [fine_tune_id],
                limit=limit,
                starting_after=starting_after,
                ending_before=ending_before,
            )

    def voices(self, fine_tune_id: str) -> list[Voice]:
        """V0 to V3, and what was made of it later."""
        with self._storage.read() as tables:
            return tables.voices.of_fine_tune(fine_tune_id)

    def events(self, fine_tune_id: str, *, after: int = 0) -> list[TrainingEvent]:
        """The curve of all attempts, oldest first, behind the event with this id."""
        with self._storage.read() as tables:
            return tables.training_events.of_fine_tune(fine_tune_id, after=after)

    def queue_position(self, fine_tune: FineTune) -> int:
        """1 for the run that starts next."""
        with self._storage.read() as tables:
            return tables.fine_tunes.queue_position(fine_tune)

    def readiness(self, fine_tune_id: str) -> Readiness:
        """What Train would use, and what is still missing."""
        with self._storage.read() as tables:
            return self._readiness.of(tables, tables.fine_tunes.get(fine_tune_id))

    def train(self, fine_tune_id: str, *, minutes: int, consented: bool) -> FineTune:
        """Queue a draft for training and hold its price.

        Raises Refused with all that is missing, QuotaExceeded, PlanRefused, and Conflict when it is not a draft.
        """
        self._accounts.require_pvc()
        if not consented:
            raise Refused("Confirm that you have the right to clone this voice.", code="consent_required")
        _check_minutes(minutes)
        with self._storage.write() as tables:
            draft = _require_draft(tables, fine_tune_id)
            return self._enqueue(tables, draft, training_minutes=minutes, consented_at=now())

    def start(
        self,
        form: CloneForm,
        *,
        dataset_id: str,
        minutes: int,
        asked: Asked = NOBODY,
        is_repeated: bool = False,
    ) -> FineTune:
        """Create a clone and send it to training at once, as programs do; files may still be being checked.

        A request that was answered before gets the same training: a program that lost the answer asks a second time.
        Consent is the caller's: the terms are those of the page. Raises IdempotencyKeyReused and what `create_draft`
        and `train` raise.
        """
        self._accounts.require_pvc()
        _check_minutes(minutes)
        columns = form.checked()
        with self._storage.write() as tables:
            made = asked.made_before(tables, is_repeated=is_repeated)
            if made is not None:
                return made
            tables.datasets.get(dataset_id)
            draft = tables.fine_tunes.insert(
                FineTune(**columns, **asked.columns(), dataset_id=dataset_id, training_minutes=minutes)  # type: ignore[arg-type]
            )
            return self._enqueue(tables, draft, may_be_pending=True)

    def retry(self, fine_tune_id: str) -> FineTune:
        """Queue a failed training again, as the same record; it goes on from its checkpoint where that fits.

        Raises Conflict when it has not failed, and what `train` raises.
        """
        self._accounts.require_pvc()
        with self._storage.write() as tables:
            failed = tables.fine_tunes.get(fine_tune_id)
            if failed.status != Status.FAILED:
                raise Conflict(f"“{failed.name}” is {failed.status}; only a failed training can be tried again.")
            return self._enqueue(tables, failed, previous_error_code=failed.error_code)

    def cancel(self, fine_tune_id: str) -> FineTune:
        """Stop a training: at once while it waits, within seconds while it runs. Raises Conflict otherwise."""
        with self._storage.write() as tables:
            fine_tune = tables.fine_tunes.get(fine_tune_id)
            if fine_tune.status == Status.CREATED or _is_abandoned(fine_tune):
                return self._runs.settle_cancelled(tables, fine_tune)
            if fine_tune.status != Status.TRAINING:
                raise Conflict(f"“{fine_tune.name}” is {fine_tune.status}; there is nothing to cancel.")
            return tables.fine_tunes.update(fine_tune_id, cancel_requested=True)

    def delete(self, fine_tune_id: str) -> None:
        """Delete a clone, its model and its voices; a run is stopped and its hold released. Raises NotFound."""
        with self._storage.write() as tables:
            fine_tune = tables.fine_tunes.get(fine_tune_id)
            self._accounts.release(tables, fine_tune)
            voices = tables.voices.of_fine_tune(fine_tune_id)
            tables.voices.delete_where("fine_tune_id = ?", [fine_tune_id])
            tables.training_events.delete_where("fine_tune_id = ?", [fine_tune_id])
            tables.fine_tunes.delete(fine_tune_id)
        media = self._storage.media
        media.remove(media.fine_tune_folder(fine_tune_id))
        for voice in voices:
            media.remove_voice(voice.id)

    def _enqueue(
        self, tables: Tables, fine_tune: FineTune, *, may_be_pending: bool = False, **changes: Any
    ) -> FineTune:
        readiness = self._readiness.of(tables, fine_tune, may_be_pending=may_be_pending)
        if readiness.problems:
            raise Refused(" ".join(readiness.problems), code="not_ready")
        fine_tune = tables.fine_tunes.update(
            fine_tune.id, attempt=fine_tune.attempt + 1, queued_at=now(), **NOT_BEGUN, **changes
        )
        self._accounts.hold(tables, fine_tune)
        clips = RunClips(self._storage, fine_tune)
        clips.forget()
        if fine_tune.dataset_id is not None and not readiness.pending:
            clips.fix(tables)
        return fine_tune


def _require_draft(tables: Tables, fine_tune_id: str) -> FineTune:
    fine_tune = tables.fine_tunes.get(fine_tune_id)
    if fine_tune.status != Status.DRAFT:
        raise Conflict(f"“{fine_tune.name}” is {fine_tune.status}; it is no draft any more.")
    return fine_tune


def _is_abandoned(fine_tune: FineTune) -> bool:
    """Whether a run's worker is dead and no other one has taken it over."""
    return fine_tune.status == Status.TRAINING and (fine_tune.lease_expires_at or "") < now()


def _check_minutes(minutes: int) -> None:
    if not SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES:
        raise Refused(f"Time to spend is {SHORTEST_MINUTES} to {LONGEST_MINUTES} minutes, not {minutes}.")
