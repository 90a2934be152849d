"""API: keys, the base URL, and examples that run as they are."""

from collections.abc import Sequence
from html import escape
from typing import Any

import gradio as gr

from model.base_models import production_model
from playground.formatting import moment
from playground.pages import examples
from playground.pages.markup import action, copyable, empty, facts, heading, notice, table
from playground.pages.place import Place
from playground.pages.widgets import Confirmation, Updates, clickable, focus_dialog, html, on
from playground.parts import Parts
from playground.services.keys import Scope
from playground.services.voices import stock_voice_id
from storage.records import ApiKey

SCOPES = {"Everything": Scope.EVERYTHING, "Speech only": Scope.SPEECH}
NEEDED = "in place of “local” below; with curl, -H 'Authorization: Bearer KEY'"
WEBHOOKS = (
    "The address that a training names as webhook_url is called at its end. Check the signature with this secret:"
)
COLUMNS = ("Name", "For", "Made", "Last used", "")


class ApiPage:
    """Makes, lists and revokes keys; the rest is to read."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        with gr.Column(visible=False, elem_id="page-api", elem_classes="page") as self.column:
            html(heading("API", "What this page does, programs can do: the calls are those of Cartesia's API."))
            self._facts = html(elem_id="api")
            html("<h2>Keys</h2>")
            with gr.Row(elem_classes="filters"):
                self._name = gr.Textbox(label="Name", placeholder="What will use it", max_lines=1, elem_id="key-name")
                self._scope = gr.Radio([*SCOPES], value="Everything", label="For", elem_id="key-scope")
                self._create = gr.Button("Create key", variant="primary", size="sm", elem_id="create-key")
            self._new = html(elem_id="new-key")
            self._confirmation = Confirmation("revoke-key-dialog", verb="Revoke the key")
            self._keys = clickable(elem_id="keys")
            self._examples = html(elem_id="api-examples")
        self.timers: list[gr.Timer] = []
        dialog = self._confirmation.outputs
        self.outputs: list[Any] = [self._facts, self._name, self._new, self._keys, self._examples, *dialog]
        on(
            self._create.click,
            self._make,
            inputs=[self._name, self._scope],
            outputs=[self._name, self._new, self._keys],
        )
        focus_dialog(on(self._keys.click, self._ask, outputs=dialog))
        on(
            self._confirmation.confirm.click,
            self._revoke,
            inputs=[self._confirmation.subject],
            outputs=[self._new, self._keys, *dialog],
        )

    def show(self, place: Place) -> Updates:
        base = production_model()
        voice_id = stock_voice_id(base.id, base.stock_voices[0])
        return self._confirmation.close() | {
            self._facts: facts(self._given(place)),
            self._name: "",
            self._new: "",
            self._keys: _list_of(self._parts.keys.all()),
            self._examples: "<h2>Speak</h2>"
            + examples.speaking(origin=place.origin, voice_id=voice_id, model_id=base.id)
            + "<h2>Clone</h2>"
            + examples.cloning(origin=place.origin, model_id=base.id)
            + "<h2>Webhooks</h2>"
            + f"<p>{WEBHOOKS}</p>"
            + _secret(self._parts.webhooks.secret, label="the webhook secret"),
        }

    def _given(self, place: Place) -> dict[str, str]:
        base = production_model()
        asks = self._parts.access.needs_key
        aliases = " or ".join(base.aliases)
        return {
            "Base URL": copyable(place.origin, label="base URL"),
            "Documents": '<a href="/docs">/docs</a><small>every call, to try out</small>',
            "Model": copyable(base.id, label="model id") + f"<small>also as {escape(aliases)}</small>",
            "Key": f"needed<small>{NEEDED}</small>{SIGN_OUT}"
            if asks
            else "none is needed on this machine<small>any is accepted but a revoked one</small>",
        }

    def _make(self, name: str, scope: str) -> Updates:
        key, secret = self._parts.keys.create(name, SCOPES[scope])
        words = "<p>Copy it now: it is not kept here and cannot be shown again.</p>"
        shown = notice(f"The key “{key.name}”", words + _secret(secret, label="the key"), tone="good")
        return {
            self._name: "",
            self._new: f'<div role="status">{shown}</div>',
            self._keys: _list_of(self._parts.keys.all()),
        }

    def _ask(self, event: gr.EventData) -> Updates:
        key = self._parts.keys.get(event.id)
        goes = "Programs that use it are refused from then on, with its access tokens and signed-in pages."
        return self._confirmation.ask(key.id, f"Revoke “{key.name}”?", [goes])

    def _revoke(self, key_id: str) -> Updates:
        self._parts.keys.revoke(key_id)
        return self._confirmation.close() | {self._new: "", self._keys: _list_of(self._parts.keys.all())}


SIGN_OUT = '<form method="post" action="/sign-out"><button class="small quiet">Sign out</button></form>'


def _secret(text: str, *, label: str) -> str:
    """With a copy button; it is long, and may break anywhere."""
    return f'<div class="secret">{copyable(text, label=label)}</div>'


def _list_of(keys: Sequence[ApiKey]) -> str:
    if not keys:
        return empty("No keys yet", "Others on the network can be let in once there is one.")
    return table("Keys", COLUMNS, [_row(key) for key in keys])


def _row(key: ApiKey) -> list[str]:
    scope = next(words for words, scope in SCOPES.items() if scope == key.scope)
    used = moment(key.last_used_at) if key.last_used_at else "never"
    return [
        f"<strong>{escape(key.name)}</strong><small>ends with {escape(key.hint)}</small>",
        scope,
        moment(key.created_at),
        f"revoked {moment(key.revoked_at)}" if key.revoked_at else used,
        "" if key.revoked_at else action("revoke", key.id, "Revoke", label=f"Revoke {key.name}"),
    ]
