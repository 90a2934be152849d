"""Step 3: a new dataset for this clone, or one that is there already."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from playground.formatting import minutes, moment
from playground.pages.markup import action, empty, heading, notice, table
from playground.pages.place import Place
from playground.pages.widgets import Updates, clickable, html, on
from playground.parts import Parts
from playground.services.datasets import DatasetSummary
from storage.records import FineTune, Status


class DatasetStep:
    """Create a dataset, or select one by search."""

    def __init__(self, parts: Parts, router: gr.HTML) -> None:
        self._parts = parts
        html(heading("Dataset", "A dataset holds the recordings of one speaker. Many clones can share one.", level=2))
        self._chosen = html(elem_id="dataset-chosen")
        with gr.Row(elem_classes="lead-on", visible=False) as self._go_on:
            leave = gr.Button("Next", variant="primary", elem_id="dataset-next")
        with gr.Column() as self._choice:
            with gr.Row(elem_classes="filters"):
                self._name = gr.Textbox(label="Name of a new dataset", max_lines=1, elem_id="dataset-name")
                self._create_button = gr.Button("Create Dataset", variant="primary", elem_id="create-dataset")
            html("<h2>Or select a dataset</h2>")
            self._search = gr.Textbox(label="Search by name", max_lines=1, elem_id="dataset-search")
            self._list = clickable(elem_id="dataset-list")
        self.outputs: list[Any] = [
            self._chosen,
            self._go_on,
            self._choice,
            self._create_button,
            self._name,
            self._search,
            self._list,
        ]
        on(leave.click, lambda query: Place.parse(query).at_step(4).query, inputs=[router], outputs=[router])
        on(self._create_button.click, self._create, inputs=[router, self._name], outputs=[router])
        on(self._search.change, self._rows, inputs=[self._search], outputs=[self._list], trigger_mode="always_last")
        on(self._list.click, self._select, inputs=[router], outputs=[router])

    def show(self, clone: FineTune) -> Updates:
        may_choose = clone.status in (Status.DRAFT, Status.FAILED)
        return {
            self._chosen: self._chosen_words(clone),
            self._go_on: gr.Row(visible=clone.dataset_id is not None or not may_choose),
            self._choice: gr.Column(visible=may_choose),
            self._create_button: gr.Button(variant="secondary" if clone.dataset_id else "primary"),
            self._name: clone.name,
            self._search: "",
        } | self._rows("")

    def _chosen_words(self, clone: FineTune) -> str:
        if clone.dataset_id is None:
            return ""
        summary = self._parts.datasets.summary(clone.dataset_id)
        words = f"{minutes(summary.usable_seconds)} of usable speech in {summary.files} files"
        return notice(f"Chosen: {summary.dataset.name}", f"<p>{escape(words)}</p>", tone="good")

    def _create(self, query: str, name: str) -> str:
        return self._choose(query, self._parts.datasets.create(name).id)

    def _select(self, query: str, event: gr.EventData) -> str:
        return self._choose(query, event.id)

    def _choose(self, query: str, dataset_id: str) -> str:
        place = Place.parse(query)
        self._parts.fine_tuning.choose_dataset(place.clone, dataset_id)
        return place.at_step(4).query

    def _rows(self, search: str) -> Updates:
        return {self._list: _list_of(self._parts.datasets.summaries(search))}


def _list_of(summaries: Sequence[DatasetSummary]) -> str:
    if not summaries:
        return empty("No datasets here", "Create one above; it can be used again later.")
    rows = [
        [
            f"<strong>{escape(summary.dataset.name)}</strong>",
            escape(minutes(summary.usable_seconds)),
            str(summary.files),
            moment(summary.dataset.created_at),
            action("select", summary.dataset.id, "Select", label=f"Select {summary.dataset.name}"),
        ]
        for summary in summaries
    ]
    return table("Datasets", ("Name", "Usable", "Files", "Created", ""), rows)
