"""The table of fine-tunes, and the lease by which one worker at a time owns a run."""

from typing import Any

from storage.records import FineTune
from storage.table import NEWEST_FIRST, Table
from storage.times import later, now

LEASE_SECONDS = 15.0


class FineTunes(Table[FineTune]):
    """Rows of `FineTune`."""

    name = "fine_tunes"
    kind = "fine-tune"
    record = FineTune

    def claim(self, *, owner: str, at_once: int) -> FineTune | None:
        """Lease the oldest queued run, or one whose lease ran out, unless `at_once` runs are alive already.

        A run that is taken over from a dead worker counts one takeover more.
        """
        claimed = self._query(
            """
            update fine_tunes set
                takeovers = takeovers + (status = 'training'),
                status = 'training',
                started_at = coalesce(started_at, :now),
                lease_owner = :owner,
                lease_expires_at = :expires
            where id = (
                select id from fine_tunes
                where status = 'created' or (status = 'training' and lease_expires_at < :now)
                order by queued_at, rowid limit 1
            ) and (
                select count(*) from fine_tunes where status = 'training' and lease_expires_at >= :now
            ) < :at_once
            returning *
            """,
            {"now": now(), "expires": later(now(), LEASE_SECONDS), "owner": owner, "at_once": at_once},
        )
        return claimed[0] if claimed else None

    def renew(self, id: str, *, owner: str) -> FineTune | None:
        """Keep the lease; None when this owner has it no more."""
        return self.update_leased(id, owner=owner, lease_expires_at=later(now(), LEASE_SECONDS))

    def update_leased(self, id: str, *, owner: str, **changes: Any) -> FineTune | None:
        """Write columns of a run that this owner holds; None when it does not hold it any more."""
        held = self.where("id = ? and lease_owner = ? and status = 'training'", [id, owner])
        return self.update(id, **changes) if held else None

    def queue_position(self, fine_tune: FineTune) -> int:
        """1 for the run that is next, counting those that wait."""
        return self.count("status = 'created' and queued_at <= ?", [fine_tune.queued_at])

    def using_dataset(self, dataset_id: str) -> list[FineTune]:
        """The runs that wait or train on a dataset."""
        return self.where("dataset_id = ? and status in ('created', 'training')", [dataset_id])

    def newest_of_dataset(self, dataset_id: str) -> FineTune | None:
        """The newest clone that uses a dataset, a draft too."""
        newest = self.where("dataset_id = ?", [dataset_id], order_by=NEWEST_FIRST, limit=1)
        return newest[0] if newest else None
