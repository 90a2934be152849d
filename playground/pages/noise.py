"""Noise reduction of a dataset: a switch, and one clip to hear before and after."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from playground.pages.markup import player
from playground.pages.place import Place
from playground.pages.widgets import Updates, html, on
from playground.parts import Parts
from storage.records import Clip


class NoiseReduction:
    """Off by default; the recordings stay as they are. `dataset_of` tells which dataset a place means."""

    def __init__(
        self, parts: Parts, router: gr.HTML, *, prefix: str, dataset_of: Callable[[Place], str | None]
    ) -> None:
        self._parts = parts
        self._dataset_of = dataset_of
        self._switch = gr.Checkbox(
            label="Reduce steady noise in trainings",
            info="The recordings stay as they are. It helps noisy ones; clear ones need none.",
            elem_id=f"{prefix}-noise",
            visible=False,
        )
        self._heard = html(elem_id=f"{prefix}-noise-heard")
        self.outputs: list[Any] = [self._switch, self._heard]
        on(self._switch.input, self._turn, inputs=[router, self._switch], outputs=self.outputs)

    def show(self, place: Place) -> Updates:
        dataset_id = self._dataset_of(place)
        if not dataset_id or not self._parts.datasets.summary(dataset_id).files:
            return {self._switch: gr.Checkbox(visible=False), self._heard: ""}
        is_on = self._parts.datasets.get(dataset_id).reduces_noise
        clip = self._parts.datasets.noisiest_clip(dataset_id) if is_on else None
        return {
            self._switch: gr.Checkbox(value=is_on, visible=True),
            self._heard: before_and_after(clip) if clip else "",
        }

    def _turn(self, query: str, is_on: bool) -> Updates:
        place = Place.parse(query)
        dataset_id = self._dataset_of(place)
        if dataset_id:
            self._parts.datasets.set_noise_reduction(dataset_id, is_on=is_on)
        return self.show(place)


def before_and_after(clip: Clip) -> str:
    """Players of one clip of the noisiest recording."""
    url = f"/datasets/{clip.dataset_id}/clips/{clip.id}/audio"
    return (
        '<div class="compare">'
        f"<div><h3>As recorded</h3>{player(url, label='A clip as it was recorded')}</div>"
        f"<div><h3>With less noise</h3>{player(f'{url}?without_noise=true', label='The same clip with less noise')}"
        "<small>Made when you press play; that takes some seconds.</small></div></div>"
    )
