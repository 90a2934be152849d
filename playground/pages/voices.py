"""The Library: all voices, stock and own."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from model.base_models import LANGUAGE_NAMES
from playground.pages.markup import action, copyable, empty, goto, heading, player, table
from playground.pages.place import Place
from playground.pages.widgets import Confirmation, NameForm, Updates, clickable, focus_dialog, html, on
from playground.parts import Parts
from storage.records import Voice

OWNERS = {"All": None, "My voices": True, "Stock": False}
COLUMNS = ("Name", "Language", "Model", "Preview", "")


class VoicesPage:
    """Search, preview, rename, describe, delete, copy the id."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        with gr.Column(visible=False, elem_id="page-voices", elem_classes="page") as self.column:
            html(heading("Voices", "Stock voices of the base models, and the voices of your clones."))
            with gr.Row(elem_classes="filters"):
                self._search = gr.Textbox(label="Search", max_lines=1, elem_id="voices-search")
                self._owner = gr.Radio([*OWNERS], value="All", label="Show", elem_id="voices-owner")
            self._form = NameForm("voice-form", noun="voice")
            self._confirmation = Confirmation("delete-voice-dialog", verb="Delete the voice")
            self._list = clickable(elem_id="voices")
        dialogs = [*self._form.outputs, *self._confirmation.outputs]
        filters = [self._search, self._owner]
        self.timers: list[gr.Timer] = []
        self.outputs: list[Any] = [*filters, self._list, *dialogs]
        on(self._search.change, self._rows, inputs=filters, outputs=[self._list], trigger_mode="always_last")
        on(self._owner.input, self._rows, inputs=filters, outputs=[self._list])
        focus_dialog(on(self._list.click, self._act, outputs=dialogs))
        on(self._form.save.click, self._save, inputs=[*self._form.inputs, *filters], outputs=[self._list, *dialogs])
        on(
            self._confirmation.confirm.click,
            self._delete,
            inputs=[self._confirmation.subject, *filters],
            outputs=[self._list, *dialogs],
        )

    def show(self, place: Place) -> Updates:
        closed = self._form.close() | self._confirmation.close()
        return closed | {self._search: "", self._owner: "All"} | self._rows("", "All")

    def _rows(self, search: str, owner: str) -> Updates:
        return {self._list: _list_of(self._parts.voices.search(search, is_owner=OWNERS[owner]))}

    def _act(self, event: gr.EventData) -> Updates:
        voice = self._parts.voices.get(event.id)
        if event.action == "edit":
            opened = self._form.open(voice.id, name=voice.name, description=voice.description)
            return opened | self._confirmation.close()
        goes = "Programs that use its id get “voice not found” from then on. Its clone and the other voices stay."
        return self._confirmation.ask(voice.id, f"Delete “{voice.name}”?", [goes]) | self._form.close()

    def _save(self, voice_id: str, name: str, description: str, search: str, owner: str) -> Updates:
        self._parts.voices.update(voice_id, name=name, description=description)
        return self._form.close() | self._rows(search, owner)

    def _delete(self, voice_id: str, search: str, owner: str) -> Updates:
        self._parts.voices.delete(voice_id)
        return self._confirmation.close() | self._rows(search, owner)


def _list_of(voices: Sequence[Voice]) -> str:
    if not voices:
        return empty("No voice matches", "Search by name, description or id.")
    return table("Voices", COLUMNS, [_row(voice) for voice in voices])


def _row(voice: Voice) -> list[str]:
    buttons = goto(Place(view="speech", voice=voice.id), "Use", style="button small")
    if not voice.is_stock:
        buttons += action("edit", voice.id, "Edit", label=f"Rename or describe {voice.name}")
        buttons += action("delete", voice.id, "Delete", label=f"Delete {voice.name}")
    language = LANGUAGE_NAMES.get(voice.language, voice.language)
    return [
        f"<strong>{escape(voice.name)}</strong><small>{escape(voice.description)}</small>"
        + copyable(voice.id, label=f"the id of {voice.name}"),
        escape(language) + (f"<small>{escape(voice.gender.replace('_', ' '))}</small>" if voice.gender else ""),
        f"<code>{escape(voice.model_id)}</code>",
        player(f"/voices/{voice.id}/preview", label=f"Preview of {voice.name}"),
        f'<div class="buttons">{buttons}</div>',
    ]
