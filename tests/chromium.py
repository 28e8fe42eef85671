"""The Chromium of this machine."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
MISSING = "Chromium is not installed; on Debian: apt-get install chromium"


def find_chromium() -> str | None:
    """Return the path of the browser, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def is_demanded() -> bool:
    """Tell whether its absence is a failure: in CI it is, on a user's machine the tests are skipped."""
    return os.environ.get("CI", "").lower() not in {"", "0", "false"}


def arguments() -> list[str]:
    """Return what the browser is started with: root has no user to put into its sandbox."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []
