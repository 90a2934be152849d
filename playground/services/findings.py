"""Findings as rows keep them: the list, and the verdict and the words that sum it up."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from model.quality import Finding, Kind, Verdict, verdict_of, words_of
from storage.records import DatasetFile


def columns_of(findings: Sequence[Finding]) -> dict[str, Any]:
    """What a file's row says of itself."""
    return {
        "findings": [asdict(finding) for finding in findings],
        "verdict": str(verdict_of(findings)),
        "reason": words_of(findings),
    }


def findings_of(file: DatasetFile) -> list[Finding]:
    return [
        Finding(kind=Kind(one["kind"]), verdict=Verdict(one["verdict"]), reason=one["reason"], advice=one["advice"])
        for one in file.findings
    ]


def rejected_columns(reason: str) -> dict[str, Any]:
    """Of a file that cannot be used."""
    return columns_of([Finding(kind=Kind.UNREADABLE, verdict=Verdict.REJECTED, reason=reason, advice="")])


def duplicate_columns(twin: DatasetFile) -> dict[str, Any]:
    """Of a file that is the same recording as another one."""
    finding = Finding(
        kind=Kind.DUPLICATE,
        verdict=Verdict.REJECTED,
        reason=f"The same recording as “{twin.filename}”; it counts once.",
        advice="",
    )
    return {**columns_of([finding]), "duplicate_of": twin.id}
