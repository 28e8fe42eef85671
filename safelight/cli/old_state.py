"""State of earlier versions, which was stored in the current folder: move it to the user's state directory."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from safelight.local_files import is_folder, path_exists


def move_old_files(old: Path, new: Path) -> None:
    """Move the files of a folder to another folder, as far as possible. Existing files are not replaced."""
    if not is_folder(old) or old.absolute() == new.absolute():
        return
    with suppress(OSError):
        new.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in old.iterdir():
            if not path_exists(new / path.name):
                _move(path, new / path.name)


def find_moved(path: Path, old_paths: tuple[Path, ...]) -> Path:
    """Return ``path``, whose folder is moved from the first of the old paths that exists, unless ``path`` exists.

    Return the old path if its folder can't be moved, for example because it is read-only.
    """
    if path_exists(path):
        return path
    for old in old_paths:
        if old.absolute() == path.absolute() or not path_exists(old):
            continue
        try:
            path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _move(old.parent, path.parent)
        except OSError:
            return old
        return path
    return path


def _move(old: Path, new: Path) -> None:
    """Move a file or folder, also to another file system. A kill leaves the old or the new one complete."""
    try:
        old.rename(new)
    except OSError:
        copy = new.with_name(f".{new.name}-{os.getpid()}")
        try:
            (shutil.copytree if old.is_dir() else shutil.copy2)(old, copy)
            copy.rename(new)
        except BaseException:
            shutil.rmtree(copy, ignore_errors=True)
            raise
        shutil.rmtree(old, ignore_errors=True)
