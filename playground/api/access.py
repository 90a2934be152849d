"""Who asks and whether they may, before a request is read: keys, tokens and sessions, scopes, and the rate."""

import re

from fastapi.concurrency import run_in_threadpool
from starlette.datastructures import Headers, QueryParams
from starlette.requests import HTTPConnection, cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from playground.api.errors import error_response, fault_of
from playground.api.rate import Rate
from playground.api.requests import api_name
from playground.api.status import prefers_json
from playground.services.access import Access
from playground.services.errors import KeyRefused, ScopeRefused, ServiceError
from playground.services.keys import Caller, Permission

COOKIE = "playground_session"
SIGN_IN = "/sign-in"
OPEN = (SIGN_IN, "/sign-out")
"""What is answered without a key."""

PERMISSIONS = {
    "/tts": Permission.TTS,
    "/infill": Permission.TTS,
    "/voice-changer": Permission.TTS,
    "/v1/audio/speech": Permission.TTS,
    "/stt": Permission.STT,
    "/v1/audio/transcriptions": Permission.STT,
    "/access-token": Permission.TOKENS,
}
RECORDING = re.compile(r"/voices/[^/]+/reference/?")
"""Under the library's addresses, but a piece of a person's recordings."""
LIBRARY = ("/voices", "/accents", "/locales", "/models", "/v1/models", "/pronunciation-dicts", "/openapi.json")
"""What every key may read."""


class AccessControl:
    """Refuses who has no right to ask, and puts the caller into the request's state."""

    def __init__(self, app: ASGIApp, *, access: Access, rate: Rate) -> None:
        self.app = app
        self._access = access
        self._rate = rate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or scope["path"].rstrip("/") in OPEN:
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            caller = await self._caller(scope)
            _require(permission_for(scope), caller)
            if api_name(scope["path"]):
                self._rate.count(caller)
        except ServiceError as error:
            await _refusal(connection, error)(scope, receive, send)
            return
        connection.state.caller = caller
        await self.app(scope, receive, send)

    async def _caller(self, scope: Scope) -> Caller:
        headers = Headers(scope=scope)
        credential, session = credential_of(scope, headers), session_of(headers)
        if not (credential or session):
            return self._access.caller("")
        return await run_in_threadpool(self._access.caller, credential, session=session)


def credential_of(scope: Scope, headers: Headers) -> str:
    """The key or token that is shown: by header, or in the query of a WebSocket, where browsers have no headers."""
    kind, _, bearer = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and bearer.strip():
        return bearer.strip()
    shown = headers.get("x-api-key", "").strip()
    if shown or scope["type"] != "websocket":
        return shown
    query = QueryParams(scope["query_string"])
    return query.get("api_key") or query.get("access_token") or ""


def session_of(headers: Headers) -> str:
    """What the page's cookie holds, or nothing; what other programs of this host have set may be of any form."""
    return cookie_parser("; ".join(headers.getlist("cookie"))).get(COOKIE, "")


def permission_for(scope: Scope) -> Permission:
    """What a request needs."""
    path = scope["path"]
    for beginning, permission in PERMISSIONS.items():
        if _is_within(path, beginning):
            return permission
    if RECORDING.fullmatch(path):
        return Permission.MANAGE
    is_reading = scope["type"] == "http" and scope["method"] in ("GET", "HEAD")
    is_status = path == "/" and prefers_json(Headers(scope=scope).get("accept", ""))
    if is_reading and (is_status or any(_is_within(path, beginning) for beginning in LIBRARY)):
        return Permission.LIBRARY
    return Permission.MANAGE


def _is_within(path: str, beginning: str) -> bool:
    return path == beginning or path.startswith(f"{beginning}/")


def _require(permission: Permission, caller: Caller) -> None:
    if permission not in caller.permissions:
        raise ScopeRefused("This key or token is not for that; a key for everything is needed.")


def _refusal(connection: HTTPConnection, error: ServiceError) -> Response:
    """Words for programs; a person without a session is sent to sign in."""
    scope = connection.scope
    is_page = scope["type"] == "http" and scope["method"] == "GET" and not api_name(scope["path"])
    if is_page and isinstance(error, KeyRefused) and "text/html" in connection.headers.get("accept", ""):
        return RedirectResponse(SIGN_IN, status_code=303)
    response = error_response(connection, **vars(fault_of(error)))
    if isinstance(error, KeyRefused):
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
