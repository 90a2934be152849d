"""Who may ask: hosts, origins and frames against DNS rebinding and foreign pages, and how much they may send."""

import re
import sys

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from playground.api.errors import error_response
from playground.api.requests import api_name
from playground.settings import Settings

LOOPBACK_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
ORIGIN = re.compile(r"(https?)://([^/?#@]+)", re.IGNORECASE)
DEFAULT_PORTS = {"http": "80", "https": "443", "ws": "80", "wss": "443"}
READING_METHODS = ("GET", "HEAD", "OPTIONS")

LARGEST_JSON = 1024**2
FORM_OVERHEAD = 64 * 1024
"""Bytes that a form may need around the recording that it carries."""
FORMS = re.compile(r"/datasets/[^/]+/files|/voices/clone|/stt|/v1/audio/transcriptions")
"""What takes recordings as forms. All else is read whole, whatever its type says, or before a key is asked for."""
HEARING = ("/stt", "/v1/audio/transcriptions")
LARGEST_HEARD = 100 * 1024**2
"""Of a recording that is only heard, not kept."""


class Guard:
    """Refuses other hosts than the machine's own, and pages of other origins that would change something."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self.app = app
        self._is_loopback = settings.is_loopback

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = "" if scope["type"] == "lifespan" else self._refusal(scope, Headers(scope=scope))
        if not refusal:
            await self.app(scope, receive, _unframed(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal})
        else:
            response = error_response(Request(scope), status=403, title="Forbidden", message=refusal, code="forbidden")
            await response(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> str:
        hosts = headers.getlist("host")
        if self._is_loopback and not (len(hosts) == 1 and LOOPBACK_HOST.fullmatch(hosts[0])):
            return "This server answers to 127.0.0.1, localhost and [::1] only."
        is_reading = scope["type"] == "http" and scope["method"] in READING_METHODS
        for origin in [] if is_reading else headers.getlist("origin"):
            if not _is_same(origin, hosts[0] if hosts else "", scope["scheme"]):
                return f"Requests from pages of {origin} are refused."
        return ""


def _unframed(send: Send) -> Send:
    """Lets no page show ours in a frame, where a person could be led to press its buttons unseen."""

    async def send_unframed(message: Message) -> None:
        if message["type"] == "http.response.start":
            message.setdefault("headers", [])
            MutableHeaders(scope=message)["X-Frame-Options"] = "DENY"
        await send(message)

    return send_unframed


class BodyLimit:
    """Refuses bodies that are too large: before reading when they tell their length, else as soon as it shows."""

    def __init__(self, app: ASGIApp, *, settings: Settings) -> None:
        self.app = app
        self._largest_form = settings.max_upload_bytes + FORM_OVERHEAD

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._limit(scope)
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            message = _too_large(limit)
            response = error_response(
                Request(scope), status=413, title="File too large", message=message, code="file_too_large"
            )
            await response(scope, receive, send)
            return
        seen = 0

        async def receive_within_limit() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise HTTPException(413, _too_large(limit))
            return message

        await self.app(scope, receive_within_limit, send)

    def _limit(self, scope: Scope) -> int:
        if not api_name(scope["path"]):
            return sys.maxsize  # the page sends a whole drop as one request, and judges each file itself
        path = scope["path"].rstrip("/")
        is_multipart = Headers(scope=scope).get("content-type", "").lower().startswith("multipart/")
        if not (is_multipart and FORMS.fullmatch(path)):
            return LARGEST_JSON
        return min(self._largest_form, LARGEST_HEARD + FORM_OVERHEAD) if path in HEARING else self._largest_form


def _too_large(limit: int) -> str:
    return f"A request may have {limit / 1024**2:,.1f} MB here; this one has more."


def _is_same(origin: str, host: str, scheme: str) -> bool:
    """Whether a page's origin has the host and port that it talks to."""
    parts = ORIGIN.fullmatch(origin)
    return parts is not None and _with_port(parts[2], parts[1].lower()) == _with_port(host, scheme)


def _with_port(host: str, scheme: str) -> str:
    has_port = re.search(r":\d+$", host)
    return (host if has_port else f"{host}:{DEFAULT_PORTS[scheme]}").lower()
