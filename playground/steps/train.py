"""Step 5: what a training would use and cost, the disclaimer, and the training itself as it goes."""

from html import escape
from typing import Any

import gradio as gr

from model.base_models import LANGUAGE_NAMES
from playground import formatting
from playground.pages.markup import bullets, facts, heading
from playground.pages.place import Place
from playground.pages.widgets import TRAINING_POLL_SECONDS, Poll, Updates, html, on
from playground.parts import Parts
from playground.services.fine_tuning import DISCLAIMER, MINUTES_OFFERED
from playground.services.readiness import Readiness
from playground.steps import training_view
from storage.records import FineTune, Status

CONSENT_MISSING = "Confirm the statement above."


class Train:
    """The summary and the button of a draft; the live view of a run; the reason of a failure."""

    def __init__(self, parts: Parts, router: gr.HTML) -> None:
        self._parts = parts
        self.poll = Poll(TRAINING_POLL_SECONDS)
        self.timers = [self.poll.timer]
        with gr.Column() as self._setup:
            self._draw_setup()
        self._run = html(elem_id="training")
        with gr.Row(elem_classes="lead-on"):
            self._cancel = gr.Button("Cancel training", variant="stop", visible=False, elem_id="cancel")
            self._retry = gr.Button("Retry", variant="primary", visible=False, elem_id="retry")
            self._test = gr.Button("Test voices", variant="primary", visible=False, elem_id="to-voices")
        live = [self._setup, self._summary, self._problems, self._run, self._cancel, self._retry, self._test]
        self.outputs: list[Any] = [*live, self._minutes, self._consent, self._train, *self.poll.outputs]
        self._wire(router, live)

    def show(self, clone: FineTune) -> Updates:
        offered = sorted({*MINUTES_OFFERED, clone.training_minutes})
        return self._moving(clone) | {
            self._minutes: gr.Radio(
                [(formatting.count(minutes, "minute"), minutes) for minutes in offered], value=clone.training_minutes
            ),
            self._consent: False,
            self._train: gr.Button(interactive=False),
            **self.poll.start(),
        }

    def _draw_setup(self) -> None:
        html(heading("Train", level=2))
        self._summary = html(elem_id="train-summary")
        self._minutes = gr.Radio(
            [(f"{minutes} minutes", minutes) for minutes in MINUTES_OFFERED],
            value=MINUTES_OFFERED[-1],
            label="Time to spend",
            info="From the click to Completed. More time makes the voice more alike.",
            elem_id="minutes",
        )
        html(f'<div class="disclaimer" id="disclaimer"><h3>Your confirmation</h3><p>{escape(DISCLAIMER)}</p></div>')
        self._consent = gr.Checkbox(label="I confirm this", elem_id="consent")
        self._problems = html(elem_id="train-problems")
        with gr.Row(elem_classes="lead-on"):
            self._train = gr.Button("Train Pro Voice Clone", variant="primary", interactive=False, elem_id="train")

    def _wire(self, router: gr.HTML, live: list[Any]) -> None:
        gate = {"inputs": [router, self._consent], "outputs": [self._problems, self._train]}
        on(self._consent.input, self._gate, **gate)
        on(self._problems.change, self._gate, **gate)
        self.poll.wire(
            lambda query, consented: self._moving(self._clone(query), consented=consented),
            inputs=[router, self._consent],
            outputs=live,
        )
        on(self._train.click, self._start, inputs=[router, self._minutes, self._consent], outputs=self.outputs)
        on(self._cancel.click, self._stop, inputs=[router], outputs=self.outputs)
        on(self._retry.click, self._start_again, inputs=[router], outputs=self.outputs)
        on(self._test.click, lambda query: Place.parse(query).at_step(6).query, inputs=[router], outputs=[router])

    def _clone(self, query: str) -> FineTune:
        return self._parts.fine_tuning.get(Place.parse(query).clone)

    def _start(self, query: str, minutes: int, consented: bool) -> Updates:
        return self.show(self._parts.fine_tuning.train(self._clone(query).id, minutes=minutes, consented=consented))

    def _stop(self, query: str) -> Updates:
        return self.show(self._parts.fine_tuning.cancel(self._clone(query).id))

    def _start_again(self, query: str) -> Updates:
        return self.show(self._parts.fine_tuning.retry(self._clone(query).id))

    def _gate(self, query: str, consented: bool) -> Updates:
        readiness = self._parts.fine_tuning.readiness(self._clone(query).id)
        may_train = consented and not readiness.problems
        return {self._problems: _problems(readiness, consented), self._train: gr.Button(interactive=may_train)}

    def _moving(self, clone: FineTune, *, consented: bool = False) -> Updates:
        """All that changes by itself while one looks on."""
        readiness = self._parts.fine_tuning.readiness(clone.id) if clone.status == Status.DRAFT else None
        stoppable = clone.status.is_running and not clone.cancel_requested
        return {
            self._setup: gr.Column(visible=readiness is not None),
            self._summary: _summary(clone, readiness) if readiness else "",
            self._problems: _problems(readiness, consented) if readiness else "",
            self._run: "" if readiness else self._run_of(clone),
            self._cancel: gr.Button(visible=stoppable),
            self._retry: gr.Button(visible=clone.status == Status.FAILED),
            self._test: gr.Button(visible=clone.status == Status.COMPLETED),
        }

    def _run_of(self, clone: FineTune) -> str:
        if clone.status == Status.COMPLETED:
            return training_view.completed(clone)
        events = self._parts.fine_tuning.events(clone.id)
        if clone.status == Status.FAILED:
            return training_view.failed(clone, events, support_address=self._parts.settings.support_address)
        return training_view.live(clone, events, position=self._parts.fine_tuning.queue_position(clone))


def _summary(clone: FineTune, readiness: Readiness) -> str:
    return facts(
        {
            "Usable speech": escape(formatting.minutes(readiness.usable_seconds)),
            "Files": str(readiness.files),
            "Language": escape(LANGUAGE_NAMES.get(clone.language, clone.language)),
            "Base model": f"<code>{escape(clone.model_id)}</code>",
            "Cost": f"{formatting.credits(readiness.credits)} credits<small>of "
            f"{formatting.credits(readiness.balance)}; held now, charged when completed</small>",
        }
    )


def _problems(readiness: Readiness, consented: bool) -> str:
    missing = [*readiness.problems, *([] if consented else [CONSENT_MISSING])]
    return bullets(missing, style="problems") + bullets(readiness.warnings, style="warnings")
