"""The review of transcripts: edit in place, exclude, undo, page by page."""

from playwright.sync_api import Page, expect

from storage.records import Clip, Dataset, TranscriptSource
from tests.conftest import SPEECH
from tests.e2e.browsing import play
from tests.e2e.conftest import Server
from tests.making import checked_dataset

SAID = "Sorry, you seem to be having a problem."


def spoken_dataset(server: Server, *, clips: int) -> Dataset:
    """A dataset of clips whose text was given, so that recognition leaves them alone."""
    dataset = checked_dataset(server.parts, clips=clips, audio=SPEECH / "vm-sorry.flac")
    with server.parts.storage.write() as tables:
        for clip in tables.clips.of_dataset(dataset.id):
            tables.clips.update(clip.id, transcript=SAID, transcript_source=TranscriptSource.GIVEN, given=SAID)
    return dataset


def test_a_transcript_is_edited_a_clip_excluded_and_both_taken_back(page: Page, server: Server) -> None:
    dataset = spoken_dataset(server, clips=3)
    page.goto(f"{server.url}/?view=datasets&dataset={dataset.id}")
    page.get_by_role("link", name="Review transcripts").click()
    boxes = page.locator("#review-clips textarea")
    expect(boxes).to_have_count(3)
    assert play(page.locator("#review-clips audio").first) > 0.5
    boxes.first.fill("Sorry, I did not catch that.")
    page.keyboard.press("Control+Enter")
    expect(boxes.nth(1)).to_be_focused()
    rows = page.locator("#review-clips tbody tr")
    expect(rows.first).to_contain_text("Edited")
    rows.nth(2).get_by_role("button", name="Exclude").click()
    expect(page.locator("#review-status")).to_contain_text("1 excluded")
    page.reload()
    expect(page.locator("#review-clips")).to_contain_text("Edited")
    page.locator("#review-undo").click()
    expect(page.get_by_role("status").filter(has_text="Undone: exclusion of 1 clip.")).to_be_visible()
    page.locator("#review-undo").click()
    expect(page.locator("#review-clips")).not_to_contain_text("Edited")
    expect(page.locator("#review-undo")).to_be_disabled()
    assert {clip.transcript for clip in _clips(server, dataset.id)} == {SAID}


def test_many_clips_come_in_pages(page: Page, server: Server) -> None:
    dataset = spoken_dataset(server, clips=120)
    page.goto(f"{server.url}/?view=review&dataset={dataset.id}")
    boxes = page.locator("#review-clips textarea")
    expect(boxes).to_have_count(50)
    for shown in ("50 of 120", "100 of 120"):
        page.get_by_role("button", name=f"More clips ({shown} shown)").click()
    expect(boxes).to_have_count(20)
    page.get_by_role("button", name="Previous clips").click()
    expect(boxes).to_have_count(50)


def test_an_empty_text_is_refused_and_stays_in_its_box(page: Page, server: Server) -> None:
    dataset = spoken_dataset(server, clips=1)
    page.goto(f"{server.url}/?view=review&dataset={dataset.id}")
    box = page.locator("#review-clips textarea")
    box.fill("…")
    box.blur()
    expect(page.get_by_test_id("toast-body").first).to_contain_text("Write what is said in the clip, or exclude it.")
    expect(box).to_have_value("…")


def test_the_review_fits_a_small_phone(phone: Page, server: Server) -> None:
    dataset = spoken_dataset(server, clips=2)
    phone.goto(f"{server.url}/?view=review&dataset={dataset.id}")
    expect(phone.locator("#review-clips textarea")).to_have_count(2)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 320


def _clips(server: Server, dataset_id: str) -> list[Clip]:
    with server.parts.storage.read() as tables:
        return tables.clips.of_dataset(dataset_id)
