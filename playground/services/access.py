"""Who a request comes from: a key, an access token, a session of the page, or this machine itself."""

import time
from collections.abc import Collection
from dataclasses import replace
from typing import Any, Literal

import jwt

from playground.services.errors import KeyRefused
from playground.services.keys import LOCAL, Caller, Keys, Permission
from playground.settings import Settings
from storage.database import Storage
from storage.records import EndedSession, new_id
from storage.times import at

ALGORITHM = "HS256"
LONGEST_TOKEN_SECONDS = 3600
SESSION_SECONDS = 30 * 24 * 3600
Audience = Literal["api", "page"]
EXPIRED = "The access token has expired; ask for a new one."
NO_KEY = "Send a key of this playground as Authorization: Bearer KEY. The page makes keys under “API”."


class Access:
    """Knows callers by what they show. Tokens and sessions are signed, and fall with the key that they came from."""

    def __init__(self, storage: Storage, settings: Settings, keys: Keys, secret: bytes) -> None:
        self._storage = storage
        self._keys = keys
        self._secret = secret
        self._needs_key = settings.key_on_loopback or not settings.is_loopback

    @property
    def needs_key(self) -> bool:
        """Whether callers without a key are refused."""
        return self._needs_key

    def caller(self, credential: str, *, session: str = "") -> Caller:
        """Who shows this key or access token, or has this session; raises KeyRefused."""
        found = None
        if credential:
            found = self._keys.caller_of(credential) or self._of_signed(credential, "api")
        elif session and self._needs_key:
            found = self._of_signed(session, "page")
        if found is None and not self._needs_key:
            return LOCAL
        if found is None:
            raise KeyRefused(f"This key is not one of this playground. {NO_KEY}" if credential else NO_KEY)
        return found

    def require_still(self, caller: Caller) -> None:
        """For connections that last: raises KeyRefused when the caller's key was revoked, or the token has expired."""
        if caller.until is not None and time.time() >= caller.until:
            raise KeyRefused(EXPIRED, code="token_expired")
        if caller.id != LOCAL.id:
            self._keys.caller_with_id(caller.id)

    def token(self, caller: Caller, *, seconds: int, permissions: Collection[Permission]) -> str:
        """An access token: it may what is named and its caller may, for so long."""
        granted = sorted(caller.permissions.intersection(permissions))
        return self._signed(caller, "api", seconds=seconds, permissions=granted)

    def session(self, credential: str) -> str:
        """What the page's cookie holds; raises KeyRefused unless it is a key that may do everything."""
        caller = self._keys.caller_of(credential.strip())
        if caller is None:
            raise KeyRefused("This is not a key of this playground.")
        if Permission.MANAGE not in caller.permissions:
            raise KeyRefused("This key is for speech only; the page needs one for everything.")
        return self._signed(caller, "page", seconds=SESSION_SECONDS, permissions=sorted(caller.permissions))

    def end(self, session: str) -> None:
        """Refuse a session from now on, wherever its cookie has got to; what is none is passed over."""
        try:
            claims = self._claims(session, "page")
        except jwt.InvalidTokenError:
            return
        with self._storage.write() as tables:
            tables.ended_sessions.forget_expired()
            if tables.ended_sessions.find(claims["jti"]) is None:
                tables.ended_sessions.insert(EndedSession(id=claims["jti"], expires_at=at(claims["exp"])))

    def _signed(self, caller: Caller, audience: Audience, *, seconds: int, permissions: list[Permission]) -> str:
        claims = {
            "jti": new_id(audience),
            "sub": caller.id,
            "aud": audience,
            "exp": int(time.time()) + seconds,
            "permissions": permissions,
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHM)

    def _claims(self, text: str, audience: Audience) -> dict[str, Any]:
        """Raises InvalidTokenError."""
        return jwt.decode(
            text,
            self._secret,
            algorithms=[ALGORITHM],
            audience=audience,
            options={"require": ["jti", "sub", "exp"]},
        )

    def _of_signed(self, text: str, audience: Audience) -> Caller | None:
        try:
            claims = self._claims(text, audience)
        except jwt.ExpiredSignatureError:
            raise KeyRefused(EXPIRED, code="token_expired") from None
        except jwt.InvalidTokenError:
            return None
        if audience == "page" and self._has_ended(claims["jti"]):
            return None
        owner = LOCAL if claims["sub"] == LOCAL.id and not self._needs_key else self._keys.caller_with_id(claims["sub"])
        permissions = {Permission(permission) for permission in claims["permissions"]}
        return owner and replace(owner, permissions=owner.permissions & permissions, until=claims["exp"])

    def _has_ended(self, session_id: str) -> bool:
        with self._storage.read() as tables:
            return tables.ended_sessions.find(session_id) is not None
