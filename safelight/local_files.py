"""Folders on this machine that a command writes to."""

import os
import tempfile
from pathlib import Path

from safelight.errors import LocalFileError


def make_absolute(path: Path) -> Path:
    """Return a path that names the same file from every current folder, without ``..``. Links are kept."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - absolute() keeps ".."


def require_writable_folder(folder: Path) -> None:
    """Create a folder and its parents, and check that files can be created in it. Raises LocalFileError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, prefix=".safelight-"):
            pass
    except OSError as error:
        reason = "is not a folder" if folder.exists() and not folder.is_dir() else error.strerror or error
        raise LocalFileError(f"{folder} can't be written ({reason}). Nothing was sent.") from error
