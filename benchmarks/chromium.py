"""The installed Chromium. Browser tests, screenshots and benchmarks use it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Playwright, ViewportSize, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
#: Only for a browser that hangs: on a busy machine, a start takes long.
START_MILLISECONDS = 600_000
MISSING = "Chromium is not installed; on Debian: apt-get install chromium"


def find_chromium() -> str | None:
    """Return the path of the browser, or None if it is not installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def launch_chromium(playwright: Playwright) -> Browser:
    """Start the browser. Raises LookupError if it is not installed."""
    path = find_chromium()
    if path is None:
        raise LookupError(MISSING)
    return playwright.chromium.launch(executable_path=path, args=list_arguments(), timeout=START_MILLISECONDS)


def list_arguments() -> list[str]:
    """Return the arguments of the browser. Its own sandbox does not work as root."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser and close it at the end. Raises LookupError if it is not installed."""
    with sync_playwright() as playwright:
        browser = launch_chromium(playwright)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_window(browser: Browser, profile: Path, viewport: ViewportSize) -> Iterator[BrowserContext]:
    """Open an ordinary window, with a profile on disk. The contexts of a browser are private windows."""
    context = browser.browser_type.launch_persistent_context(
        profile, executable_path=find_chromium(), args=list_arguments(), viewport=viewport
    )
    try:
        yield context
    finally:
        context.close()
