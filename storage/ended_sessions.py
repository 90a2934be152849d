"""The table of sessions that were ended before their time."""

from storage.records import EndedSession
from storage.table import Table
from storage.times import now


class EndedSessions(Table[EndedSession]):
    """Rows of `EndedSession`."""

    name = "ended_sessions"
    kind = "ended session"
    record = EndedSession

    def forget_expired(self) -> None:
        """Remove those that would not count any more anyway."""
        self.delete_where("expires_at < ?", [now()])
