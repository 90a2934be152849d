"""One clone: its head, and the walk of six steps."""

from html import escape
from typing import Any

import gradio as gr

from model.base_models import LANGUAGE_NAMES
from playground.formatting import status_chip
from playground.pages.markup import goto
from playground.pages.place import NEW, Place
from playground.pages.widgets import TRAINING_POLL_SECONDS, Confirmation, Poll, Updates, focus_dialog, html, on
from playground.parts import Parts
from playground.steps.best_practices import BestPractices
from playground.steps.dataset import DatasetStep
from playground.steps.samples import Samples
from playground.steps.test_voices import TestVoices
from playground.steps.train import Train
from playground.steps.voice_details import VoiceDetails
from storage.records import FineTune, Status

STEPS = ("Best practices", "Voice details", "Dataset", "Samples", "Train", "Test voices")


class ClonePage:
    """Shows the step that the place names, else the one at which the clone stands."""

    def __init__(self, parts: Parts, router: gr.HTML) -> None:
        self._parts = parts
        self._poll = Poll(TRAINING_POLL_SECONDS)
        with gr.Column(visible=False, elem_id="page-clone", elem_classes="page") as self.column:
            with gr.Row(elem_classes="title-row clone-head"):
                self._head = html(elem_id="clone-head")
                self._delete = gr.Button("Delete", size="sm", visible=False, elem_id="delete-clone", min_width=80)
            self._confirmation = Confirmation("delete-clone-dialog", verb="Delete the clone")
            with gr.Walkthrough(selected=1, elem_id="walk") as self._walk:
                with gr.Step(STEPS[0], id=1):
                    self._practices = BestPractices(parts, router)
                with gr.Step(STEPS[1], id=2):
                    self._details = VoiceDetails(parts, router)
                with gr.Step(STEPS[2], id=3):
                    self._dataset = DatasetStep(parts, router)
                with gr.Step(STEPS[3], id=4):
                    self._samples = Samples(parts, router)
                with gr.Step(STEPS[4], id=5):
                    self._train = Train(parts, router)
                with gr.Step(STEPS[5], id=6):
                    self._voices = TestVoices(parts, router)
        self.timers = [self._poll.timer, *self._samples.timers, *self._train.timers]
        self.outputs: list[Any] = [
            *(self._head, self._delete, self._walk, *self._poll.outputs, *self._confirmation.outputs),
            *(*self._practices.outputs, *self._details.outputs, *self._dataset.outputs),
            *(*self._samples.outputs, *self._train.outputs, *self._voices.outputs),
        ]
        self._wire(router)

    def show(self, place: Place) -> Updates:
        clone = None if place.clone == NEW else self._parts.fine_tuning.get(place.clone)
        step = min(place.step or _standing(clone), len(STEPS)) if clone else 1
        return {
            **self._confirmation.close(),
            **self._show_head(clone),
            **self._poll.start(),
            self._delete: gr.Button(visible=clone is not None),
            self._walk: gr.Walkthrough(selected=step),
            **self._show_step(step, clone, place),
        }

    def _show_step(self, step: int, clone: FineTune | None, place: Place) -> Updates:
        if clone is None or step == 1:
            return self._practices.show(clone)
        if step == 4:
            return self._samples.show(place)
        if step == 6:
            return self._voices.show(clone, place)
        if step == 2:
            return self._details.show(clone)
        return self._dataset.show(clone) if step == 3 else self._train.show(clone)

    def _wire(self, router: gr.HTML) -> None:
        def follow(query: str, event: gr.SelectData) -> str:
            return Place.parse(query).at_step(STEPS.index(event.value) + 1).query

        on(self._walk.select, follow, inputs=[router], outputs=[router])
        self._poll.wire(self._look_again, inputs=[router], outputs=[self._head])
        focus_dialog(on(self._delete.click, self._ask, inputs=[router], outputs=self._confirmation.outputs))
        on(self._confirmation.confirm.click, self._remove, inputs=[self._confirmation.subject], outputs=[router])

    def _ask(self, query: str) -> Updates:
        clone = self._parts.fine_tuning.get(Place.parse(query).clone)
        goes = ["Its form and its trained model go for good; the dataset stays."]
        voices = self._parts.fine_tuning.voices(clone.id)
        if voices:
            goes.append(f"These voices go with it: {', '.join(voice.name for voice in voices)}.")
        if clone.status.is_running:
            goes.append("The training is stopped, and the credits that are held for it are released.")
        return self._confirmation.ask(clone.id, f"Delete “{clone.name}”?", goes)

    def _remove(self, clone_id: str) -> str:
        self._parts.fine_tuning.delete(clone_id)
        return Place().query

    def _look_again(self, query: str) -> Updates:
        place = Place.parse(query)
        return {} if place.clone in ("", NEW) else self._show_head(self._parts.fine_tuning.get(place.clone))

    def _show_head(self, clone: FineTune | None) -> Updates:
        waits = clone is not None and clone.status == Status.CREATED
        position = self._parts.fine_tuning.queue_position(clone) if clone and waits else None
        return {self._head: _head(clone, position)}


def _standing(clone: FineTune) -> int:
    """The step where a clone stands."""
    if clone.status == Status.COMPLETED:
        return 6
    if clone.status != Status.DRAFT:
        return 5
    return 4 if clone.dataset_id else 2


def _head(clone: FineTune | None, position: int | None) -> str:
    back = goto(Place(), "Pro Voice Clones", style="back")
    if clone is None:
        return f"{back}<h1>New Pro Voice Clone</h1>"
    language = LANGUAGE_NAMES.get(clone.language, clone.language)
    return (
        f"{back}<h1>{escape(clone.name)} {status_chip(clone, position=position)}</h1>"
        f'<p class="hint">{escape(language)} · {escape(clone.model_id)}</p>'
    )
