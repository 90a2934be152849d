"""The table of credit movements."""

from storage.records import LedgerEntry
from storage.table import Table


class Ledger(Table[LedgerEntry]):
    """Rows of `LedgerEntry`, appended only."""

    name = "ledger"
    kind = "ledger entry"
    record = LedgerEntry

    def balance(self) -> float:
        """The sum of all movements, in credits."""
        return float(next(self._db.query("select coalesce(sum(amount), 0) as balance from ledger"))["balance"])

    def held(self, fine_tune_id: str) -> float:
        """Credits that are held for a fine-tune and neither charged nor released."""
        row = next(
            self._db.query(
                "select coalesce(-sum(amount), 0) as held from ledger"
                " where fine_tune_id = ? and kind in ('hold', 'release')",
                [fine_tune_id],
            )
        )
        return float(row["held"])
