"""Errors of the use cases: what happened and what to do, with a stable code for programs."""

import errno
import math
from collections.abc import Iterator
from contextlib import contextmanager


class ServiceError(Exception):
    """Base; `status` is the HTTP status that fits, `title` its short name.

    `retry_after` are the seconds after which another try is worth it, where that helps.
    """

    code = "invalid_request"
    status = 400
    title = "Invalid request"
    retry_after: int | None = None

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code or self.code


class Refused(ServiceError):
    """The request cannot be carried out as it is."""


class Conflict(ServiceError):
    """The thing is in a state that does not allow this."""

    code = "conflict"
    status = 409
    title = "Conflict"


class PlanRefused(ServiceError):
    """The plan has no Pro Voice Cloning."""

    code = "pvc_not_enabled"
    status = 403
    title = "Pro Voice Cloning is not enabled"


class QuotaExceeded(ServiceError):
    """Too few credits."""

    code = "quota_exceeded"
    status = 402
    title = "Not enough credits"

    def __init__(self, *, needed: float, available: float) -> None:
        super().__init__(f"This needs {needed:,.0f} credits; {available:,.0f} are available.")


class TooLarge(ServiceError):
    """An upload is over the limit."""

    code = "file_too_large"
    status = 413
    title = "File too large"


class KeyRefused(ServiceError):
    """No key, or none that counts."""

    code = "invalid_key"
    status = 401
    title = "Key refused"


class ScopeRefused(ServiceError):
    """The key counts, but not for this."""

    code = "scope_too_small"
    status = 403
    title = "Not what this key is for"


class TooManyRequests(ServiceError):
    """The caller has asked too often."""

    code = "rate_limited"
    status = 429
    title = "Too many requests"

    def __init__(self, *, per_minute: int, seconds: float) -> None:
        super().__init__(f"{per_minute} requests a minute are allowed; try again in {seconds:.1f} s.")
        self.seconds = seconds
        self.retry_after = math.ceil(seconds)


class Busy(ServiceError):
    """All turns are taken."""

    code = "concurrency_limited"
    status = 429
    title = "Too many requests at once"
    retry_after = 2


class SpeechUnavailable(ServiceError):
    """The speech process died while speaking; the next request starts a new one."""

    code = "speech_unavailable"
    status = 503
    title = "Speech unavailable"


class NoiseReductionFailed(ServiceError):
    """The process that takes noise out of a clip ended without one."""

    code = "noise_reduction_failed"
    status = 500
    title = "Noise not reduced"


class DiskFull(ServiceError):
    """There is no room for an upload."""

    code = "disk_full"
    status = 507
    title = "Disk full"


@contextmanager
def full_disk_in_words() -> Iterator[None]:
    """Turn the system's word for a full disk into DiskFull; its other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFull("The disk of this machine is full, and nothing was saved. Make room, then try again.") from error
