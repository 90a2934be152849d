"""Trainings that do not end well: cancelled by the person, and failed for a real reason."""

from playwright.sync_api import Page, expect

from playground.services.clone_form import CloneForm
from storage.records import FineTune
from tests.conftest import SPEECH
from tests.e2e.conftest import Server
from tests.making import TINY, checked_dataset

ENDING_MS = 120_000


def ready_draft(server: Server, name: str, *, whole: bool) -> FineTune:
    """A draft with a minute and more of clips; they hold sound only if `whole`."""
    parts = server.parts
    dataset = checked_dataset(parts, audio=SPEECH / "vm-sorry.flac" if whole else None)
    return parts.fine_tuning.create_draft(CloneForm(name=name, model_id=TINY), dataset_id=dataset.id)


def train(page: Page, server: Server, draft: FineTune) -> None:
    page.goto(f"{server.url}/?clone={draft.id}&step=5")
    page.get_by_label("I confirm this").check()
    page.get_by_role("button", name="Train Pro Voice Clone").click()


def test_a_training_can_be_cancelled_and_costs_nothing(page: Page, server: Server) -> None:
    before = server.parts.accounts.account().balance
    train(page, server, ready_draft(server, "To be cancelled", whole=True))
    page.get_by_role("button", name="Cancel training").click()
    expect(page.locator("#clone-head")).to_contain_text("Failed · cancelled by you", timeout=ENDING_MS)
    expect(page.locator("#training")).to_contain_text("You were not charged. This was attempt 1.")
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    assert server.parts.accounts.account().balance == before


def test_a_failed_training_says_why_and_can_be_tried_again(page: Page, server: Server) -> None:
    draft = ready_draft(server, "Broken clips", whole=False)
    train(page, server, draft)
    expect(page.locator("#training .notice")).to_contain_text("The training failed", timeout=ENDING_MS)
    expect(page.locator("#training .reason")).to_contain_text(".wav")
    expect(page.locator("#training")).to_contain_text("You were not charged. This was attempt 1.")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#training .notice")).to_contain_text("This was attempt 2.", timeout=ENDING_MS)
    expect(page.locator("#training")).to_contain_text("It failed twice for the same reason.")
    expect(page.locator("#training")).to_contain_text(f"help@example.org and give the id {draft.id}")
    assert server.parts.accounts.account().held == 0
