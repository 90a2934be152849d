"""What a person does with the page, and what a test must see: dropping files, playing sound, no faults."""

import base64
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page, Request

from model.audio import decode_to_wav, read_wav

LEAVING = ("AbortError", "Connection errored out", "Failed to fetch", "network error")
"""What gradio writes to the console when the page is left while it asks the server something."""

MAKE_TRANSFER = """(files) => {
  const transfer = new DataTransfer();
  for (const [name, content] of files) {
    const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
    transfer.items.add(new File([bytes], name));
  }
  return transfer;
}"""

PLAY_TO_THE_END = """async (audio) => {
  const happens = (name) => new Promise((done) => audio.addEventListener(name, done, { once: true }));
  audio.pause();
  audio.currentTime = 0;
  audio.playbackRate = 4;
  const ended = happens("ended");
  await audio.play();
  const start = audio.currentTime;
  while (audio.currentTime < start + 0.5) await happens("timeupdate");
  await ended;
  return audio.duration;
}"""


class Watched:
    """The faults of one page, as they happen."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self.is_leaving = False

    def console(self, kind: str, text: str) -> None:
        if kind == "error" and not (self.is_leaving and any(words in text for words in LEAVING)):
            self.all.append(f"console: {text}")

    def request(self, request: Request) -> None:
        if not request.url.startswith(("http://127.0.0.1", "data:", "blob:")):
            self.all.append(f"foreign request: {request.url}")

    def leaving(self, navigate: Callable[..., Any]) -> Callable[..., Any]:
        """A way to leave the page, during which the words of leaving are let pass."""

        def leave(*arguments: Any, **options: Any) -> Any:
            self.is_leaving = True
            try:
                return navigate(*arguments, **options)
            finally:
                self.is_leaving = False

        return leave


def watched(page: Page) -> Watched:
    """Listen from now on. Only the console's words of a page that the test is leaving are let pass."""
    faults = Watched()
    page.on("console", lambda message: faults.console(message.type, message.text))
    page.on("pageerror", lambda error: faults.all.append(f"script error: {error}"))
    page.on("request", faults.request)
    for name in ("goto", "reload", "close"):
        setattr(page, name, faults.leaving(getattr(page, name)))
    return faults


def drop(page: Page, zone: str, files: Mapping[str, bytes]) -> None:
    """Drop files onto an upload, all at once."""
    content = [[name, base64.b64encode(data).decode()] for name, data in files.items()]
    transfer = page.evaluate_handle(MAKE_TRANSFER, content)
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event(f"{zone} button[aria-dropeffect]", event, {"dataTransfer": transfer})


def play(audio: Locator) -> float:
    """Play all of it, in a quarter of its time; gives its length in seconds.

    It fails when the sound does not start, go on or end.
    """
    return float(audio.evaluate(PLAY_TO_THE_END))


def level_dbfs(page: Page, audio: Locator, folder: Path) -> float:
    """Fetch what a player plays, decode it and give its RMS level in dB of full scale."""
    fetched = page.request.get(str(audio.evaluate("(audio) => audio.src")))
    assert fetched.ok
    source = folder / "fetched"
    source.write_bytes(fetched.body())
    decode_to_wav(source, folder / "fetched.wav")
    waveform, _ = read_wav(folder / "fetched.wav")
    return float(10 * np.log10(np.mean(waveform.astype(np.float64) ** 2)))


def range_status(page: Page, audio: Locator) -> int:
    """The status of a request for the first hundred bytes."""
    url = str(audio.evaluate("(audio) => audio.src"))
    return page.request.get(url, headers={"Range": "bytes=0-99"}).status
