"""Review of transcripts: a dataset's clips with players, doubtful ones first; edit in place, exclude, undo."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from playground.formatting import chip, clock, count, percent
from playground.pages.markup import action, empty, goto, heading, player, table
from playground.pages.place import Place
from playground.pages.widgets import Poll, Updates, html, on
from playground.parts import Parts
from playground.services.transcripts import Review, ReviewClip
from storage.errors import NotFound
from storage.records import Clip, TranscriptSource

CLIPS_A_PAGE = 50
COLUMNS = ("Listen", "What is said", "State", "")
SOURCES = {
    TranscriptSource.NONE: ("Not heard yet", "busy"),
    TranscriptSource.HEARD: ("Heard", "plain"),
    TranscriptSource.GIVEN: ("Your text", "good"),
    TranscriptSource.EDITED: ("Edited", "good"),
}
UNDONE = {"edit": "edit", "exclude": "exclusion", "include": "inclusion", "import": "import of texts"}
HINT = (
    "Doubtful clips come first. What you write is saved when you leave the box, and nothing overwrites it. "
    "Keys in a box: Ctrl+Enter saves and goes on, Ctrl+Space plays the clip, Escape takes back what was not saved."
)


class ReviewPage:
    """The lines that are shown stay where they are while they are edited; they are sorted anew with each page."""

    def __init__(self, parts: Parts, router: gr.HTML) -> None:
        self._parts = parts
        self._poll = Poll()
        self._lines = gr.State(())
        self._offset = gr.State(0)
        with gr.Column(visible=False, elem_id="page-review", elem_classes="page") as self.column:
            self._head = html()
            with gr.Row(elem_classes="title-row"):
                self._status = html(elem_id="review-status", elem_classes="status-line")
                self._undo = gr.Button("Undo", size="sm", elem_id="review-undo", min_width=80)
            self._said = html(elem_id="review-said")
            self._table = gr.HTML(
                "",
                apply_default_css=False,
                js_on_load=(Path(__file__).parent / "review.js").read_text(encoding="utf-8"),
                elem_id="review-clips",
            )
            with gr.Row(elem_classes="lead-on"):
                self._back = gr.Button("Previous clips", size="sm", elem_id="review-back")
                self._on = gr.Button("More clips", size="sm", elem_id="review-on")
        self.timers = [self._poll.timer]
        self._list = [
            self._status,
            self._undo,
            self._said,
            self._table,
            self._lines,
            self._offset,
            self._back,
            self._on,
        ]
        self.outputs: list[Any] = [self._head, *self._list, *self._poll.outputs]
        self._wire(router)

    def show(self, place: Place) -> Updates:
        dataset = self._parts.datasets.get(place.dataset)
        back = Place(view="datasets", dataset=dataset.id)
        if place.clone:
            back = Place(view="clone", clone=place.clone, step=4)
        head = goto(back, dataset.name, style="back") + heading("Review transcripts", HINT)
        return {self._head: head, **self._page(dataset.id, 0), **self._poll.start()}

    def _wire(self, router: gr.HTML) -> None:
        lines = [router, self._lines]
        on(
            self._table.click,
            self._act,
            inputs=lines,
            outputs=[self._said, self._table, self._lines, self._undo, self._status],
        )
        on(self._undo.click, self._take_back, inputs=[router, self._offset], outputs=self._list)
        for button, steps in ((self._back, -1), (self._on, 1)):
            on(
                button.click,
                lambda query, offset, lines, steps=steps: self._turn(query, offset, lines, steps),
                inputs=[router, self._offset, self._lines],
                outputs=self._list,
            ).then(None, js="() => document.querySelector('#review-clips textarea')?.focus()")
        self._poll.wire(self._look_again, inputs=[router], outputs=[self._status])

    def _page(self, dataset_id: str, offset: int, *, said: str = "") -> Updates:
        review = self._parts.transcripts.review(dataset_id, limit=CLIPS_A_PAGE, offset=offset)
        last = offset + len(review.lines)
        return {
            self._status: status_line(review),
            self._undo: gr.Button(interactive=review.can_undo),
            self._said: _said(said),
            self._table: clips_table(review.lines),
            self._lines: review.lines,
            self._offset: offset,
            self._back: gr.Button(visible=offset > 0),
            self._on: gr.Button(visible=last < review.clips, value=f"More clips ({last:,} of {review.clips:,} shown)"),
        }

    def _act(self, query: str, lines: Sequence[ReviewClip], event: gr.EventData) -> Updates:
        said = self._done(event)
        lines = tuple(self._as_they_are(lines))
        return {
            self._said: _said(said),
            self._table: clips_table(lines),
            self._lines: lines,
            self._undo: gr.Button(interactive=True),
            **self._look_again(query),
        }

    def _done(self, event: gr.EventData) -> str:
        """Do what a button or a box of the table asks for; gives what to say."""
        transcripts = self._parts.transcripts
        if event.action == "exclude":
            transcripts.exclude(event.id)
            return "Excluded; trainings leave it out."
        if event.action == "include":
            transcripts.include(event.id)
            return "Included again."
        transcripts.edit(event.id, transcripts.get(event.id).given if event.action == "use" else event.text)
        return "Saved."

    def _as_they_are(self, lines: Sequence[ReviewClip]) -> Iterator[ReviewClip]:
        """The lines read again, in their order: another box may have been saved at the same moment."""
        for line in lines:
            with suppress(NotFound):
                yield replace(line, clip=self._parts.transcripts.get(line.clip.id))

    def _take_back(self, query: str, offset: int) -> Updates:
        dataset_id = Place.parse(query).dataset
        undone = self._parts.transcripts.undo(dataset_id)
        said = f"Undone: {UNDONE[undone.kind]} of {count(undone.clips, 'clip')}." if undone else "Nothing to undo."
        return self._page(dataset_id, offset, said=said)

    def _turn(self, query: str, offset: int, lines: Sequence[ReviewClip], steps: int) -> Updates:
        """The page before, or the one that begins with the first clip behind it that was not shown.

        Clips that were corrected have gone behind the doubtful ones, and these have moved up.
        """
        dataset_id = Place.parse(query).dataset
        if steps < 0:
            return self._page(dataset_id, max(offset - CLIPS_A_PAGE, 0))
        shown = {line.clip.id for line in lines}
        now = self._parts.transcripts.review(dataset_id, limit=CLIPS_A_PAGE, offset=offset).lines
        ahead = next((number for number, line in enumerate(now) if line.clip.id not in shown), CLIPS_A_PAGE)
        return self._page(dataset_id, offset + ahead)

    def _look_again(self, query: str) -> Updates:
        dataset_id = Place.parse(query).dataset
        if not dataset_id:
            return {}
        return {self._status: status_line(self._parts.transcripts.review(dataset_id, limit=0))}


def status_line(review: Review) -> str:
    """How many clips there are of each kind."""
    words = [count(review.clips, "clip")]
    words += [f"{review.doubtful:,} doubtful"] if review.doubtful else []
    words += [f"{review.waiting:,} still to be heard"] if review.waiting else []
    words += [f"{review.excluded:,} excluded ({clock(review.excluded_seconds)})"] if review.excluded else []
    return f"<p>{' · '.join(words)}</p>"


def clips_table(lines: Sequence[ReviewClip]) -> str:
    """A row for each clip, its text in a box that the page's script watches."""
    if not lines:
        return empty("No clips yet", "They are cut from the recordings as these are checked.")
    return table("Clips", COLUMNS, [_row(line) for line in lines])


