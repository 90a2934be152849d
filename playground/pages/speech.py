"""Text to speech: any voice, any model, and the last results."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from model.base_models import resolve
from model.sentences import GREETINGS
from playground import formatting
from playground.pages.markup import empty, heading, player, table
from playground.pages.place import Place
from playground.pages.widgets import Updates, html, on
from playground.parts import Parts
from playground.services.speech_plan import FASTEST, SLOWEST, SpeechRequest
from storage.records import Speech, Voice

OWN_MODEL = ("The voice's own", "")
COLUMNS = ("Text", "Voice", "Model", "Credits", "When", "Listen", "Download")


class SpeechPage:
    """A form, and the history below it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        with gr.Column(visible=False, elem_id="page-speech", elem_classes="page") as self.column:
            html(heading("Text to speech"))
            self._text = gr.Textbox(label="Text", value=GREETINGS["en"], lines=4, elem_id="speech-text")
            with gr.Row():
                self._voice = gr.Dropdown([], label="Voice", elem_id="speech-voice", filterable=True)
                self._speed = gr.Slider(SLOWEST, FASTEST, value=1.0, step=0.05, label="Speed", elem_id="speech-speed")
            self._model = gr.Radio(
                [OWN_MODEL, *formatting.base_model_choices()],
                value="",
                label="Model",
                info="A clone's voice uses its fine-tuned weights only on its own model.",
                elem_id="speech-model",
                elem_classes="base-models",
            )
            self._price = html(elem_id="speech-price", elem_classes="status-line")
            with gr.Row(elem_classes="lead-on"):
                speak = gr.Button("Speak", variant="primary", elem_id="speak")
            html("<h2>Last results</h2>")
            self._history = html(elem_id="speeches")
        form = [self._text, self._voice, self._model, self._speed]
        self.timers: list[gr.Timer] = []
        self.outputs: list[Any] = [self._voice, self._price, self._history]
        for event in (self._text.change, self._voice.input, self._model.input):
            on(event, self._price_of, inputs=form[:3], outputs=[self._price], trigger_mode="always_last")
        busy = speak.click(
            lambda: gr.Button("Speaking…", interactive=False), outputs=speak, queue=False, show_progress="hidden"
        )
        spoken = on(busy.then, self._speak, inputs=form, outputs=[self._history])
        spoken.then(lambda: gr.Button("Speak", interactive=True), outputs=speak, show_progress="hidden")

    def show(self, place: Place) -> Updates:
        voices = sorted(self._parts.voices.search(), key=_is_for_trying_out)
        chosen = next((voice.id for voice in voices if voice.id == place.voice), voices[0].id if voices else None)
        return {
            self._voice: gr.Dropdown([(_voice_words(voice), voice.id) for voice in voices], value=chosen),
            self._history: self._history_of(),
            **self._price_of(GREETINGS["en"], chosen, ""),
        }

    def _speak(self, text: str, voice_id: str, model_id: str, speed: float) -> Updates:
        request = SpeechRequest(voice_id=voice_id, text=text, model_id=model_id, speed=speed)
        return {self._history: self._history_of(playing=self._parts.speech.speak(request))}

    def _price_of(self, text: str, voice_id: str | None, model_id: str) -> Updates:
        if not voice_id or not any(character.isalnum() for character in text):
            return {self._price: ""}
        plan = self._parts.speech.plan(SpeechRequest(voice_id=voice_id, text=text, model_id=model_id))
        words = f"{formatting.count(len(text), 'character')}: {formatting.credits(plan.credits)} credits"
        if plan.fine_tuned is False:
            words += ". The fine-tuned model is not active with this model; its base speaks from the same clip."
        return {self._price: f'<p role="status">{escape(words)}</p>'}

    def _history_of(self, playing: Speech | None = None) -> str:
        speeches = self._parts.speech.history()
        if not speeches:
            return empty("Nothing spoken yet", "Results stay here, also after a reload.")
        names = {voice.id: voice.name for voice in self._parts.voices.search()}
        return table("Last results", COLUMNS, [_row(speech, names, playing) for speech in speeches])


def _row(speech: Speech, names: dict[str, str], playing: Speech | None) -> Sequence[str]:
    url = f"/speeches/{speech.id}/audio"
    is_new = playing is not None and playing.id == speech.id
    return [
        f'<span class="filename">{escape(speech.text)}</span>',
        escape(names.get(speech.voice_id, "(deleted)")),
        f"<code>{escape(speech.model_id)}</code>{'<small>fine-tuned</small>' if speech.fine_tuned else ''}",
        formatting.credits(speech.credits),
        f"{formatting.moment(speech.created_at)}<small>{formatting.clock(speech.duration_seconds)}</small>",
        player(url, label=f"Speech: {speech.text}", autoplay=is_new),
        f'<a href="{url}?download=1" download>WAV</a> <a href="{url}?download=1&amp;container=mp3" download>MP3</a>',
    ]


def _is_for_trying_out(voice: Voice) -> bool:
    return voice.is_stock and not resolve(voice.model_id).is_production


def _voice_words(voice: Voice) -> str:
    return f"{voice.name} · {voice.model_id}"
