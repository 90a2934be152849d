"""Step 6: the four voices speak; the model id; the report card; code to paste."""

from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from model.sentences import GREETINGS
from playground import formatting
from playground.pages import examples
from playground.pages.markup import copyable, empty, heading, player
from playground.pages.place import Place
from playground.pages.widgets import Updates, html, on
from playground.parts import Parts
from playground.services.speech_plan import SpeechRequest
from playground.steps.report_card import report_card
from storage.records import FineTune, Speech, Status, Voice

VOICES = 4


@dataclass(frozen=True, kw_only=True)
class VoiceCard:
    """The widgets of one voice."""

    column: gr.Column
    about: gr.HTML
    speak: gr.Button
    result: gr.HTML


class TestVoices:
    """One text, four voices."""

    __test__ = False
    """Its name is the step's; it is no test of pytest's."""

    def __init__(self, parts: Parts, router: gr.HTML) -> None:
        self._parts = parts
        html(heading("Test voices", "One model, four different clips of the recordings: choose by ear.", level=2))
        self._nothing = html(elem_id="no-voices")
        with gr.Column() as self._all:
            self._text = gr.Textbox(label="Text", lines=2, elem_id="test-text")
            self._price = html(elem_id="test-price", elem_classes="status-line")
            with gr.Row(elem_classes="voices"):
                self._cards = [_draw_card(position) for position in range(VOICES)]
            self._about = html(elem_id="about-model")
        self.outputs: list[Any] = [self._nothing, self._all, self._text, self._price, self._about]
        for position, card in enumerate(self._cards):
            self.outputs += [card.column, card.about, card.result]
            self._wire_card(position, card, router)
        on(
            self._text.change,
            self._price_of,
            inputs=[self._text],
            outputs=[self._price],
            trigger_mode="always_last",
            queue=False,
        )

    def show(self, clone: FineTune, place: Place) -> Updates:
        if clone.status != Status.COMPLETED:
            words = empty("The voices are not there yet", "They appear here when the training is completed.")
            return {self._nothing: words, self._all: gr.Column(visible=False)}
        voices = self._voices(clone.id)
        updates: Updates = {
            self._nothing: "",
            self._all: gr.Column(visible=True),
            self._about: self._about_model(clone, next(iter(voices.values()), None), place),
            self._text: gr.Textbox(GREETINGS[clone.language]),
            **self._price_of(GREETINGS[clone.language]),
        }
        for position, card in enumerate(self._cards):
            voice = voices.get(position)
            updates[card.column] = gr.Column(visible=voice is not None)
            updates[card.about] = _about_voice(voice) if voice else ""
            speech = self._parts.speech.latest(voice.id) if voice else None
            updates[card.result] = _result(speech) if speech else ""
        return updates

    def _wire_card(self, position: int, card: VoiceCard, router: gr.HTML) -> None:
        def speak(query: str, text: str) -> str:
            voice = self._voices(Place.parse(query).clone)[position]
            return _result(self._parts.speech.speak(SpeechRequest(voice_id=voice.id, text=text)), autoplay=True)

        busy = card.speak.click(
            lambda: gr.Button("Speaking…", interactive=False), outputs=card.speak, queue=False, show_progress="hidden"
        )
        spoken = on(busy.then, speak, inputs=[router, self._text], outputs=[card.result])
        spoken.then(lambda: gr.Button("Speak", interactive=True), outputs=card.speak, show_progress="hidden")

    def _voices(self, clone_id: str) -> dict[int, Voice]:
        """By position: one that was deleted leaves its place empty."""
        return {voice.position: voice for voice in self._parts.fine_tuning.voices(clone_id)}

    def _price_of(self, text: str) -> Updates:
        price = self._parts.accounts.speech_price(text, fine_tuned=True)
        words = f"{formatting.count(len(text), 'character')}: {formatting.credits(price)} credits for each voice"
        return {self._price: f'<p role="status">{escape(words)}</p>'}

    def _about_model(self, clone: FineTune, voice: Voice | None, place: Place) -> str:
        base = self._parts.fine_tuning.base_model(clone)
        names = "".join(f"<li>{copyable(alias, label='alias')} alias, today the same</li>" for alias in base.aliases)
        pinned = (
            '<section><h2>Model</h2><ul class="ids">'
            f"<li>{copyable(clone.model_id, label='model id')} pinned</li>{names}</ul>"
            '<p class="hint">The fine-tuned model is used only with this id (or an alias that means it). With any '
            "other model id, that other base speaks, from the same clip.</p></section>"
        )
        if voice is None:
            return pinned + report_card(clone.report)
        code = examples.speaking(origin=place.origin, voice_id=voice.id, model_id=clone.model_id)
        return f"{pinned}{report_card(clone.report)}<section><h2>Use in your code</h2>{code}</section>"


def _draw_card(position: int) -> VoiceCard:
    with gr.Column(elem_classes="card voice", elem_id=f"voice-{position}", min_width=240) as column:
        about = html()
        speak = gr.Button("Speak", variant="primary" if position == 0 else "secondary", elem_id=f"speak-{position}")
        result = html(elem_id=f"result-{position}", elem_classes="result")
    return VoiceCard(column=column, about=about, speak=speak, result=result)


def _about_voice(voice: Voice) -> str:
    clip = player(f"/voices/{voice.id}/reference", label=f"The clip that {voice.name} comes from")
    return (
        f"<h3>{escape(voice.name)}</h3>{copyable(voice.id, label='voice id')}"
        f'<p class="hint">Comes from this clip of the recordings:</p>{clip}'
    )


def _result(speech: Speech, *, autoplay: bool = False) -> str:
    url = f"/speeches/{speech.id}/audio"
    return (
        player(url, label=f"Speech: {speech.text}", autoplay=autoplay)
        + f'<a href="{url}?download=1" download>Download</a>'
        + f"<small>{formatting.clock(speech.duration_seconds)} · {formatting.credits(speech.credits)} credits</small>"
    )
