"""Find the files of the project, without entering folders of installed packages, which have tens of thousands."""

import os
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

#: Folders that are built or installed.
_SKIPPED = frozenset({"node_modules", "__pycache__"})


def list_files(folder: Path, pattern: str) -> list[Path]:
    """Return the files below a folder whose names match a pattern, sorted."""
    return sorted(_walk(folder, pattern))


def _walk(folder: Path, pattern: str) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED]
        yield from (Path(where, name) for name in names if fnmatch(name, pattern))
