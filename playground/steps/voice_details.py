"""Step 2: the form of a clone, saved as a draft with every change."""

from functools import partial
from html import escape
from typing import Any

import gradio as gr

from model.base_models import LANGUAGE_NAMES, BaseModel, production_model, resolve
from playground import formatting
from playground.pages.markup import heading
from playground.pages.place import Place
from playground.pages.widgets import Updates, html, on
from playground.parts import Parts
from playground.services.clone_form import DEFAULT_NAME
from storage.records import FineTune, Status

GENDERS = [("Not said", ""), ("Feminine", "feminine"), ("Masculine", "masculine"), ("Neutral", "gender_neutral")]


class VoiceDetails:
    """Name, description, language, gender and base model."""

    def __init__(self, parts: Parts, router: gr.HTML) -> None:
        self._parts = parts
        base = production_model()
        html(heading("Voice details", level=2))
        self._locked = html(elem_id="details-locked")
        self._name = gr.Textbox(label="Name", value=DEFAULT_NAME, max_lines=1, elem_id="clone-name")
        self._description = gr.Textbox(
            label="Description", lines=2, placeholder="Optional: what is it for?", elem_id="clone-description"
        )
        self._language = gr.Radio(
            _languages(base),
            value=base.languages[0],
            label="Language",
            info="It must be the language of the recordings.",
            elem_id="clone-language",
        )
        self._gender = gr.Radio(GENDERS, value="", label="Gender of the voice", elem_id="clone-gender")
        self._model = gr.Radio(
            formatting.base_model_choices(),
            value=base.id,
            label="Base model",
            info="The clone stays pinned to this dated version.",
            elem_id="clone-model",
            elem_classes="base-models",
        )
        fields = [self._name, self._description, self._language, self._gender, self._model]
        with gr.Row(elem_classes="lead-on"):
            leave = gr.Button("Next", variant="primary", elem_id="details-next")
        self.outputs: list[Any] = [*fields, self._locked]
        save = partial(on, trigger_mode="always_last")
        save(self._name.blur, self._save_name, inputs=[router, self._name])
        save(self._description.blur, self._save_description, inputs=[router, self._description])
        save(self._language.input, self._save_language, inputs=[router, self._language])
        save(self._gender.input, self._save_gender, inputs=[router, self._gender])
        base_and_language = [self._model, self._language]
        save(self._model.input, self._choose_model, inputs=[router, *base_and_language], outputs=[self._language])
        on(leave.click, self._lead_on, inputs=[router, *fields], outputs=[router])

    def show(self, clone: FineTune) -> Updates:
        is_draft = clone.status == Status.DRAFT
        base = resolve(clone.model_id)
        locked = "" if is_draft else "These details were fixed when the training began."
        return {
            self._locked: f'<p class="hint">{escape(locked)}</p>' if locked else "",
            self._name: gr.Textbox(value=clone.name, interactive=is_draft),
            self._description: gr.Textbox(value=clone.description, interactive=is_draft),
            self._language: gr.Radio(_languages(base), value=clone.language, interactive=is_draft),
            self._gender: gr.Radio(value=clone.gender, interactive=is_draft),
            self._model: gr.Radio(value=clone.model_id, interactive=is_draft),
        }

    def _choose_model(self, query: str, model_id: str, language: str) -> Updates:
        base = resolve(model_id)
        language = language if language in base.languages else base.languages[0]
        self._save(query, model_id=model_id, language=language)
        return {self._language: gr.Radio(_languages(base), value=language)}

    def _save_name(self, query: str, name: str) -> None:
        self._save(query, name=name)

    def _save_description(self, query: str, description: str) -> None:
        self._save(query, description=description)

    def _save_language(self, query: str, language: str) -> None:
        self._save(query, language=language)

    def _save_gender(self, query: str, gender: str) -> None:
        self._save(query, gender=gender)

    def _lead_on(self, query: str, name: str, description: str, language: str, gender: str, model_id: str) -> str:
        self._save(query, name=name, description=description, language=language, gender=gender, model_id=model_id)
        return Place.parse(query).at_step(3).query

    def _save(self, query: str, **changes: str) -> None:
        clone = self._parts.fine_tuning.get(Place.parse(query).clone)
        if clone.status == Status.DRAFT:
            self._parts.fine_tuning.update_draft(clone.id, **changes)


def _languages(base: BaseModel) -> list[tuple[str, str]]:
    return [(LANGUAGE_NAMES.get(code, code), code) for code in base.languages]
