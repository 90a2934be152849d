"""The whole walk in headless Chromium on real recordings, with a picture of every step.

Fails when a step does not lead on, when a voice does not play to its end, or when the page shows a fault.
"""

import argparse
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from bench.serving import PeakMemory, serving
from playground.browser import find_browser
from tests.e2e.browsing import drop, level_dbfs, play, range_status, watched
from tests.e2e.conftest import QUIET

QUIETEST_DBFS = -40.0


class Walk:
    """One person, one page."""

    def __init__(self, page: Page, shots: Path) -> None:
        self._page = page
        self._shots = shots
        self._number = 0

    def shot(self, name: str) -> None:
        self._number += 1
        self._page.screenshot(path=self._shots / f"{self._number:02d}-{name}.png", full_page=True)

    def to_the_samples(self, url: str) -> None:
        page = self._page
        page.goto(url)
        expect(page.get_by_role("heading", name="Your Pro Voice Clones")).to_be_visible()
        self.shot("home")
        page.get_by_role("button", name="Create", exact=True).click()
        expect(page.get_by_role("heading", name="Best practices")).to_be_visible()
        self.shot("best-practices")
        page.locator("#create-draft").click()
        expect(page.get_by_label("Name", exact=True)).to_have_value("Untitled Pro Voice Clone")
        page.get_by_label("Name", exact=True).fill("Ada")
        self.shot("voice-details")
        page.get_by_role("button", name="Next", exact=True).click()
        expect(page.get_by_role("button", name="Create Dataset")).to_be_visible()
        self.shot("dataset")
        page.get_by_role("button", name="Create Dataset").click()
        expect(page.get_by_text("No recordings yet")).to_be_visible()

    def upload(self, recordings: Path) -> None:
        page = self._page
        files = {path.name: path.read_bytes() for path in sorted(recordings.iterdir())}
        started = time.monotonic()
        drop(page, "#samples-drop", files)
        expect(page.locator("#samples-files tbody tr")).to_have_count(len(files), timeout=60_000)
        print(f"{len(files)} rows after {time.monotonic() - started:.1f} s")
        self.shot("samples-arriving")
        expect(page.locator("#samples-status")).not_to_contain_text("being checked", timeout=120_000)
        print(f"all judged after {time.monotonic() - started:.1f} s")
        self.shot("samples")
        page.get_by_role("button", name="Next", exact=True).click()

    def train(self, minutes: int) -> None:
        page = self._page
        expect(page.get_by_role("button", name="Train Pro Voice Clone")).to_be_disabled()
        page.get_by_role("radio", name=f"{minutes} minutes", exact=True).check()
        page.get_by_label("I confirm this").check()
        expect(page.get_by_role("button", name="Train Pro Voice Clone")).to_be_enabled()
        self.shot("train")
        started = time.monotonic()
        page.get_by_role("button", name="Train Pro Voice Clone").click()
        expect(page.locator("#training .stages [aria-current=step]")).to_contain_text("voice", timeout=minutes * 60_000)
        self.shot("training")
        page.reload()
        expect(page.locator("#training .stages [aria-current=step]")).to_have_count(1)
        expect(page.get_by_role("button", name="Test voices")).to_be_visible(timeout=2 * minutes * 60_000)
        print(f"completed after {(time.monotonic() - started) / 60:.2f} minutes")
        self.shot("completed")
        page.get_by_role("button", name="Test voices").click()

    def listen(self, folder: Path) -> None:
        page = self._page
        for position in range(4):
            card = page.locator(f"#voice-{position}")
            card.get_by_role("button", name="Speak").click()
            spoken = card.locator(".result audio")
            expect(spoken).to_have_count(1, timeout=120_000)
            seconds = play(spoken)
            level = level_dbfs(page, spoken, folder)
            assert level > QUIETEST_DBFS, f"V{position} is too quiet: {level:.1f} dBFS"
            assert range_status(page, spoken) == 206
            print(f"V{position} played {seconds:.1f} s at {level:.1f} dBFS")
        self.shot("test-voices")


def main() -> None:
    """Walk once; the pictures lie in `--shots`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=Path, required=True)
    parser.add_argument("--minutes", type=int, default=10, choices=(10, 15, 30, 60))
    parser.add_argument("--shots", type=Path, required=True)
    options = parser.parse_args()
    options.shots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        work = Path(folder)
        browser = playwright.chromium.launch(executable_path=find_browser(), args=QUIET)
        with serving(work / "data", None) as (url, pid):
            memory = PeakMemory(pid)
            page = browser.new_page(viewport={"width": 1200, "height": 900})
            faults = watched(page)
            walk = Walk(page, options.shots)
            walk.to_the_samples(url)
            walk.upload(options.recordings)
            walk.train(options.minutes)
            walk.listen(work)
            memory.close()
            assert faults.all == [], faults.all
            page.close()
        browser.close()
    print("peak MB: " + ", ".join(f"{kind} {peak:.0f}" for kind, peak in memory.megabytes.items()))


if __name__ == "__main__":
    main()
