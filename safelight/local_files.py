"""Paths on this machine: whether they exist, and whether a command can write to a folder."""

import os
import tempfile
from pathlib import Path

from safelight.errors import LocalFileError


def make_absolute(path: Path) -> Path:
    """Return a path that names the same file from every current folder, without ``..``. Links are kept."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - absolute() keeps ".."


def path_exists(path: str | Path) -> bool:
    """Return True if something is at this path. False if a folder above it can't be entered.

    Path.exists, is_dir and is_file raise PermissionError in this case, before Python 3.14.
    """
    return os.path.exists(path)  # noqa: PTH110 - see above


def is_folder(path: str | Path) -> bool:
    """Return True if this path is a folder, as :func:`path_exists` does."""
    return os.path.isdir(path)  # noqa: PTH112 - see path_exists


def is_file(path: str | Path) -> bool:
    """Return True if this path is a file, as :func:`path_exists` does."""
    return os.path.isfile(path)  # noqa: PTH113 - see path_exists


def require_writable_folder(folder: Path) -> None:
    """Create a folder and its parents, and check that files can be created in it. Raises LocalFileError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder, prefix=".safelight-"):
            pass
    except OSError as error:
        is_other = path_exists(folder) and not is_folder(folder)
        reason = "is not a folder" if is_other else error.strerror or error
        raise LocalFileError(
            f"{folder} can't be written ({reason}). Nothing was sent. Choose another folder."
        ) from error
