"""API keys: made, shown once, kept as hashes, revoked; and who a key belongs to."""

import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from playground.services.errors import KeyRefused, Refused
from storage.database import Storage
from storage.errors import Locked
from storage.records import ApiKey, new_id
from storage.table import NEWEST_FIRST
from storage.times import now, seconds_between

PREFIX = "sk_car_"
"""What clients of the contract expect keys to begin with."""
USED_EVERY_SECONDS = 60.0
"""Between two notes of the last use: a busy program shall not write a row at every request."""


class Permission(StrEnum):
    """What a request needs."""

    TTS = "tts"
    STT = "stt"
    LIBRARY = "library"
    TOKENS = "tokens"
    MANAGE = "manage"


class Scope(StrEnum):
    """What a key is for."""

    SPEECH = "speech"
    EVERYTHING = "everything"

    @property
    def permissions(self) -> frozenset[Permission]:
        return frozenset(Permission) - ({Permission.MANAGE} if self is Scope.SPEECH else set())


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who asks, by the id of a key, and what they may; by a token or a session, until when (seconds since 1970)."""

    id: str
    permissions: frozenset[Permission]
    until: float | None = None


LOCAL = Caller(id="local", permissions=frozenset(Permission))
"""Whoever asks from this machine without a key, where that is allowed."""


class Keys:
    """The use cases of keys."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def create(self, name: str, scope: Scope) -> tuple[ApiKey, str]:
        """A new key, and its secret, which cannot be read again. Raises Refused without a name."""
        if not name.strip():
            raise Refused("Give the key a name, such as the program that will use it.")
        id = new_id("key")
        secret = f"{PREFIX}{id.removeprefix('key_')}_{secrets.token_urlsafe(32)}"
        key = ApiKey(id=id, name=name.strip(), scope=scope, sha256=_hash(secret), hint=secret[-4:])
        with self._storage.write() as tables:
            return tables.api_keys.insert(key), secret

    def all(self) -> list[ApiKey]:
        """Revoked ones too, newest first."""
        with self._storage.read() as tables:
            return tables.api_keys.where(order_by=NEWEST_FIRST)

    def get(self, key_id: str) -> ApiKey:
        """Raises NotFound."""
        with self._storage.read() as tables:
            return tables.api_keys.get(key_id)

    def revoke(self, key_id: str) -> ApiKey:
        """Refuse a key from now on, for good, with its tokens and sessions. Raises NotFound."""
        with self._storage.write() as tables:
            key = tables.api_keys.get(key_id)
            return key if key.revoked_at else tables.api_keys.update(key_id, revoked_at=now())

    def can_be_managed(self) -> bool:
        """Whether there is a key that may do everything."""
        with self._storage.read() as tables:
            return tables.api_keys.count("revoked_at is null and scope = ?", [Scope.EVERYTHING]) > 0

    def caller_of(self, secret: str) -> Caller | None:
        """Whose secret this is; None when it is none of ours. Raises KeyRefused when it was revoked."""
        id, _, _ = secret.removeprefix(PREFIX).partition("_")
        with self._storage.read() as tables:
            key = tables.api_keys.find(f"key_{id}")
        if key is None or not hmac.compare_digest(key.sha256, _hash(secret)):
            return None
        return self._caller(key)

    def caller_with_id(self, key_id: str) -> Caller | None:
        """The caller whose key this is; None when there is none. Raises KeyRefused when it was revoked."""
        with self._storage.read() as tables:
            key = tables.api_keys.find(key_id)
        return self._caller(key) if key else None

    def _caller(self, key: ApiKey) -> Caller:
        if key.revoked_at:
            raise KeyRefused(f"The key “{key.name}” was revoked.", code="key_revoked")
        if key.last_used_at is None or seconds_between(key.last_used_at, now()) > USED_EVERY_SECONDS:
            with suppress(Locked), self._storage.write(patience_seconds=0) as tables:  # else noted at the next use
                tables.api_keys.update(key.id, last_used_at=now())
        return Caller(id=key.id, permissions=Scope(key.scope).permissions)


def _hash(secret: str) -> str:
    """A plain hash is enough: secrets are 256 random bits, which nobody can guess."""
    return hashlib.sha256(secret.encode()).hexdigest()
