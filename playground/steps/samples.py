"""Step 4: upload the recordings and see at once what they are worth."""

import gradio as gr

from playground.pages.markup import heading
from playground.pages.place import Place
from playground.pages.recordings import Recordings
from playground.pages.widgets import Updates, html, on
from playground.parts import Parts


class Samples:
    """The recordings of the clone's dataset."""

    def __init__(self, parts: Parts, router: gr.HTML) -> None:
        self._parts = parts
        html(heading("Upload samples", "Each file is judged as it arrives. Add and remove as you like.", level=2))
        self._recordings = Recordings(
            parts, router, prefix="samples", dataset_of=self._dataset_of, language_of=self._language_of
        )
        self.timers = [self._recordings.poll.timer]
        with gr.Row(elem_classes="lead-on"):
            leave = gr.Button("Next", variant="primary", elem_id="samples-next")
        self.outputs = self._recordings.outputs
        on(leave.click, lambda query: Place.parse(query).at_step(5).query, inputs=[router], outputs=[router])

    def show(self, place: Place) -> Updates:
        return self._recordings.show(place)

    def _dataset_of(self, place: Place) -> str | None:
        return self._parts.fine_tuning.get(place.clone).dataset_id

    def _language_of(self, place: Place) -> str:
        return self._parts.fine_tuning.get(place.clone).language
