"""API: the base URL and examples that run as they are."""

from html import escape
from typing import Any

import gradio as gr

from model.base_models import production_model
from playground.pages import examples
from playground.pages.markup import copyable, facts, heading
from playground.pages.place import Place
from playground.pages.widgets import Updates, html
from playground.parts import Parts
from playground.services.voices import stock_voice_id


class ApiPage:
    """Read only."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        with gr.Column(visible=False, elem_id="page-api", elem_classes="page") as self.column:
            html(heading("API", "What this page does, programs can do: the calls are those of Cartesia's API."))
            self._body = html(elem_id="api")
        self.timers: list[gr.Timer] = []
        self.outputs: list[Any] = [self._body]

    def show(self, place: Place) -> Updates:
        base = production_model()
        voice_id = stock_voice_id(base.id, base.stock_voices[0])
        aliases = " or ".join(base.aliases)
        ids = {
            "Base URL": copyable(place.origin, label="base URL"),
            "Model": copyable(base.id, label="model id") + f"<small>also as {escape(aliases)}</small>",
            "Key": "none is needed on this machine<small>any key is accepted</small>",
        }
        body = facts(ids)
        body += "<h2>Speak</h2>" + examples.speaking(origin=place.origin, voice_id=voice_id, model_id=base.id)
        body += "<h2>Clone</h2>" + examples.cloning(origin=place.origin, model_id=base.id)
        return {self._body: body}
