"""The recordings of one dataset: the drop zone, the meter, the advice, and a row for every file."""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from model.decoding import FORMATS
from model.errors import TranscriptUnreadable
from model.transcript_files import TEXT_FORMATS
from playground import formatting
from playground.pages.markup import action, bullets, empty, player, table
from playground.pages.place import Place
from playground.pages.widgets import Poll, Updates, clickable, html, on
from playground.parts import Parts
from playground.services.datasets import DatasetSummary
from playground.services.errors import ServiceError
from storage.records import DatasetFile

SUFFIXES = [f".{name}" for name in (*FORMATS, *TEXT_FORMATS, "zip")]
COLUMNS = ("File", "Verdict", "Length", "Loudness", "Signal to noise", "Rate", "Listen", "")


class Recordings:
    """Drop, judge, listen, remove. `dataset_of` tells which dataset a place means."""

    def __init__(
        self, parts: Parts, router: gr.HTML, *, prefix: str, dataset_of: Callable[[Place], str | None]
    ) -> None:
        self._parts = parts
        self._dataset_of = dataset_of
        self.poll = Poll()
        self._summary = html(elem_id=f"{prefix}-summary")
        self._drop = gr.File(
            file_count="multiple",
            file_types=SUFFIXES,
            label="Recordings",
            height=140,
            elem_id=f"{prefix}-drop",
            elem_classes="drop",
        )
        self._status = html(elem_id=f"{prefix}-status", elem_classes="status-line")
        self._table = clickable(elem_id=f"{prefix}-files")
        self._live = [self._summary, self._status, self._table]
        self.outputs: list[Any] = [*self._live, *self.poll.outputs]
        on(
            self._drop.upload,
            self._take,
            inputs=[router, self._drop],
            outputs=[self._drop, *self.outputs],
            show_progress="minimal",
        )
        on(self._table.click, self._remove, inputs=[router], outputs=self.outputs)
        self.poll.wire(lambda query: self._rows(Place.parse(query)), inputs=[router], outputs=self._live)

    def show(self, place: Place) -> Updates:
        return self._rows(place) | self.poll.start()

    def _rows(self, place: Place) -> Updates:
        dataset_id = self._dataset_of(place)
        if not dataset_id:
            words = empty("No dataset yet", "Choose or create one in the step before.")
            return {self._summary: words, self._status: "", self._table: ""}
        files = self._parts.datasets.files(dataset_id)
        summary = self._parts.datasets.summary(dataset_id)
        return {
            self._summary: _summary(summary),
            self._status: f'<p role="status">{escape(_status(summary))}</p>',
            self._table: _table(dataset_id, files),
        }

    def _take(self, query: str, uploads: Sequence[str] | None) -> Updates:
        """Take every file for itself, so that one that is refused keeps no other out; the zone stays open."""
        place = Place.parse(query)
        dataset_id = self._dataset_of(place)
        if not dataset_id:
            return {self._drop: None}
        for upload in dict.fromkeys(uploads or []):
            try:
                self._parts.datasets.add_file(dataset_id, Path(upload).name, Path(upload))
            except (ServiceError, TranscriptUnreadable) as error:
                gr.Warning(escape(str(error)), title="Not added")
        return {self._drop: None} | self.show(place)

    def _remove(self, query: str, event: gr.EventData) -> Updates:
        self._parts.datasets.remove_file(event.id)
        return self.show(Place.parse(query))


def _summary(summary: DatasetSummary) -> str:
    advice = f"<h3>What would help most</h3>{bullets(summary.advice)}" if summary.files and summary.advice else ""
    return formatting.meter(summary.usable_seconds) + f'<div class="advice">{advice}</div>'


def _status(summary: DatasetSummary) -> str:
    words = formatting.count(summary.files, "file")
    if summary.pending:
        words += f" · {summary.pending} being checked"
    if summary.rejected:
        words += f" · {summary.rejected} rejected"
    return words


def _table(dataset_id: str, files: Sequence[DatasetFile]) -> str:
    if not files:
        return empty("No recordings yet", "Each file gets its row here at once, with a verdict seconds later.")
    return table("Recordings", COLUMNS, [_row(dataset_id, file) for file in files])


def _row(dataset_id: str, file: DatasetFile) -> list[str]:
    name = escape(file.filename)
    url = f"/datasets/{dataset_id}/files/{file.id}/audio"
    return [
        f'<span class="filename">{name}</span> <small>{formatting.size(file.size)}</small>',
        f'{formatting.verdict_chip(file)}<small class="reason">{escape(file.reason)}</small>',
        formatting.length(file),
        formatting.loudness(file),
        formatting.noise(file.snr_db),
        formatting.rate(file),
        player(url, label=f"Listen to {file.filename}") if file.duration_seconds else "",
        action("remove", file.id, "Remove", label=f"Remove {file.filename}"),
    ]
