"""Times as rows keep them: UTC, ISO-8601, as text that sorts."""

from datetime import UTC, datetime, timedelta


def now() -> str:
    """The time as text that sorts: `2026-01-01T00:00:00.000000Z`."""
    return _text(datetime.now(UTC))


def at(seconds: float) -> str:
    """The time so many seconds after 1970 began, in the same form."""
    return _text(datetime.fromtimestamp(seconds, UTC))


def later(time: str, seconds: float) -> str:
    """The time so many seconds after another, in the same form."""
    return _text(datetime.fromisoformat(time) + timedelta(seconds=seconds))


def _text(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def seconds_between(earlier: str, later: str) -> float:
    """Seconds from one `now()` to another."""
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()
