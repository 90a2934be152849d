"""Webhooks: the end of a training told to the address that its request named, signed, and again until it arrives.

Signed as in Standard Webhooks (https://www.standardwebhooks.com), so that its libraries check them.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import logging
import threading
import time

from storage.database import Storage, Tables
from storage.records import FineTune, WebhookCall
from storage.times import later, now

log = logging.getLogger(__name__)

PAUSES_SECONDS = (5, 30, 120, 600, 3600, 6 * 3600)
"""Between the attempts; after the last one a call is given up."""
TIMEOUT_SECONDS = 10.0
"""For one attempt, whatever the receiver does meanwhile."""
LEASE_SECONDS = 60.0
"""For one attempt: a call whose process died in it is due again then."""
SECRET_PREFIX = "whsec_"


def announce_end(tables: Tables, fine_tune: FineTune) -> None:
    """Queue the news that a run has ended, in the transaction that ends it."""
    if not fine_tune.webhook_url:
        return
    news = {name: getattr(fine_tune, name) for name in ("id", "name", "status", "attempt", "error", "user_errors")}
    body = {"type": f"fine_tune.{fine_tune.status}", "timestamp": now(), "data": news}
    tables.webhook_calls.insert(
        WebhookCall(fine_tune_id=fine_tune.id, url=fine_tune.webhook_url, body=json.dumps(body, ensure_ascii=False))
    )


class Webhooks:
    """Delivers what is queued."""

    def __init__(self, storage: Storage, secret: bytes) -> None:
        self._storage = storage
        self._secret = secret
        self._claiming = threading.Lock()
        self._busy: set[str] = set()

    @property
    def secret(self) -> str:
        """What receivers check signatures with."""
        return SECRET_PREFIX + base64.b64encode(self._secret).decode()

    def signature(self, id: str, timestamp: str, body: str) -> str:
        """HMAC-SHA256 over id, timestamp and body, as the header `webhook-signature` has it."""
        digest = hmac.new(self._secret, f"{id}.{timestamp}.{body}".encode(), hashlib.sha256).digest()
        return f"v1,{base64.b64encode(digest).decode()}"

    def deliver_next(self) -> bool:
        """Make one call that is due, to an address that no other thread is calling; gives False when there is none."""
        call = self._claimed()
        if call is None:
            return False
        try:
            self._note(call, asyncio.run(self._send(call)))
        finally:
            self._busy.discard(call.url)
        return True

    def _claimed(self) -> WebhookCall | None:
        with self._claiming:
            with self._storage.read() as tables:
                if not tables.webhook_calls.count("due_at <= ?", [now()]):
                    return None
            with self._storage.write() as tables:
                call = tables.webhook_calls.claim(lease_seconds=LEASE_SECONDS, busy=self._busy)
            if call is not None:
                self._busy.add(call.url)
            return call

    def _note(self, call: WebhookCall, fault: str) -> None:
        with self._storage.write() as tables:
            if not fault:
                tables.webhook_calls.update(call.id, delivered_at=now(), due_at=None, last_error="")
                return
            is_last = call.attempts > len(PAUSES_SECONDS)
            due_at = None if is_last else later(now(), PAUSES_SECONDS[call.attempts - 1])
            tables.webhook_calls.update(call.id, due_at=due_at, last_error=fault)
        log.warning("webhook %s to %s failed (attempt %d): %s", call.id, call.url, call.attempts, fault)

    async def _send(self, call: WebhookCall) -> str:
        """What went wrong, or nothing. The answer's body is not read, redirects are not followed."""
        import httpx

        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "voice-playground",
            "webhook-id": call.id,
            "webhook-timestamp": timestamp,
            "webhook-signature": self.signature(call.id, timestamp, call.body),
        }
        try:
            async with (
                asyncio.timeout(TIMEOUT_SECONDS),
                httpx.AsyncClient(timeout=None) as client,
                client.stream("POST", call.url, content=call.body.encode(), headers=headers) as answer,
            ):
                return "" if answer.is_success else f"It answered {answer.status_code}."
        except TimeoutError:
            return f"It did not answer within {TIMEOUT_SECONDS:g} s."
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            return f"{type(error).__name__}: {error}"
