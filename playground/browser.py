"""Finds the Chromium that the browser tests use."""

import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """The path of a Chromium of the system, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)
