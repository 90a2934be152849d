"""The other pages, the plan gate, and narrow screens."""

import re
from pathlib import Path

from playwright.sync_api import Page, expect

from playground.services.clone_form import CloneForm
from playground.services.voices import SDK_EXAMPLE_VOICE
from tests.conftest import SPEECH
from tests.e2e.browsing import drop, level_dbfs, play
from tests.e2e.conftest import Server
from tests.making import TINY

VIEWS = {
    "Voices": "Voices",
    "Text to speech": "Text to speech",
    "Datasets": "Datasets",
    "Usage": "Usage",
    "API": "API",
    "Pro Voice Clone": "Pro Voice Clone",
}
"""Links, and the headings of where they lead."""


def test_recordings_come_and_go_and_duplicates_are_said(page: Page, server: Server) -> None:
    dataset = server.parts.datasets.create("Comings and goings")
    page.goto(f"{server.url}/?view=datasets&dataset={dataset.id}")
    sound = (SPEECH / "vm-sorry.flac").read_bytes()
    rows = page.locator("#dataset-files tbody tr")
    drop(page, "#dataset-drop", {"first take.flac": sound})
    expect(rows).to_have_count(1)
    drop(
        page, "#dataset-drop", {"zweite Äußerung.flac": (SPEECH / "tt-weasels.flac").read_bytes(), "again.flac": sound}
    )
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text="again.flac")).to_contain_text("The same recording as “first take.flac”")
    page.get_by_role("button", name="Remove zweite Äußerung.flac").click()
    expect(rows).to_have_count(2)
    expect(page.locator("#dataset-status").get_by_role("status")).to_have_text("2 files · 1 rejected", timeout=60_000)
    page.get_by_role("button", name="Remove first take.flac").click()
    expect(rows).to_have_count(1)
    expect(rows.locator("audio")).to_have_count(1, timeout=60_000)
    page.reload()
    expect(rows).to_have_count(1)


def test_a_dataset_is_renamed_and_deleted_after_a_question(page: Page, server: Server) -> None:
    server.parts.datasets.create("Old name")
    page.goto(f"{server.url}/?view=datasets")
    page.get_by_role("button", name="Rename Old name").click()
    page.locator("#dataset-form-name input").fill("New name")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Delete New name").click()
    expect(page.get_by_role("alert").filter(has_text="Delete “New name”?")).to_be_visible()
    page.get_by_role("button", name="Delete the dataset").click()
    expect(page.locator("#datasets")).not_to_contain_text("New name")


def test_any_voice_speaks_and_the_result_stays(page: Page, server: Server, tmp_path: Path) -> None:
    voice = next(voice for voice in server.parts.voices.search() if voice.model_id == TINY)
    page.goto(f"{server.url}/?view=speech&voice={voice.id}")
    page.get_by_label("Text", exact=True).fill("Good morning, and thank you for listening.")
    expect(page.locator("#speech-price")).to_contain_text("42 characters: 42 credits")
    page.locator("#speak").click()
    result = page.locator("#speeches tbody tr").filter(has_text="Good morning")
    expect(result).to_have_count(1, timeout=60_000)
    assert play(result.locator("audio")) > 1
    assert level_dbfs(page, result.locator("audio"), tmp_path) > -40
    with page.expect_download() as download:
        result.get_by_role("link", name="WAV").click()
    assert Path(download.value.path()).read_bytes()[:4] == b"RIFF"
    with page.expect_download() as download:
        result.get_by_role("link", name="MP3").click()
    assert download.value.suggested_filename.endswith(".mp3")
    page.goto(f"{server.url}/?page=usage")
    expect(page.locator("#ledger tbody tr").filter(has_text=voice.name)).to_contain_text("−42")


