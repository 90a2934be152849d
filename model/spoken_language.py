"""What a recording in another language than the clone's is told."""

from collections.abc import Collection

from model.base_models import LANGUAGE_NAMES
from model.quality import Finding, Kind, Verdict

MIN_SECONDS = 5.0
"""Of speech, below which a guess is not believed."""

CERTAIN_FROM = 0.8
"""Measured on four languages: the right one for all of 24 stretches of 28 s (0.96 and more) and of 10 s (0.77)."""


def find_foreign(language: str, probability: float, expected: Collection[str]) -> Finding | None:
    """What to say of a file in which `language` is heard; `expected` are codes of two letters, none when unknown."""
    if not expected or language in expected or probability < CERTAIN_FROM:
        return None
    wanted = " or ".join(_name(code) for code in sorted(expected))
    return Finding(
        kind=Kind.LANGUAGE,
        verdict=Verdict.POOR,
        reason=f"It sounds like {_name(language)}, not {wanted}.",
        advice=f"Remove the file, or choose {_name(language)} as the clone's language.",
    )


def _name(code: str) -> str:
    return LANGUAGE_NAMES.get(code, code)
