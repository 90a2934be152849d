"""The page: navigation, and which view a place shows. Everything it shows is read from the services."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import gradio as gr

from playground.formatting import escape
from playground.pages.api import ApiPage
from playground.pages.clone import ClonePage
from playground.pages.clones import ClonesPage
from playground.pages.datasets import DatasetsPage
from playground.pages.markup import goto
from playground.pages.place import Place
from playground.pages.review import ReviewPage
from playground.pages.speech import SpeechPage
from playground.pages.usage import UsagePage
from playground.pages.voices import VoicesPage
from playground.pages.widgets import Updates, html, on
from playground.parts import Parts
from storage.errors import NotFound

if TYPE_CHECKING:
    from fastapi import FastAPI

HERE = Path(__file__).parent
TITLE = "Voice Playground"
LOOKS = ("page.css", "samples.css")
BOOTING = "?"
"""The router's value before the address is read: no query is this, so that the first one counts as a change."""

NAVIGATION = {
    "clones": "Pro Voice Clone",
    "voices": "Voices",
    "speech": "Text to speech",
    "datasets": "Datasets",
    "usage": "Usage",
    "api": "API",
}
DAY_SECONDS = 86_400
EVENTS_SECONDS = 0.02
"""How often the page looks for events. Gradio does it a thousand times a second: 7 % of a core, lost to a training."""


class View(Protocol):
    """One view: a column, what it may change, the timers that run while it is looked at, and what it shows."""

    column: gr.Column
    outputs: list[Any]
    timers: list[gr.Timer]

    def show(self, place: Place) -> Updates: ...


def mount(app: "FastAPI", parts: Parts) -> "FastAPI":
    """Serve the page at `/`, behind the routes that `app` has already."""
    _keep_to_this_machine(parts)
    app.add_middleware(_WithoutPageParameter)
    return gr.mount_gradio_app(
        app,
        _blocks(parts),
        path="/",
        ssr_mode=False,
        run_history=False,
        footer_links=[],
        show_error=False,
        enable_monitoring=False,
        theme=gr.themes.Base(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        head="".join(f"<style>{(HERE / name).read_text(encoding='utf-8')}</style>" for name in LOOKS),
    )


class _WithoutPageParameter:
    """Takes `?page=` as `?view=`: gradio claims that name for pages of its own, and fails when it knows none."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"] == "/":
            scope = scope | {"query_string": re.sub(rb"(^|&)page=", rb"\1view=", scope["query_string"])}
        await self._app(scope, receive, send)


def _keep_to_this_machine(parts: Parts) -> None:
    """No telemetry; uploads lie on the data disk, so that taking them in is a rename."""
    os.environ |= {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "GRADIO_TEMP_DIR": str(parts.storage.media.page_uploads),
    }


def _blocks(parts: Parts) -> gr.Blocks:
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(DAY_SECONDS, DAY_SECONDS)) as blocks:
        router = gr.HTML(
            BOOTING,
            html_template='<span class="unseen" aria-live="polite"></span>',
            js_on_load=(HERE / "page.js").read_text(encoding="utf-8"),
            apply_default_css=False,
            elem_id="router",
        )
        navigation = html(_navigation(Place()), elem_id="navigation")
        views: dict[str, View] = {
            "clones": ClonesPage(parts, router),
            "clone": ClonePage(parts, router),
            "voices": VoicesPage(parts),
            "speech": SpeechPage(parts),
            "datasets": DatasetsPage(parts, router),
            "review": ReviewPage(parts, router),
            "usage": UsagePage(parts),
            "api": ApiPage(parts),
        }
        _wire(blocks, router, navigation, views)
    blocks.queue(default_concurrency_limit=None)
    blocks._queue.sleep_when_free = EVENTS_SECONDS
    return blocks


def _wire(blocks: gr.Blocks, router: gr.HTML, navigation: gr.HTML, views: Mapping[str, View]) -> None:
    def show(query: str, request: gr.Request) -> Updates:
        place = Place.parse(query, origin=_origin(request))
        try:
            return _shown(place)
        except NotFound as error:
            gr.Warning(escape(str(error)), title="Not there any more")
            return {router: Place().query, **_shown(Place())}

    def _shown(place: Place) -> Updates:
        name = place.view if place.view in views else "clones"
        updates: Updates = {navigation: _navigation(place)}
        for other, view in views.items():
            updates[view.column] = gr.Column(visible=other == name)
            updates |= {timer: gr.Timer(active=False) for timer in view.timers}
        return updates | views[name].show(place)

    outputs: list[Any] = [router, navigation, *(view.column for view in views.values())]
    outputs += [output for view in views.values() for output in (*view.outputs, *view.timers)]
    blocks.load(None, outputs=[router], js="() => location.search.slice(1)")
    on(router.change, show, inputs=[router], outputs=list(dict.fromkeys(outputs)))


def _origin(request: gr.Request) -> str:
    """The address by which the person came, as the browser names it."""
    return f"{request.url.scheme}://{request.headers.get('host', '')}"


def _navigation(place: Place) -> str:
    current = "clones" if place.clone else "datasets" if place.view == "review" else place.view
    here = ' aria-current="page"'
    links = "".join(
        f"<li{here if view == current else ''}>{goto(Place(view=view), words)}</li>"
        for view, words in NAVIGATION.items()
    )
    return f'<nav aria-label="Main"><span class="brand">{TITLE}</span><ul>{links}</ul></nav>'
