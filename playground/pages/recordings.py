"""The recordings of one dataset: the drop zone, the meter, the advice, and a row for every file."""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from model.decoding import FORMATS
from model.errors import TranscriptUnreadable
from model.transcript_files import TEXT_FORMATS
from playground import formatting, pictures
from playground.pages.markup import action, bullets, empty, goto, player, table
from playground.pages.noise import NoiseReduction
from playground.pages.place import Place
from playground.pages.recorder import recorder, recorder_state
from playground.pages.widgets import Poll, Updates, clickable, html, on
from playground.parts import Parts
from playground.services.datasets import DatasetSummary
from playground.services.errors import ServiceError, full_disk_in_words
from playground.services.overview import overview_of
from storage.records import DatasetFile

SUFFIXES = [f".{name}" for name in (*FORMATS, *TEXT_FORMATS, "zip")]
COLUMNS = ("File", "Verdict", "Length", "Loudness", "Signal to noise", "Rate", "Listen", "")


class Recordings:
    """Drop, record, judge, listen, remove.

    `dataset_of` tells which dataset a place means; `language_of`, in which language it is recorded, where one knows.
    """

    def __init__(
        self,
        parts: Parts,
        router: gr.HTML,
        *,
        prefix: str,
        dataset_of: Callable[[Place], str | None],
        language_of: Callable[[Place], str | None] = lambda place: None,
    ) -> None:
        self._parts = parts
        self._dataset_of = dataset_of
        self._language_of = language_of
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
        self._recorder = recorder(f"{prefix}-recorder")
        self._noise = NoiseReduction(parts, router, prefix=prefix, dataset_of=dataset_of)
        self._status = html(elem_id=f"{prefix}-status", elem_classes="status-line")
        self._table = clickable(elem_id=f"{prefix}-files")
        self._live = [self._summary, self._recorder, self._status, self._table]
        self.outputs: list[Any] = [*self._live, *self._noise.outputs, *self.poll.outputs]
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
        return self._rows(place) | self._noise.show(place) | self.poll.start()

    def _rows(self, place: Place) -> Updates:
        dataset_id = self._dataset_of(place)
        if not dataset_id:
            words = empty("No dataset yet", "Choose or create one in the step before.")
            return {self._summary: words, self._recorder: "", self._status: "", self._table: ""}
        files = self._parts.datasets.files(dataset_id)
        summary = self._parts.datasets.summary(dataset_id)
        return {
            self._summary: _summary(files),
            self._recorder: recorder_state(dataset_id, files, language=self._language_of(place)),
            self._status: _status(summary) + progress_bar(summary) + _ways_on(place, summary),
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
                with full_disk_in_words():
                    self._parts.datasets.add_file(dataset_id, Path(upload).name, Path(upload))
            except (ServiceError, TranscriptUnreadable) as error:
                gr.Warning(escape(str(error)), title="Not added")
        return {self._drop: None} | self.show(place)

    def _remove(self, query: str, event: gr.EventData) -> Updates:
        self._parts.datasets.remove_file(event.id)
        return self.show(Place.parse(query))


def _summary(files: Sequence[DatasetFile]) -> str:
    overview = overview_of(files)
    if not files:
        return pictures.minutes_picture(overview)
    advice = [f"{one.words}{f' (+{one.points})' if one.points else ''}" for one in overview.improvements]
    helps = f'<div class="advice"><h3>What would help most</h3>{bullets(advice)}</div>' if advice else ""
    return (
        f'<div class="overview">{pictures.score_picture(overview)}{pictures.minutes_picture(overview)}</div>'
        f"{helps}{pictures.files_pictures(files)}"
    )


def _status(summary: DatasetSummary) -> str:
    words = formatting.count(summary.files, "file")
    if summary.pending:
        words += f" · {summary.pending} being checked"
    if summary.rejected:
        words += f" · {summary.rejected} rejected"
    return f'<p role="status">{escape(words)}</p>'


def progress_bar(summary: DatasetSummary) -> str:
    """How many of the files are judged, while some are not."""
    if not summary.pending:
        return ""
    judged = summary.files - summary.pending
    return f'<progress value="{judged}" max="{summary.files}" aria-label="Recordings checked"></progress>'


def _ways_on(place: Place, summary: DatasetSummary) -> str:
    """Links to the review of the transcripts, and to all of the dataset in one file."""
    if summary.files == summary.pending + summary.rejected:
        return ""
    dataset_id = summary.dataset.id
    review = goto(
        Place(view="review", dataset=dataset_id, clone=place.clone), "Review transcripts", style="button small"
    )
    export = f'<a class="button small" href="/datasets/{dataset_id}/export" download>Export as zip</a>'
    return f'<div class="buttons">{review}{export}</div>'


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