def test_an_empty_text_is_refused_in_words(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/?view=speech")
    page.get_by_label("Text", exact=True).fill("…")
    page.locator("#speak").click()
    expect(page.get_by_test_id("toast-body").first).to_contain_text("There is no text to speak.")


def test_voices_are_found_and_the_back_button_works(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.get_by_role("link", name="Voices", exact=True).click()
    expect(page.locator("#voices tbody tr").filter(has_text="Stock voice of Kokoro").first).to_be_visible()
    page.get_by_label("Search", exact=True).fill(SDK_EXAMPLE_VOICE.upper())
    expect(page.locator("#voices tbody tr")).to_have_count(1)
    page.go_back()
    expect(page.get_by_role("heading", name="Your Pro Voice Clones")).to_be_visible()


def test_a_clone_is_deleted_after_a_question_that_names_what_goes(page: Page, server: Server) -> None:
    draft = server.parts.fine_tuning.create_draft(CloneForm(name="Nobody needs me", model_id=TINY))
    page.goto(f"{server.url}/?clone={draft.id}")
    page.locator("#delete-clone").click()
    expect(page.get_by_role("alert").filter(has_text="the dataset stays")).to_be_visible()
    expect(page.get_by_role("button", name="Keep it")).to_be_focused()
    page.get_by_role("button", name="Delete the clone").click()
    expect(page.get_by_role("heading", name="Your Pro Voice Clones")).to_be_visible()
    expect(page.locator("#clones")).not_to_contain_text("Nobody needs me")


def test_an_address_of_something_gone_leads_home_and_says_so(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/?clone=fine_tune_gone")
    expect(page.get_by_test_id("toast-body").first).to_contain_text("There is no fine-tune")
    expect(page.get_by_role("heading", name="Your Pro Voice Clones")).to_be_visible()


def test_a_plan_without_cloning_sees_the_page_but_cannot_create(page: Page, free_plan_server: Server) -> None:
    page.goto(free_plan_server.url)
    expect(page.get_by_role("button", name="Create", exact=True)).to_be_disabled()
    expect(page.locator("#plan-refusal")).to_have_text(
        re.compile("not part of the plan “free”. Contact support to enable it.")
    )
    page.goto(f"{free_plan_server.url}/?clone=new")
    expect(page.locator("#create-draft")).to_be_disabled()


def test_every_page_fits_a_small_phone(phone: Page, server: Server) -> None:
    phone.goto(server.url)
    for link, title in VIEWS.items():
        phone.get_by_role("link", name=link, exact=True).click()
        expect(phone.get_by_role("heading", level=1, name=title, exact=True)).to_be_visible()
        assert phone.evaluate("document.documentElement.scrollWidth") <= 320, title


def test_the_walk_goes_by_keyboard_alone(page: Page, server: Server) -> None:
    page.goto(server.url)
    page.get_by_role("button", name="Create", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.locator("#create-draft")).to_be_visible()
    page.locator("#create-draft").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_visible()
    page.get_by_label("Name", exact=True).focus()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("By keyboard")
    page.keyboard.press("Tab")
    expect(page.locator("#clone-description textarea")).to_be_focused()
    page.locator("#details-next").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#dataset-name input")).to_have_value("By keyboard")


def test_a_key_is_made_shown_once_and_revoked(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/?view=api")
    page.locator("#key-name input").fill("robot")
    page.get_by_role("button", name="Create key").click()
    expect(page.locator("#new-key code")).to_contain_text("sk_car_")
    secret = page.locator("#new-key code").inner_text()
    assert server.parts.keys.caller_of(secret) is not None
    page.reload()
    expect(page.locator("#keys")).to_contain_text("robot")
    expect(page.locator("body")).not_to_contain_text(secret)
    page.get_by_role("button", name="Revoke robot").click()
    expect(page.get_by_role("alert").filter(has_text="Revoke “robot”?")).to_be_visible()
    page.get_by_role("button", name="Revoke the key").click()
    expect(page.locator("#keys")).to_contain_text("revoked")
    assert server.parts.keys.all()[0].revoked_at is not None
