"""Around every request: its id, the last resort for errors, and one form for paths with and without a last slash."""

import logging
import time
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.api.errors import error_response
from playground.processes import REQUEST_ID

log = logging.getLogger(__name__)

RESOURCES = (
    "access-token",
    "accents",
    "datasets",
    "fine-tunes",
    "models",
    "pronunciation-dicts",
    "sign-in",
    "sign-out",
    "speeches",
    "stt",
    "tts",
    "v1",
    "voices",
)
NOT_YET = (*("agents", "api-keys", "files", "infill", "locales", "usage", "voice-changer"),)
API_NAMES = frozenset((*RESOURCES, *NOT_YET))
"""First segments of the paths that belong to the API; all others are the page's."""


def api_name(path: str) -> str | None:
    """`datasets` of `/datasets/x/`; None when the path is the page's."""
    name = path.split("/")[1] if path.startswith("/") else ""
    return name if name in API_NAMES else None


STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


class RequestIds:
    """Gives each request an id, and answers 500 where an error was not expected. The outermost middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        request_id = str(uuid4())
        REQUEST_ID.set(request_id)
        scope.setdefault("state", {})["request_id"] = request_id
        began = time.monotonic()
        status: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] in STARTS:
                status = message.get("status", 101)
                message.setdefault("headers", [])
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except ClientDisconnect:
            log.info("request %s: the client went away", request_id)
        except Exception:
            log.exception("request %s failed: %s", request_id, quote(scope["path"]))
            if status is not None or scope["type"] != "http":
                raise
            response = error_response(
                Request(scope),
                status=500,
                title="Internal error",
                message=f"Something failed that should not. The log says more under the id {request_id}.",
                code="internal_error",
            )
            await response(scope, receive, send_with_id)
        finally:
            if api_name(scope["path"]):
                log.info("%s: %s in %.0f ms", _words(scope), status, (time.monotonic() - began) * 1000)


def _words(scope: Scope) -> str:
    """`POST /datasets by key_…`: without the query, which may hold a key, and quoted, so that it stays one line."""
    caller: Any = scope["state"].get("caller")
    method, path = scope.get("method", "WebSocket"), quote(scope["path"])
    return f"{method} {path} by {caller.id if caller else 'nobody known'}"


class OneSlashForm:
    """Takes the last slash off the API's paths, so that both forms reach the same route without a redirect."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket") and scope["path"].endswith("/") and api_name(scope["path"]):
            scope = {**scope, "path": scope["path"].rstrip("/")}
        await self.app(scope, receive, send)