def _row(line: ReviewClip) -> list[str]:
    clip = line.clip
    name = f"{line.filename}, {clock(clip.start_seconds)}"
    url = f"/datasets/{clip.dataset_id}/clips/{clip.id}/audio"
    turn = ("include", "Include") if clip.is_excluded else ("exclude", "Exclude")
    return [
        f"{player(url, label=f'Listen to {name}')}<small>{escape(name)}</small>",
        f'<textarea rows="2" data-id="{escape(clip.id)}" aria-label="What is said in {escape(name)}">'
        f"{escape(clip.transcript)}</textarea>{_other_text(clip)}",
        _state(clip),
        action(turn[0], clip.id, turn[1], label=f"{turn[1]} {name}"),
    ]


def _other_text(clip: Clip) -> str:
    """The text that a person gave, where recognition heard something else."""
    if not (clip.is_doubtful and clip.given):
        return ""
    return f"<small>Your text here: “{escape(clip.given)}” {action('use', clip.id, 'Use it')}</small>"


def _state(clip: Clip) -> str:
    if clip.is_excluded:
        return chip("Excluded", "bad")
    if not clip.is_doubtful:
        return chip(*SOURCES[clip.transcript_source])
    sure = "" if clip.confidence is None else f"<small>{percent(clip.confidence)} sure</small>"
    return chip("Doubtful", "fair") + sure


def _said(words: str) -> str:
    return f'<p role="status">{escape(words)}</p>' if words else ""
