"""Who asks for a training over the API, how the request is known again, and where its end is told."""

from dataclasses import asdict, dataclass

from playground.services.errors import ServiceError
from storage.database import Tables
from storage.records import FineTune
from storage.table import NEWEST_FIRST
from storage.times import later, now

REPEATED_WITHIN_SECONDS = 600.0
"""How long the same request, sent again by a client that says so, means the same training."""


class IdempotencyKeyReused(ServiceError):
    """The key stands for another request already."""

    code = "idempotency_key_reused"
    status = 422
    title = "Idempotency key used for something else"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is kept with a training beside its form; empty for those of the page."""

    caller: str = ""
    request_sha256: str = ""
    idempotency_key: str = ""
    webhook_url: str = ""

    def columns(self) -> dict[str, str]:
        return asdict(self)

    def made_before(self, tables: Tables, *, is_repeated: bool) -> FineTune | None:
        """The training that this request has made already; raises IdempotencyKeyReused.

        `is_repeated`: whether the client says that it has sent it before.
        """
        if self.idempotency_key:
            made = tables.fine_tunes.where(
                "caller = ? and idempotency_key = ?", [self.caller, self.idempotency_key], limit=1
            )
            if made and made[0].request_sha256 != self.request_sha256:
                raise IdempotencyKeyReused(
                    f"The Idempotency-Key {self.idempotency_key!r} was sent with another body; take a new one."
                )
            return made[0] if made else None
        if not is_repeated:
            return None
        made = tables.fine_tunes.where(
            "caller = ? and request_sha256 = ? and created_at >= ?",
            [self.caller, self.request_sha256, later(now(), -REPEATED_WITHIN_SECONDS)],
            order_by=NEWEST_FIRST,
            limit=1,
        )
        return made[0] if made else None
