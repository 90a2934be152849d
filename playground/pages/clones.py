"""Home: what a Pro Voice Clone is, what it takes, and the list of one's own."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from model.base_models import LANGUAGE_NAMES
from playground.formatting import credits, moment, progress_bar, status_chip, time_left
from playground.pages.markup import empty, goto, heading, table
from playground.pages.place import NEW, Place
from playground.pages.widgets import TRAINING_POLL_SECONDS, Poll, Updates, html, on
from playground.parts import Parts
from playground.services.datasets import IDEAL_SECONDS, RECOMMENDED_SECONDS
from playground.services.fine_tuning import MINUTES_OFFERED
from storage.records import FineTune, Status

FILTERS: dict[str, Sequence[Status]] = {
    "All": (),
    "Draft": (Status.DRAFT,),
    "Training": (Status.CREATED, Status.TRAINING),
    "Completed": (Status.COMPLETED,),
    "Failed": (Status.FAILED,),
}

ABOUT = (
    "A Pro Voice Clone is a speech model fine-tuned on recordings of one speaker, so that it speaks as they do. "
    "It trains on this machine, nothing leaves it, and it gives you four voices to speak with."
)

PICTURE = """
<svg class="picture" viewBox="0 0 560 120" role="img"
  aria-label="30 to 120 minutes of recordings, one training, four voices">
  <g class="wave"><path d="M20 60v0M30 48v24M40 36v48M50 52v16M60 28v64M70 40v40M80 54v12M90 34v52M100 46v28M110 56v8
    M120 40v40M130 52v16"/></g>
  <text x="75" y="112">30–120 minutes</text>
  <path class="arrow" d="M152 60h44m-8-7l9 7l-9 7"/>
  <g class="model"><rect x="216" y="26" width="118" height="66" rx="14"/>
    <circle cx="248" cy="46" r="5"/><circle cx="248" cy="72" r="5"/><circle cx="275" cy="59" r="5"/>
    <circle cx="302" cy="46" r="5"/><circle cx="302" cy="72" r="5"/>
    <path d="M253 48l17 9M253 70l17-9M280 57l17-9M280 61l17 9"/></g>
  <text x="275" y="112">one training</text>
  <path class="arrow" d="M354 60h44m-8-7l9 7l-9 7"/>
  <g class="voices"><circle cx="440" cy="40" r="13"/><circle cx="486" cy="40" r="13"/><circle cx="440" cy="76" r="13"/>
    <circle cx="486" cy="76" r="13"/></g>
  <g class="names"><text x="440" y="44">V0</text><text x="486" y="44">V1</text><text x="440" y="80">V2</text>
    <text x="486" y="80">V3</text></g>
  <text x="463" y="112">four voices</text>
</svg>
"""


class ClonesPage:
    """The list of clones, with search and filter."""

    def __init__(self, parts: Parts, router: gr.HTML) -> None:
        self._parts = parts
        self.poll = Poll(TRAINING_POLL_SECONDS)
        enabled = parts.accounts.pvc_enabled
        with gr.Column(visible=False, elem_id="page-clones", elem_classes="page") as self.column:
            html(heading("Pro Voice Clone", ABOUT) + PICTURE + _cards(parts))
            with gr.Row(elem_classes="title-row"):
                html("<h2>Your Pro Voice Clones</h2>")
                html(goto(Place(view="datasets"), "Manage datasets", style="button"))
                create = gr.Button("Create", variant="primary", interactive=enabled, elem_id="create", min_width=120)
            if not enabled:
                html(f'<p class="refusal" id="plan-refusal" role="note">{escape(parts.accounts.plan_refusal)}</p>')
            with gr.Row(elem_classes="filters"):
                self._search = gr.Textbox(label="Search by name", max_lines=1, elem_id="clones-search")
                self._filter = gr.Radio([*FILTERS], value="All", label="Show", elem_id="clones-filter")
            self._list = html(elem_id="clones")
        self.timers = [self.poll.timer]
        self.outputs: list[Any] = [self._search, self._filter, self._list, *self.poll.outputs]
        filters = [self._search, self._filter]
        on(create.click, lambda: Place(view="clone", clone=NEW).query, outputs=[router])
        # `change`, here and elsewhere: gradio's `input` of a textbox misses what is pasted and what is deleted.
        on(self._search.change, self._rows, inputs=filters, outputs=[self._list], trigger_mode="always_last")
        on(self._filter.input, self._rows, inputs=filters, outputs=[self._list])
        self.poll.wire(self._rows, inputs=filters, outputs=[self._list])

    def show(self, place: Place) -> Updates:
        return {self._search: "", self._filter: "All"} | self._rows("", "All") | self.poll.start()

    def _rows(self, search: str, chosen: str) -> Updates:
        found = self._parts.fine_tuning.search(search, FILTERS[chosen])
        return {self._list: self._list_of(found, is_filtered=bool(search or FILTERS[chosen]))}

    def _list_of(self, clones: Sequence[FineTune], *, is_filtered: bool) -> str:
        if clones:
            columns = ("Name", "Language", "Status", "Created")
            return table("Your Pro Voice Clones", columns, [self._row(clone) for clone in clones])
        if is_filtered:
            return empty("Nothing matches", "No clone has this name and status.")
        if not self._parts.accounts.pvc_enabled:
            return empty("No clones yet", "Creating one needs a plan with Pro Voice Cloning.")
        new = Place(view="clone", clone=NEW)
        return (
            '<div class="empty"><p class="title">No clones yet</p><p>Half an hour of good recordings is enough to '
            f"begin.</p>{goto(new, 'Create your first PVC', style='button')}</div>"
        )

    def _row(self, clone: FineTune) -> list[str]:
        waits = clone.status == Status.CREATED
        status = status_chip(clone, position=self._parts.fine_tuning.queue_position(clone) if waits else None)
        if clone.status == Status.TRAINING:
            left = time_left(clone.eta_seconds)
            status += progress_bar(clone.progress, label=f"Training of {clone.name}")
            status += f"<small>{escape(left)}</small>"
        return [
            goto(Place(view="clone", clone=clone.id), clone.name, style="row-link"),
            escape(LANGUAGE_NAMES.get(clone.language, clone.language)),
            status,
            moment(clone.created_at),
        ]


def _cards(parts: Parts) -> str:
    settings = parts.settings
    least, most = min(MINUTES_OFFERED), max(MINUTES_OFFERED)
    cards = {
        "Before starting": (
            f"{RECOMMENDED_SECONDS / 60:.0f} minutes",
            f"of one speaker at least; {IDEAL_SECONDS / 3600:.0f} hours are ideal.",
        ),
        "Training": (
            f"{credits(parts.accounts.training_price)} credits",
            f"once it is completed. It takes {least} to {most} minutes on this machine: you choose.",
        ),
        "Usage rate": (
            f"{settings.pvc_credits_per_character:g} credits a character",
            f"with a clone on its own model; {settings.credits_per_character:g} with any other voice.",
        ),
    }
    return (
        '<div class="cards">'
        + "".join(
            f'<section class="card"><h3>{title}</h3><p class="figure">{figure}</p><p>{words}</p></section>'
            for title, (figure, words) in cards.items()
        )
        + "</div>"
    )
