"""What all pages need of gradio: guarded handlers, tables that can be clicked, polling, forms and confirmations."""

import functools
import logging
import secrets
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component

from model.errors import ModelError
from playground.services.errors import ServiceError
from storage.errors import StorageError

log = logging.getLogger(__name__)

Updates = dict[Any, Any]
"""What a handler gives: for each component its new value or a new version of it."""

EXPECTED = (ServiceError, ModelError, StorageError)

HAND_OVER_CLICKS = """
element.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-action]");
  if (button) trigger("click", { action: button.dataset.action, id: button.dataset.id });
});
"""


def guarded(handler: Callable[..., Any]) -> Callable[..., Any]:
    """Turn errors into words: those that are expected say what to do, others bear an id that is in the log."""

    @functools.wraps(handler)
    def guard(*arguments: Any) -> Any:
        try:
            return handler(*arguments)
        except EXPECTED as error:
            gr.Warning(escape(str(error)), title="That did not work")
        except Exception:
            id = secrets.token_hex(4)
            log.exception("fault %s in %s", id, handler.__qualname__)
            gr.Warning(
                f"Something went wrong that should not have. Nothing you saved is lost; please try again. "
                f"The log tells more under {id}.",
                title="Unexpected fault",
            )
        return gr.skip()

    return guard


def on(
    event: Callable[..., Any],
    handler: Callable[..., Any],
    *,
    inputs: Sequence[Any] = (),
    outputs: Sequence[Any] = (),
    **options: Any,
) -> Any:
    """Wire a handler, guarded and without gradio's own progress marks."""
    return event(
        guarded(handler),
        inputs=list(inputs),
        outputs=list(outputs),
        **{"show_progress": "hidden", "api_visibility": "private", **options},
    )


def focus_dialog(event: Any) -> None:
    """Move the keyboard's focus into the dialog that an event has opened, once it is drawn."""
    event.then(None, js="() => setTimeout(() => document.querySelector('.dialog :is(input, button)')?.focus(), 100)")


def html(value: str = "", **options: Any) -> gr.HTML:
    """Our own markup, without gradio's prose styles."""
    return gr.HTML(value, apply_default_css=False, js_on_load=None, **options)


def clickable(**options: Any) -> gr.HTML:
    """Markup whose `markup.action` buttons reach `.click` handlers as `event.action` and `event.id`."""
    return gr.HTML("", apply_default_css=False, js_on_load=HAND_OVER_CLICKS, **options)


TRAINING_POLL_SECONDS = 3.0
"""What moves for minutes need not be shown each second."""


class Poll:
    """Shows again what moves while its view is looked at, every so many seconds, and sends only what has changed.

    Each tick keeps the browser busy, which a training on the same machine lacks: two views that polled once a second
    took 5.6 of 10 s of one slow core, nearly all of it gradio's copying of its state.
    """

    def __init__(self, seconds: float = 1.0) -> None:
        self.timer = gr.Timer(seconds, active=False)
        self._sent = gr.State({})
        self.outputs: list[Any] = [self.timer, self._sent]

    def wire(
        self, handler: Callable[..., Updates], *, inputs: Sequence[Component], outputs: Sequence[Component]
    ) -> None:
        """Call `handler(*inputs)` at each tick, without a queue: it is a cheap read."""

        def tick(sent: dict[int, str], *arguments: Any) -> Any:
            try:
                updates = handler(*arguments)
            except StorageError:
                return gr.skip()
            seen = {component._id: repr(_plain(value)) for component, value in updates.items()}
            changed = {c: value for c, value in updates.items() if sent.get(c._id) != seen[c._id]}
            return {**changed, self._sent: sent | seen} if changed else gr.skip()

        self.timer.tick(
            tick,
            inputs=[self._sent, *inputs],
            outputs=[*outputs, self._sent],
            show_progress="hidden",
            api_visibility="private",
            queue=False,
        )

    def start(self) -> Updates:
        """Tick from now on, and forget what was sent, because a handler shows something else now.

        The wizard stops all timers when it shows another place.
        """
        return {self.timer: gr.Timer(active=True), self._sent: {}}


def _plain(update: Any) -> Any:
    """An update as a value that can be compared."""
    return update.constructor_args if isinstance(update, gr.blocks.Block) else update


class Confirmation:
    """Asks before something goes, and says what goes with it."""

    def __init__(self, elem_id: str, *, verb: str) -> None:
        with gr.Column(visible=False, elem_id=elem_id, elem_classes=["dialog", "danger"]) as self.column:
            self._words = html()
            with gr.Row():
                self._keep = gr.Button("Keep it", size="sm")
                self.confirm = gr.Button(verb, variant="stop", size="sm", elem_id=f"{elem_id}-confirm")
        self.subject = gr.State("")
        self.outputs: list[Any] = [self.column, self._words, self.subject]
        on(self._keep.click, self.close, outputs=self.outputs)

    def ask(self, subject: str, title: str, sentences: Sequence[str]) -> Updates:
        """Open it for one id."""
        words = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
        return {
            self.column: gr.Column(visible=True),
            self._words: f'<div role="alert"><p class="title">{escape(title)}</p>{words}</div>',
            self.subject: subject,
        }

    def close(self) -> Updates:
        return {self.column: gr.Column(visible=False), self._words: "", self.subject: ""}


class NameForm:
    """Renames and describes one record."""

    def __init__(self, elem_id: str, *, noun: str) -> None:
        with gr.Column(visible=False, elem_id=elem_id, elem_classes="dialog") as self.column:
            html(f'<p class="title">Rename or describe the {escape(noun)}</p>')
            self.name = gr.Textbox(label="Name", max_lines=1, elem_id=f"{elem_id}-name")
            self.description = gr.Textbox(label="Description", lines=2, elem_id=f"{elem_id}-description")
            with gr.Row():
                self._leave = gr.Button("Leave as it is", size="sm")
                self.save = gr.Button("Save", variant="primary", size="sm", elem_id=f"{elem_id}-save")
        self.subject = gr.State("")
        self.outputs: list[Any] = [self.column, self.name, self.description, self.subject]
        on(self._leave.click, self.close, outputs=self.outputs)

    @property
    def inputs(self) -> list[Any]:
        """Subject, name, description."""
        return [self.subject, self.name, self.description]

    def open(self, subject: str, *, name: str, description: str) -> Updates:
        return {
            self.column: gr.Column(visible=True),
            self.name: name,
            self.description: description,
            self.subject: subject,
        }

    def close(self) -> Updates:
        return {self.column: gr.Column(visible=False), self.subject: ""}
