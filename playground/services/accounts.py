"""Plan, prices and credits: who may clone, what it costs, and the ledger."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from playground.services.errors import PlanRefused, QuotaExceeded
from playground.settings import Settings
from storage.database import Storage, Tables
from storage.records import FineTune, LedgerEntry, LedgerKind


@dataclass(frozen=True, kw_only=True)
class Account:
    """What the usage page shows, in credits."""

    plan: str
    pvc_enabled: bool
    balance: float
    held: float
    spent: float
    granted: float


class Accounts:
    """Credits of this installation."""

    def __init__(self, storage: Storage, settings: Settings) -> None:
        self._storage = storage
        self._settings = settings
        self._reserving = threading.Lock()
        self._reserved: list[float] = []

    def begin(self) -> None:
        """Grant what the settings say, unless something was granted before."""
        with self._storage.write() as tables:
            if not tables.ledger.count("kind = 'grant'"):
                tables.ledger.insert(_grant(self._settings.credits))

    def grant(self) -> None:
        """Bring what was granted to what the settings say: those of the server, no command's."""
        with self._storage.write() as tables:
            missing = self._settings.credits - sum(entry.amount for entry in tables.ledger.where("kind = 'grant'"))
            if missing:
                tables.ledger.insert(_grant(missing))

    @property
    def pvc_enabled(self) -> bool:
        plan = self._settings.plan
        return plan == "enterprise" or (plan == "scale" and self._settings.pvc_on_scale)

    @property
    def plan_refusal(self) -> str:
        """The words for a plan without Pro Voice Cloning."""
        address = self._settings.support_address
        contact = f"Contact support at {address}" if address else "Contact support"
        return f"Pro Voice Cloning is not part of the plan “{self._settings.plan}”. {contact} to enable it."

    def require_pvc(self) -> None:
        """Raises PlanRefused."""
        if not self.pvc_enabled:
            raise PlanRefused(self.plan_refusal)

    @property
    def training_price(self) -> float:
        return self._settings.training_credits

    def speech_price(self, text: str, *, fine_tuned: bool) -> float:
        """Credits for a text; more when a clone speaks on its own model."""
        settings = self._settings
        rate = settings.pvc_credits_per_character if fine_tuned else settings.credits_per_character
        return rate * len(text)

    @contextmanager
    def reserved(self, credits: float) -> Iterator[None]:
        """Keep credits free in this process until what they are for has been charged; raises QuotaExceeded."""
        with self._storage.read() as tables, self._reserving:
            self._require(tables, credits)
            self._reserved.append(credits)
        try:
            yield
        finally:
            with self._reserving:
                self._reserved.remove(credits)

    def hold(self, tables: Tables, fine_tune: FineTune) -> None:
        """Set the price of a training aside; raises QuotaExceeded."""
        self._require(tables, self.training_price)
        tables.ledger.insert(
            LedgerEntry(
                kind=LedgerKind.HOLD,
                amount=-self.training_price,
                note=f"Held for training “{fine_tune.name}”",
                fine_tune_id=fine_tune.id,
                attempt=fine_tune.attempt,
            )
        )

    def release(self, tables: Tables, fine_tune: FineTune) -> None:
        """Give back what is held for a training, if anything is."""
        held = tables.ledger.held(fine_tune.id)
        if held:
            tables.ledger.insert(
                LedgerEntry(
                    kind=LedgerKind.RELEASE,
                    amount=held,
                    note=f"Released: training “{fine_tune.name}” was not completed",
                    fine_tune_id=fine_tune.id,
                    attempt=fine_tune.attempt,
                )
            )

    def charge(self, tables: Tables, fine_tune: FineTune) -> None:
        """Turn the hold of a training into its charge; the schema allows one charge per clone."""
        held = tables.ledger.held(fine_tune.id)
        for kind, amount, note in (
            (LedgerKind.RELEASE, held, f"Hold ended: training “{fine_tune.name}” completed"),
            (LedgerKind.CHARGE, -held, f"Training “{fine_tune.name}”"),
        ):
            tables.ledger.insert(
                LedgerEntry(kind=kind, amount=amount, note=note, fine_tune_id=fine_tune.id, attempt=fine_tune.attempt)
            )

    def charge_speech(self, tables: Tables, credits: float, *, note: str) -> None:
        tables.ledger.insert(LedgerEntry(kind=LedgerKind.SPEECH, amount=-credits, note=note))

    def account(self) -> Account:
        with self._storage.read() as tables:
            entries = tables.ledger.where()
        amounts = {kind: sum(e.amount for e in entries if e.kind == kind) for kind in LedgerKind}
        return Account(
            plan=self._settings.plan,
            pvc_enabled=self.pvc_enabled,
            balance=sum(amounts.values()),
            held=-(amounts[LedgerKind.HOLD] + amounts[LedgerKind.RELEASE]),
            spent=-(amounts[LedgerKind.CHARGE] + amounts[LedgerKind.SPEECH]),
            granted=amounts[LedgerKind.GRANT],
        )

    def ledger(self, limit: int = 200) -> list[LedgerEntry]:
        """The last movements, newest first."""
        with self._storage.read() as tables:
            return tables.ledger.page(limit=limit).records

    def _require(self, tables: Tables, credits: float) -> None:
        available = max(tables.ledger.balance() - sum(self._reserved), 0)
        if credits > available:
            raise QuotaExceeded(needed=credits, available=available)


def _grant(credits: float) -> LedgerEntry:
    return LedgerEntry(kind=LedgerKind.GRANT, amount=credits, note="Credits of this installation")
