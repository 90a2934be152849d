"""Around every request: its id, the last resort for errors, and one form for paths with and without a last slash."""

import logging
from uuid import uuid4

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.api.errors import error_response

log = logging.getLogger(__name__)

RESOURCES = ("datasets", "fine-tunes", "voices", "speeches", "tts")
NOT_YET = (
    *("accents", "access-token", "agents", "api-keys", "files", "infill", "locales", "models"),
    *("pronunciation-dicts", "stt", "usage", "voice-changer"),
)
API_NAMES = frozenset((*RESOURCES, *NOT_YET))
"""First segments of the paths that belong to the API; all others are the page's."""


def api_name(path: str) -> str | None:
    """`datasets` of `/datasets/x/`; None when the path is the page's."""
    name = path.split("/")[1] if path.startswith("/") else ""
    return name if name in API_NAMES else None


class RequestIds:
    """Gives each request an id, and answers 500 where an error was not expected. The outermost middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        request_id = str(uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        has_started = False

        async def send_with_id(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        except ClientDisconnect:
            log.info("request %s: the client went away", request_id)
        except Exception:
            log.exception("request %s failed: %s", request_id, scope["path"])
            if has_started or scope["type"] != "http":
                raise
            response = error_response(
                Request(scope),
                status=500,
                title="Internal error",
                message=f"Something failed that should not. The log says more under the id {request_id}.",
                code="internal_error",
            )
            await response(scope, receive, send_with_id)


class OneSlashForm:
    """Takes the last slash off the API's paths, so that both forms reach the same route without a redirect."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].endswith("/") and api_name(scope["path"]):
            scope = {**scope, "path": scope["path"].rstrip("/")}
        await self.app(scope, receive, send)
