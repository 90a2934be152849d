"""The whole walk as a person goes it, with the tiny engine: recordings in, four voices that speak out."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from playground.services.fine_tuning import DISCLAIMER
from storage.records import Status
from tests.conftest import SPEECH
from tests.e2e.browsing import drop, level_dbfs, play, range_status
from tests.e2e.conftest import Server
from tests.making import TINY

TRAINING_MS = 170_000
BAD_FILES = {"notes.wav": b"These are words, no sound.\n" * 40, "empty.mp3": b""}
SHORTEST_MINUTES = 1


def test_from_recordings_to_four_voices(page: Page, server: Server, tmp_path: Path) -> None:
    _go_to_the_form(page, server)
    clone_id = _fill_in_the_form(page)
    with server.parts.storage.write() as tables:
        tables.fine_tunes.update(clone_id, training_minutes=SHORTEST_MINUTES)  # before the step that shows it is drawn
    _upload(page)
    _train(page)
    _reload_while_it_trains(page)
    expect(page.get_by_role("button", name="Test voices")).to_be_visible(timeout=TRAINING_MS)
    assert server.parts.fine_tuning.get(clone_id).status == Status.COMPLETED
    page.get_by_role("button", name="Test voices").click()
    _listen_to_all(page, tmp_path)
    _read_what_is_below(page)
    page.goto(server.url)
    expect(page.locator("#clones tbody tr").first).to_contain_text("Completed")


def _go_to_the_form(page: Page, server: Server) -> None:
    page.goto(server.url)
    expect(page.get_by_role("heading", name="Your Pro Voice Clones")).to_be_visible()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_role("heading", name="Best practices")).to_be_visible()
    page.locator("#create-draft").click()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Untitled Pro Voice Clone")


def _fill_in_the_form(page: Page) -> str:
    """Fill it in, reload, see that nothing is lost, go on; gives the clone's id."""
    expect(page.get_by_role("radio", name=re.compile("kokoro-82m-2025-01-27"))).to_be_checked()
    page.get_by_label("Name", exact=True).fill("")
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_test_id("toast-body").first).to_contain_text("Give the clone a name.")
    page.get_by_label("Name", exact=True).fill("Ärger & Söhne")
    page.get_by_text(TINY).click()
    expect(page.locator("#clone-head")).to_contain_text("Ärger & Söhne")
    expect(page.locator("#clone-head")).to_contain_text(TINY)
    page.reload()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Ärger & Söhne")
    expect(page.get_by_role("radio", name=re.compile(TINY))).to_be_checked()
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_label("Name of a new dataset").first).to_have_value("Ärger & Söhne")
    return page.url.split("clone=")[1].split("&")[0]


def _upload(page: Page) -> None:
    page.get_by_role("button", name="Create Dataset").click()
    expect(page.get_by_text("No recordings yet")).to_be_visible()
    drop(page, "#samples-drop", recordings() | BAD_FILES)
    rows = page.locator("#samples-files tbody tr")
    expect(rows).to_have_count(len(recordings()) - 1 + len(BAD_FILES))
    expect(row(page, "notes.wav")).to_contain_text("Rejected")
    expect(row(page, "notes.wav")).to_contain_text("not a sound file")
    expect(row(page, "empty.mp3")).to_contain_text("is empty (0 bytes)")
    expect(page.locator("#samples-status")).not_to_contain_text("being checked", timeout=90_000)
    expect(page.locator("#samples-summary")).to_contain_text("1.7 minutes of usable speech")
    assert play(row(page, "tt-allbusy.flac").locator("audio")) > 1
    page.get_by_role("button", name="Next", exact=True).click()


def _train(page: Page) -> None:
    button = page.get_by_role("button", name="Train Pro Voice Clone")
    expect(page.locator("#disclaimer")).to_contain_text(DISCLAIMER)
    expect(button).to_be_disabled()
    expect(page.locator("#train-problems")).to_contain_text("Confirm the statement above.")
    page.get_by_label("I confirm this").check()
    expect(page.locator("#train-problems")).not_to_contain_text("Confirm the statement above.")
    expect(page.locator("#train-problems")).to_contain_text("30 minutes or more give a better voice")
    expect(page.get_by_role("radio", name="1 minute", exact=True)).to_be_checked()
    expect(button).to_be_enabled()
    button.click()
    expect(page.locator("#training")).to_contain_text("You can close this page")


def _reload_while_it_trains(page: Page) -> None:
    expect(page.locator("#training .stages [aria-current=step]")).to_have_count(1, timeout=TRAINING_MS)
    page.reload()
    expect(page.locator("#training .stages [aria-current=step]")).to_have_count(1)
    expect(page.locator("#clone-head")).to_contain_text(re.compile(r"Training · \d+ %"))
    expect(page.get_by_role("button", name="Cancel training")).to_be_visible()


def _listen_to_all(page: Page, folder: Path) -> None:
    expect(page.locator("#test-price")).to_contain_text("54 characters: 81 credits")
    for position in range(4):
        card = page.locator(f"#voice-{position}")
        expect(card.get_by_role("heading")).to_have_text(f"Ärger & Söhne - V{position}")
        card.get_by_role("button", name="Speak").click()
        spoken = card.locator(".result audio")
        expect(spoken).to_have_count(1, timeout=60_000)
        assert play(spoken) > 1
        assert level_dbfs(page, spoken, folder) > -40
        assert range_status(page, spoken) == 206
        clip = card.locator("audio").first
        assert play(clip) > 0.9
        assert range_status(page, clip) == 206


def _read_what_is_below(page: Page) -> None:
    below = page.locator("#about-model")
    expect(below).to_contain_text("only with this id")
    for name in ("V0", "V1", "V2", "V3", "Base model from the same clip", "Recordings"):
        expect(below.locator(".report tbody tr").filter(has_text=name)).to_have_count(1)
    voice_id = page.locator("#voice-0 code").inner_text()
    expect(below.locator(".code").first).to_contain_text(voice_id)
    page.locator("#voice-0").get_by_role("button", name="Copy voice id").click()
    expect(page.locator("#voice-0 [data-copy]")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == voice_id


def recordings() -> dict[str, bytes]:
    """The test speech, and what is said in it."""
    return {path.name: path.read_bytes() for path in sorted(SPEECH.iterdir()) if path.suffix in (".flac", ".csv")}


def row(page: Page, words: str) -> Locator:
    return page.locator("#samples-files tbody tr").filter(has_text=words)
