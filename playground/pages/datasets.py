"""Datasets: the list of all, and one opened with its recordings."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from playground.formatting import minutes, moment
from playground.pages.markup import action, empty, goto, heading, table
from playground.pages.place import Place
from playground.pages.recordings import Recordings
from playground.pages.widgets import Confirmation, NameForm, Updates, clickable, focus_dialog, html, on
from playground.parts import Parts
from playground.services.datasets import DatasetSummary

COLUMNS = ("Name", "Usable", "Files", "Created", "")


class DatasetsPage:
    """Search, rename, open, delete."""

    def __init__(self, parts: Parts, router: gr.HTML) -> None:
        self._parts = parts
        with gr.Column(visible=False, elem_id="page-datasets", elem_classes="page") as self.column:
            self._head = html()
            self._form = NameForm("dataset-form", noun="dataset")
            self._confirmation = Confirmation("delete-dataset-dialog", verb="Delete the dataset")
            with gr.Column() as self._all:
                with gr.Row(elem_classes="filters"):
                    self._search = gr.Textbox(label="Search by name", max_lines=1, elem_id="datasets-search")
                    self._name = gr.Textbox(label="Name of a new dataset", max_lines=1, elem_id="new-dataset-name")
                    create = gr.Button("Create Dataset", variant="primary", elem_id="new-dataset")
                self._list = clickable(elem_id="datasets")
            with gr.Column(visible=False) as self._one:
                self._recordings = Recordings(
                    parts, router, prefix="dataset", dataset_of=lambda place: place.dataset or None
                )
        self.timers = [self._recordings.poll.timer]
        dialogs = [*self._form.outputs, *self._confirmation.outputs]
        lists = [self._list, *dialogs]
        self.outputs: list[Any] = [
            *(self._head, self._all, self._one, self._search, self._name),
            *(*lists, *self._recordings.outputs),
        ]
        search = [self._search]
        on(self._search.change, self._rows, inputs=search, outputs=[self._list], trigger_mode="always_last")
        on(create.click, self._create, inputs=[self._name], outputs=[router])
        focus_dialog(on(self._list.click, self._act, outputs=dialogs))
        on(self._form.save.click, self._save, inputs=[*self._form.inputs, *search], outputs=lists)
        on(
            self._confirmation.confirm.click,
            self._delete,
            inputs=[self._confirmation.subject, *search],
            outputs=lists,
        )

    def show(self, place: Place) -> Updates:
        updates = self._form.close() | self._confirmation.close()
        updates |= {self._all: gr.Column(visible=not place.dataset), self._one: gr.Column(visible=bool(place.dataset))}
        if place.dataset:
            dataset = self._parts.datasets.get(place.dataset)
            back = goto(Place(view="datasets"), "Datasets", style="back")
            return updates | {self._head: back + heading(dataset.name)} | self._recordings.show(place)
        head = heading("Datasets", "The recordings of one speaker each; many clones can share one.")
        return updates | {self._head: head, self._search: "", self._name: ""} | self._rows("")

    def _rows(self, search: str) -> Updates:
        return {self._list: _list_of(self._parts.datasets.summaries(search))}

    def _create(self, name: str) -> str:
        return Place(view="datasets", dataset=self._parts.datasets.create(name).id).query

    def _act(self, event: gr.EventData) -> Updates:
        summary = self._parts.datasets.summary(event.id)
        dataset = summary.dataset
        if event.action == "edit":
            opened = self._form.open(dataset.id, name=dataset.name, description=dataset.description)
            return opened | self._confirmation.close()
        goes = [
            f"Its {summary.files} files go for good.",
            "Clones that were trained on it keep their voices; drafts that chose it need another one.",
        ]
        return self._confirmation.ask(dataset.id, f"Delete “{dataset.name}”?", goes) | self._form.close()

    def _save(self, dataset_id: str, name: str, description: str, search: str) -> Updates:
        self._parts.datasets.update(dataset_id, name=name, description=description)
        return self._form.close() | self._rows(search)

    def _delete(self, dataset_id: str, search: str) -> Updates:
        self._parts.datasets.delete(dataset_id)
        return self._confirmation.close() | self._rows(search)


def _list_of(summaries: Sequence[DatasetSummary]) -> str:
    if not summaries:
        return empty("No datasets here", "One is made in the walk of a clone, or above.")
    return table("Datasets", COLUMNS, [_row(summary) for summary in summaries])


def _row(summary: DatasetSummary) -> list[str]:
    dataset = summary.dataset
    buttons = action("edit", dataset.id, "Rename", label=f"Rename {dataset.name}")
    buttons += action("delete", dataset.id, "Delete", label=f"Delete {dataset.name}")
    opened = goto(Place(view="datasets", dataset=dataset.id), dataset.name, style="row-link")
    return [
        opened + f"<small>{escape(dataset.description)}</small>",
        escape(minutes(summary.usable_seconds)),
        str(summary.files),
        moment(dataset.created_at),
        f'<div class="buttons">{buttons}</div>',
    ]
