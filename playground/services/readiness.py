"""Whether a clone can be trained."""

from dataclasses import dataclass

from playground.services.accounts import Accounts
from playground.services.datasets import MINIMUM_SECONDS, RECOMMENDED_SECONDS
from playground.services.held_out import HEARD_SECONDS, LEARNT_SECONDS
from playground.services.run_clips import RunClips
from storage.database import Storage, Tables
from storage.records import FineTune


@dataclass(frozen=True, kw_only=True)
class Readiness:
    """What a training would use and cost, what keeps it from starting, and what speaks against it."""

    files: int
    pending: int
    usable_seconds: float
    credits: float
    balance: float
    problems: tuple[str, ...]
    warnings: tuple[str, ...]


class ReadinessCheck:
    """Looks at the speech of a clone, the credits and the plan."""

    def __init__(self, storage: Storage, accounts: Accounts) -> None:
        self._storage = storage
        self._accounts = accounts

    def of(self, tables: Tables, fine_tune: FineTune, *, may_be_pending: bool = False) -> Readiness:
        """With `may_be_pending` the run itself waits until all files are checked, and judges the speech then."""
        files = tables.files.of_dataset(fine_tune.dataset_id) if fine_tune.dataset_id else []
        pending = sum(file.is_pending for file in files)
        if fine_tune.dataset_id is None and fine_tune.attempt:
            usable = sum(clip.duration_seconds for clip in RunClips(self._storage, fine_tune).read())
        else:
            usable = sum(file.usable_seconds for file in files)
        balance = tables.ledger.balance()
        problems: list[str] = []
        if not (pending and may_be_pending):
            problems += _problems_of_speech(fine_tune, files=len(files), pending=pending, usable_seconds=usable)
        problems += self._problems_of_account(balance)
        return Readiness(
            files=len(files),
            pending=pending,
            usable_seconds=usable,
            credits=self._accounts.training_price,
            balance=balance,
            problems=tuple(problems),
            warnings=() if problems else tuple(_warnings(usable)),
        )

    def _problems_of_account(self, balance: float) -> list[str]:
        problems = []
        price = self._accounts.training_price
        if price > balance:
            problems.append(f"A training costs {price:,.0f} credits; {max(balance, 0):,.0f} are available.")
        if not self._accounts.pvc_enabled:
            problems.append(self._accounts.plan_refusal)
        return problems


def _problems_of_speech(fine_tune: FineTune, *, files: int, pending: int, usable_seconds: float) -> list[str]:
    """The first of what is missing, if anything is."""
    if fine_tune.dataset_id is None and not fine_tune.attempt:
        return ["Choose or create a dataset first."]
    if fine_tune.dataset_id is not None and not files:
        return ["There are no recordings yet: add some under Samples."]
    if pending:
        return [f"{pending} of {files} recordings are still being checked."]
    if usable_seconds < MINIMUM_SECONDS:
        return [
            f"There are {usable_seconds:.0f} seconds of usable speech; at least {MINIMUM_SECONDS:.0f} are needed, "
            f"and {RECOMMENDED_SECONDS / 60:.0f} minutes are recommended."
        ]
    return []


def _warnings(usable_seconds: float) -> list[str]:
    if usable_seconds > HEARD_SECONDS:
        return [
            f"A training learns from {LEARNT_SECONDS / 60:.0f} minutes of speech at most, taken from all "
            f"{usable_seconds / 60:.0f} that there are."
        ]
    if usable_seconds >= RECOMMENDED_SECONDS:
        return []
    minutes = f"{usable_seconds / 60:.1f} minutes"
    return [f"There are {minutes} of speech. It works, but 30 minutes or more give a better voice."]
