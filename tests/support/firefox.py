"""The installed Firefox. Playwright drives it with WebDriver BiDi, which an unchanged Firefox supports."""

import os
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Playwright

NAMES = ("firefox-esr", "firefox")
MISSING = "Firefox is not installed; on Debian: apt-get install firefox-esr"
#: Playwright's name for a Firefox that is not its own build.
CHANNEL = "moz-firefox"

#: Only for a browser that hangs: on a busy machine, a start takes long.
START_MILLISECONDS = 600_000
#: The panel that shows a new download would take the keys that a test presses.
PREFERENCES: dict[str, str | float | bool] = {"browser.download.alwaysOpenPanel": False}


def find_firefox() -> str | None:
    """Return the path of the browser, or None if it is not installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def launch_firefox(playwright: Playwright, downloads: Path) -> Browser:
    """Start the browser, which saves downloads in a folder. Raises LookupError if it is not installed."""
    path = find_firefox()
    if path is None:
        raise LookupError(MISSING)
    # It refuses to start as root in another user's home folder.
    environment: dict[str, str | float | bool] = {**os.environ, "HOME": os.path.expanduser("~")}  # noqa: PTH111 - also without HOME
    return playwright.firefox.launch(
        channel=CHANNEL,
        executable_path=path,
        env=environment,
        firefox_user_prefs=PREFERENCES,
        downloads_path=downloads,
        timeout=START_MILLISECONDS,
    )
