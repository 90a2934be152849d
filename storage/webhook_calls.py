"""The table of calls to webhooks: a queue that survives a restart."""

import json
from collections.abc import Collection

from storage.records import WebhookCall
from storage.table import Table
from storage.times import later, now


class WebhookCalls(Table[WebhookCall]):
    """Rows of `WebhookCall`."""

    name = "webhook_calls"
    kind = "webhook call"
    record = WebhookCall

    def claim(self, *, lease_seconds: float, busy: Collection[str]) -> WebhookCall | None:
        """The call that is due longest, not due again before its lease has run out; counts one attempt more.

        None to an address that is `busy`.
        """
        claimed = self._query(
            """
            update webhook_calls set attempts = attempts + 1, due_at = :again
            where id = (
                select id from webhook_calls
                where due_at <= :now and url not in (select value from json_each(:busy))
                order by due_at, rowid limit 1
            )
            returning *
            """,
            {"now": now(), "again": later(now(), lease_seconds), "busy": json.dumps([*busy])},
        )
        return claimed[0] if claimed else None
