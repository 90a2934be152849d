"""A browser, a real server in a process of its own, and pages whose faults fail the test."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import soundfile
from playwright.sync_api import Browser, Page, expect, sync_playwright

from playground.browser import find_browser
from playground.parts import Parts, make_parts
from playground.settings import Settings
from tests.conftest import ROOT, SPEECH
from tests.e2e.browsing import Watched, watched

expect.set_options(timeout=20_000)

QUIET = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


@dataclass(frozen=True, kw_only=True)
class Server:
    """Where it answers, and its data folder as its services see it."""

    url: str
    parts: Parts
    pid: int


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The system's Chromium, else playwright's own; a recording speaks into its microphone, again and again."""
    spoken = tmp_path_factory.mktemp("microphone") / "spoken.wav"
    soundfile.write(spoken, *soundfile.read(SPEECH / "vm-instructions.flac"))
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(
            executable_path=find_browser(), args=[*QUIET, f"--use-file-for-fake-audio-capture={spoken}"]
        )
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, weights_dir: Path) -> Iterator[Server]:
    """The playground as a person starts it, with inspector and worker."""
    yield from _serve(tmp_path_factory.mktemp("served"), weights_dir, "PLAYGROUND_SUPPORT_ADDRESS=help@example.org")


@pytest.fixture(scope="session")
def free_plan_server(tmp_path_factory: pytest.TempPathFactory, weights_dir: Path) -> Iterator[Server]:
    """One whose plan has no Pro Voice Cloning."""
    yield from _serve(tmp_path_factory.mktemp("free"), weights_dir, "PLAYGROUND_PLAN=free", "--no-worker")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which no fault may happen: no script error, no console error, no request to another host."""
    yield from _page(browser, width=1200, height=900)


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    """The same, 320 px wide."""
    yield from _page(browser, width=320, height=640)


def _page(browser: Browser, *, width: int, height: int) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": width, "height": height})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    faults: Watched = watched(opened)
    yield opened
    opened.close()
    context.close()
    assert faults.all == []


def _serve(data_dir: Path, weights_dir: Path, setting: str, *options: str) -> Iterator[Server]:
    name, value = setting.split("=")
    environment = {**os.environ, "PLAYGROUND_WEIGHTS_DIR": str(weights_dir), name: value}
    command = [sys.executable, "app.py", "serve", "--port", "0", "--data-dir", str(data_dir), *options]
    process = subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lines: list[str] = []
    url = _url_of(process, lines)
    reader = threading.Thread(target=lambda: lines.extend(process.stdout or []), daemon=True)
    reader.start()
    yield Server(url=url, parts=make_parts(Settings(data_dir=data_dir, weights_dir=weights_dir)), pid=process.pid)
    process.terminate()
    process.wait(20)
    reader.join()
    faults = [line for line in lines if "Traceback" in line or " fault " in line]
    assert faults == [], "".join(lines)


def _url_of(process: "subprocess.Popen[str]", lines: list[str]) -> str:
    """The address that the server prints when it is ready."""
    for line in process.stdout or []:
        lines.append(line)
        if "http://" in line:
            return line[line.index("http://") :].strip()
    raise AssertionError("the server ended before it served:\n" + "".join(lines))
