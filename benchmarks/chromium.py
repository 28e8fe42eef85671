"""The installed Chromium. Browser tests, screenshots and benchmarks use it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Playwright, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
MISSING = "Chromium is not installed; on Debian: apt-get install chromium"


def find_chromium() -> str | None:
    """Return the path of the browser, or None if it is not installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def launch_chromium(playwright: Playwright) -> Browser:
    """Start the browser. Raises LookupError if it is not installed."""
    path = find_chromium()
    if path is None:
        raise LookupError(MISSING)
    # The browser's own sandbox does not work as root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=path, args=arguments)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser and close it at the end. Raises LookupError if it is not installed."""
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        try:
            yield browser
        finally:
            browser.close()
