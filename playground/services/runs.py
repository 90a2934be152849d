"""The run of a fine-tune as the worker sees it: its fixed clips, its lease, its progress, its end."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from model.files import written_aside
from model.transcription import primary_language
from playground.services.accounts import Accounts
from playground.services.webhooks import announce_end
from storage.database import Storage, Tables
from storage.records import Clip, FineTune, Status, TrainingEvent, Voice, later, now, seconds_between

MAX_TAKEOVERS = 3
CANCELLED = "cancelled_by_user"


@dataclass(frozen=True, kw_only=True)
class RunClip:
    """A clip as a run has fixed it; `path` is relative to the data folder."""

    id: str
    path: str
    transcript: str
    duration_seconds: float
    is_heard: bool = False
    """Whether recognition has listened to it, even if it heard no words."""
    is_noisy: bool = False
    """Whether its noise is still to be reduced, as its dataset asks for."""


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
    """Reads and writes of a run's row and folder."""

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
            self._storage.media.remove(self.folder(fine_tune))

    def settle_cancelled(self, tables: Tables, fine_tune: FineTune) -> FineTune:
        return self._settle_failed(tables, fine_tune, code=CANCELLED, error="Cancelled by you.")

    def folder(self, fine_tune: FineTune) -> Path:
        return self._storage.media.fine_tune_folder(fine_tune.id)

    def fix_clips(self, tables: Tables, fine_tune: FineTune) -> None:
        """Give the run its own names for the dataset's clips, so that the dataset may change meanwhile."""
        dataset = tables.datasets.find(fine_tune.dataset_id or "")
        reduces_noise = dataset is not None and dataset.reduces_noise
        clips = [
            self._fixed(clip, fine_tune, reduces_noise=reduces_noise)
            for clip in tables.clips.where("dataset_id = ? and not is_excluded", [fine_tune.dataset_id or ""])
        ]
        self.write_clips(fine_tune, clips)

    def _fixed(self, clip: Clip, fine_tune: FineTune, *, reduces_noise: bool) -> RunClip:
        """The run's own name for a clip, or for its copy with less noise, where one is wanted and was made already."""
        media = self._storage.media
        quieter = media.clip_without_noise(clip)
        is_quieter = reduces_noise and quieter.exists()
        name = without_noise(clip.id) if is_quieter else f"{clip.id}.wav"
        return RunClip(
            id=clip.id,
            path=media.link_in(
                quieter if is_quieter else media.path(clip.path), self.folder(fine_tune) / "clips" / name
            ),
            transcript=_text(clip, fine_tune.language),
            duration_seconds=clip.duration_seconds,
            is_heard=_is_heard(clip, fine_tune.language),
            is_noisy=reduces_noise and not is_quieter,
        )

    def forget_clips(self, fine_tune: FineTune) -> None:
        """Before another attempt: the dataset may have changed. Without one, the run's own clips stay."""
        if fine_tune.dataset_id is not None:
            (self.folder(fine_tune) / "clips.json").unlink(missing_ok=True)

    def fix_clips_when_checked(self, fine_tune: FineTune) -> int:
        """Fix the clips unless they are, and give how many files are still being checked (0 when fixed)."""
        with self._storage.write() as tables:
            if (self.folder(fine_tune) / "clips.json").exists():
                return 0
            pending = sum(file.is_pending for file in tables.files.of_dataset(fine_tune.dataset_id or ""))
            if not pending:
                self.fix_clips(tables, fine_tune)
            return pending

    def write_clips(self, fine_tune: FineTune, clips: Sequence[RunClip]) -> None:
        path = self.folder(fine_tune) / "clips.json"
        with written_aside(path) as part:
            part.write_text(json.dumps([asdict(clip) for clip in clips], ensure_ascii=False), encoding="utf-8")

    def read_clips(self, fine_tune: FineTune) -> list[RunClip]:
        """The clips that the run has fixed; none when it never had any."""
        path = self.folder(fine_tune) / "clips.json"
        if not path.exists():
            return []
        return [RunClip(**clip) for clip in json.loads(path.read_text(encoding="utf-8"))]

    def with_known_texts(self, fine_tune: FineTune, clips: Sequence[RunClip]) -> list[RunClip]:
        """The clips with what the dataset knows of them by now; those that it no longer has stay as they are."""
        with self._storage.read() as tables:
            rows = {clip.id: clip for clip in tables.clips.of_dataset(fine_tune.dataset_id or "")}
        language = fine_tune.language
        return [
            replace(clip, transcript=_text(row, language), is_heard=_is_heard(row, language))
            if (row := rows.get(clip.id)) and (_text(row, language) or _is_heard(row, language))
            else clip
            for clip in clips
        ]

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


def without_noise(clip_id: str) -> str:
    """What a run calls the copy of a clip with less noise."""
    return f"{clip_id}-without-noise.wav"


def _is_heard(clip: Clip, language: str) -> bool:
    """Whether recognition has listened to a clip in the language of the run."""
    return clip.heard is not None and clip.language == primary_language(language)


def _text(clip: Clip, language: str) -> str:
    """A clip's transcript if it is a person's, or was heard in the language of the run; else nothing."""
    is_fit = clip.transcript_source.is_persons or _is_heard(clip, language)
    return clip.transcript if is_fit else ""


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
