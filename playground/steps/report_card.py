"""The figures of a finished clone as a table: what was measured, beside what it is to be compared with."""

from collections.abc import Mapping
from html import escape
from typing import Any

from playground.formatting import NOTHING, count
from playground.pages.markup import bullets, table

COLUMNS = ("Voice", "Likeness", "Words misheard", "Naturalness")
EXPLANATION = (
    "Likeness: how similar the speaker is to the recordings, 1 being the same (cosine of speaker embeddings). "
    "Words misheard: by speech recognition, of sentences that are not in the recordings; fewer is better. "
    "Naturalness: an estimate of what listeners would say, from 1 to 5."
)


def report_card(report: Mapping[str, Any]) -> str:
    """Empty when nothing was measured; a figure that is not there is a dash."""
    rows = report.get("rows") or []
    if not rows:
        return ""
    cells = [
        [
            escape(str(row["name"])),
            _figure(row.get("similarity"), "{:.2f}"),
            _figure(row.get("word_error_rate"), "{:.0%}").replace("%", " %"),
            _figure(row.get("naturalness"), "{:.1f}"),
        ]
        for row in rows
    ]
    return (
        '<section class="report"><h2>Report card</h2>'
        + table("Report card", COLUMNS, cells)
        + bullets(shortfalls(report), style="warnings")
        + f'<p class="hint">{escape(EXPLANATION)} {escape(_basis(report))}</p></section>'
    )


def _figure(value: float | None, form: str) -> str:
    return NOTHING if value is None else form.format(value)


def _basis(report: Mapping[str, Any]) -> str:
    said = []
    if "sentences" in report:
        said.append(f"Each voice spoke {count(report['sentences'], 'sentence')}.")
    if "held_out_clips" in report:
        said.append(f"{count(report['held_out_clips'], 'clip')} of the recordings were kept back for the comparison.")
    if "judged_clips" in report:
        said.append(f"How natural the recordings are is told by {count(report['judged_clips'], 'clip')}.")
    if "trained_minutes" in report:
        trained, usable = report["trained_minutes"], report["usable_minutes"]
        said.append(f"Trained on {trained:g} of the {usable:g} minutes of usable speech.")
    return " ".join(said)


def shortfalls(report: Mapping[str, Any]) -> list[str]:
    """What a clone that is completed lacks all the same."""
    said = []
    if not report.get("passed_gates", True):
        said.append(
            "The voices are clearly less natural, or less well understood, than the recordings and the stock voice."
        )
    if not report.get("is_more_alike", True):
        said.append("They are no more like the speaker than the base model from one clip.")
    return [*said, "More or cleaner recordings help most."] if said else []
