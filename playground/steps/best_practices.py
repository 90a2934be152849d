"""Step 1: what makes a good clone, before anything is filled in."""

from typing import Any

import gradio as gr

from model.decoding import FORMATS
from playground.pages.markup import heading
from playground.pages.place import Place
from playground.pages.widgets import Updates, html, on
from playground.parts import Parts
from playground.services.clone_form import CloneForm
from storage.records import FineTune

PRACTICES = (
    (
        '<circle cx="12" cy="8" r="4"/><path d="M4 21c0-5 4-7 8-7s8 2 8 7"/>',
        "One speaker only",
        "Nobody else, not even in the background.",
    ),
    (
        '<path d="M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18"/><circle cx="12" cy="12" r="9"/>',
        "One language",
        "The one that you choose in the next step.",
    ),
    (
        '<path d="M4 12v0M8 7v10M12 4v16M16 8v8M20 11v2"/>',
        "As the voice shall sound",
        "The clone copies noise, loudness and manner of speaking too.",
    ),
    (
        '<circle cx="12" cy="12" r="9"/><path d="M12 6v6l4 3"/>',
        "30 minutes or more",
        "About two hours are ideal. One minute is the least that trains.",
    ),
    (
        '<path d="M4 5h16v11H9l-5 4z"/><path d="M8 9h8M8 12h5"/>',
        "Natural sentences",
        "Varied and complete, without long pauses, music or effects.",
    ),
    (
        '<path d="M6 3h9l4 4v14H6z"/><path d="M14 3v5h5"/>',
        "Any usual format",
        f"{', '.join(name.upper() for name in FORMATS[:9])} and more. Transcripts may lie beside.",
    ),
)


class BestPractices:
    """Six pictures and a button that makes the draft."""

    def __init__(self, parts: Parts, router: gr.HTML) -> None:
        self._parts = parts
        html(heading("Best practices", "The recordings decide how good the clone becomes.", level=2) + _pictures())
        with gr.Row(elem_classes="lead-on"):
            self._create = gr.Button(
                "Create", variant="primary", elem_id="create-draft", interactive=parts.accounts.pvc_enabled
            )
            self._next = gr.Button("Next", variant="primary", elem_id="practices-next", visible=False)
        if not parts.accounts.pvc_enabled:
            html(f'<p class="refusal">{parts.accounts.plan_refusal}</p>')
        self.outputs: list[Any] = [self._create, self._next]
        on(self._create.click, self._make_draft, outputs=[router])
        on(self._next.click, lambda query: Place.parse(query).at_step(2).query, inputs=[router], outputs=[router])

    def show(self, clone: FineTune | None) -> Updates:
        """`clone` is None before there is a draft."""
        return {self._create: gr.Button(visible=clone is None), self._next: gr.Button(visible=clone is not None)}

    def _make_draft(self) -> str:
        draft = self._parts.fine_tuning.create_draft(CloneForm())
        return Place(view="clone", clone=draft.id, step=2).query


def _pictures() -> str:
    return (
        '<ul class="practices">'
        + "".join(
            f'<li><svg viewBox="0 0 24 24" aria-hidden="true">{drawing}</svg>'
            f"<div><h3>{title}</h3><p>{words}</p></div></li>"
            for drawing, title, words in PRACTICES
        )
        + "</ul>"
    )
