"""The run of a fine-tune as the worker sees it: its lease, its progress, its end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from playground.services.accounts import Accounts
from playground.services.webhooks import announce_end
from storage.database import Storage, Tables
from storage.records import FineTune, Status, TrainingEvent, Voice
from storage.times import later, now, seconds_between

MAX_TAKEOVERS = 3
CANCELLED = "cancelled_by_user"
NOT_BEGUN: Mapping[str, Any] = {
    "status": Status.CREATED,
    "started_at": None,
    "progressed_at": None,
    "finished_at": None,
    "takeovers": 0,
    "cancel_requested": False,
    "stage": "",
    "step": 0,
    "steps": 0,
    "progress": 0.0,
    "eta_seconds": None,
    "message": "",
    "error_code": "",
    "error": "",
    "user_errors": [],
    "stage_seconds": {},
    "report": {},
}
"""The columns of a run that waits for its worker."""


@dataclass(frozen=True, kw_only=True)
class RunProgress:
    """What the worker says of a run: `progress` is the fraction of the whole, 0 to 1."""

    stage: str
    step: int
    steps: int
    progress: float
    eta_seconds: float | None = None
    loss: float | None = None
    message: str = ""


class LeaseLost(Exception):
    """Another worker owns the run, or it is gone; whoever sees this stops."""


class Runs:
    """Reads and writes of a run's row."""

    def __init__(self, storage: Storage, accounts: Accounts) -> None:
        self._storage = storage
        self._accounts = accounts

    def claim(self, *, owner: str, at_once: int) -> FineTune | None:
        """The next run for this worker, leased to it; one that was taken over too often fails."""
        with self._storage.write() as tables:
            fine_tune = tables.fine_tunes.claim(owner=owner, at_once=at_once)
            if fine_tune is None:
                return None
            if fine_tune.cancel_requested:
                self.settle_cancelled(tables, fine_tune)
                return None
            if fine_tune.takeovers > MAX_TAKEOVERS:
                self._settle_failed(
                    tables,
                    fine_tune,
                    code="worker_died",
                    error=f"The training process ended without a word {fine_tune.takeovers} times, last in the stage "
                    f"“{fine_tune.stage}”. Often that is too little memory: close other programs, then Retry.",
                )
                return None
            return _with_idle_time_left_out(tables, fine_tune)

    def renew(self, fine_tune_id: str, *, owner: str) -> FineTune:
        """Keep the lease; the row may say `cancel_requested`. Raises LeaseLost."""
        with self._storage.write() as tables:
            return _held(tables.fine_tunes.renew(fine_tune_id, owner=owner))

    def report(self, fine_tune: FineTune, progress: RunProgress, *, owner: str) -> FineTune:
        """Write progress and a point of the curve; raises LeaseLost."""
        with self._storage.write() as tables:
            before = tables.fine_tunes.find(fine_tune.id)
            changes: dict[str, Any] = {
                "stage": progress.stage,
                "step": progress.step,
                "steps": progress.steps,
                "progress": max(progress.progress, before.progress if before else 0.0),
                "eta_seconds": progress.eta_seconds,
                "progressed_at": now(),
            }
            if progress.message:
                changes["message"] = progress.message
            if before and before.stage != progress.stage:
                changes |= {"stage_started_at": now(), "stage_seconds": _with_stage_ended(before)}
            held = _held(tables.fine_tunes.update_leased(fine_tune.id, owner=owner, **changes))
            tables.training_events.insert(
                TrainingEvent(
                    fine_tune_id=fine_tune.id,
                    attempt=fine_tune.attempt,
                    stage=progress.stage,
                    step=progress.step,
                    steps=progress.steps,
                    loss=progress.loss,
                    message=progress.message,
                )
            )
            return held

    def complete(self, fine_tune: FineTune, voices: Sequence[Voice], report: dict[str, Any], *, owner: str) -> FineTune:
        """Status, voices and charge in one transaction; raises LeaseLost, then nothing is charged.

        A run that its person has cancelled meanwhile ends as cancelled.
        """
        with self._storage.write() as tables:
            before = _held(tables.fine_tunes.renew(fine_tune.id, owner=owner))
            if before.cancel_requested:
                return self.settle_cancelled(tables, before)
            held = _held(
                tables.fine_tunes.update_leased(
                    fine_tune.id,
                    owner=owner,
                    status=Status.COMPLETED,
                    finished_at=now(),
                    progress=1.0,
                    eta_seconds=0.0,
                    report=report,
                    stage_seconds=_with_stage_ended(before),
                    lease_owner=None,
                )
            )
            completed_at = now()
            for voice in reversed(voices):  # lists are newest first, and V0 comes first
                tables.voices.insert(replace(voice, created_at=completed_at))
            self._accounts.charge(tables, held)
            announce_end(tables, held)
            return held

    def fail(
        self,
        fine_tune: FineTune,
        *,
        owner: str,
        code: str,
        error: str,
        user_errors: Sequence[dict[str, str]] = (),
        report: dict[str, Any] | None = None,
    ) -> FineTune:
        """End a run with a reason and release its hold; raises LeaseLost."""
        with self._storage.write() as tables:
            held = _held(tables.fine_tunes.update_leased(fine_tune.id, owner=owner, report=report or {}))
            if held.cancel_requested:
                return self.settle_cancelled(tables, held)
            return self._settle_failed(tables, held, code=code, error=error, user_errors=user_errors)

    def cancelled(self, fine_tune: FineTune, *, owner: str) -> FineTune:
        """End a run that its person has cancelled; raises LeaseLost."""
        with self._storage.write() as tables:
            return self.settle_cancelled(tables, _held(tables.fine_tunes.renew(fine_tune.id, owner=owner)))

    def hand_back(self, fine_tune: FineTune, *, owner: str) -> None:
        """Put a run back into the queue, for another worker to go on with; nothing happens without the lease."""
        with self._storage.write() as tables:
            tables.fine_tunes.update_leased(
                fine_tune.id, owner=owner, status=Status.CREATED, lease_owner=None, lease_expires_at=None
            )

    def discard_if_deleted(self, fine_tune: FineTune) -> None:
        """Remove what a run has written after its clone was deleted."""
        with self._storage.read() as tables:
            is_deleted = tables.fine_tunes.find(fine_tune.id) is None
        if is_deleted:
            media = self._storage.media
            media.remove(media.fine_tune_folder(fine_tune.id))

    def settle_cancelled(self, tables: Tables, fine_tune: FineTune) -> FineTune:
        return self._settle_failed(tables, fine_tune, code=CANCELLED, error="Cancelled by you.")

    def _settle_failed(
        self,
        tables: Tables,
        fine_tune: FineTune,
        *,
        code: str,
        error: str,
        user_errors: Sequence[dict[str, str]] = (),
    ) -> FineTune:
        self._accounts.release(tables, fine_tune)
        ended = tables.fine_tunes.update(
            fine_tune.id,
            status=Status.FAILED,
            finished_at=now(),
            lease_owner=None,
            cancel_requested=False,
            eta_seconds=None,
            error_code=code,
            error=error,
            user_errors=list(user_errors) or [{"code": code, "message": error}],
            stage_seconds=_with_stage_ended(fine_tune),
        )
        announce_end(tables, ended)
        return ended


def _with_idle_time_left_out(tables: Tables, fine_tune: FineTune) -> FineTune:
    """Move the start on by the time in which no worker had the run: it does not count against its minutes."""
    idle = seconds_between(fine_tune.progressed_at or now(), now())
    return tables.fine_tunes.update(
        fine_tune.id, started_at=later(fine_tune.started_at or now(), idle), progressed_at=now()
    )


def _held(fine_tune: FineTune | None) -> FineTune:
    if fine_tune is None:
        raise LeaseLost
    return fine_tune


def _with_stage_ended(fine_tune: FineTune) -> dict[str, float]:
    """The seconds of each stage, the one that ends now included."""
    seconds = dict(fine_tune.stage_seconds)
    if fine_tune.stage and fine_tune.stage_started_at:
        spent = seconds_between(fine_tune.stage_started_at, now())
        seconds[fine_tune.stage] = round(seconds.get(fine_tune.stage, 0.0) + spent, 2)
    return seconds
