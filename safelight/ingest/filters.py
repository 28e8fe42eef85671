"""Filters of an ingest: which files of the sources are ingested, and why the others are skipped."""

import fnmatch
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import BinaryIO

from safelight.api_options import SUFFIXES

#: Suffixes of the files that are ingested from folders.
_INGESTED_SUFFIXES = frozenset({*SUFFIXES, ".jpe", ".heif", ".hif"})

#: Any number of folders in a pattern, also none.
FOLDERS = "**/"
#: Of more of them in a pattern, each stands for at least one folder.
MAX_FOLDERS = 4

#: Yields the names of all objects below ``s3://bucket/prefix``.
Lister = Callable[[str], Iterator[str]]


class SkipReason(StrEnum):
    """Why a file or folder of a source is not ingested."""

    NO_IMAGE_SUFFIX = "NO_IMAGE_SUFFIX"
    HIDDEN = "HIDDEN"
    LINK_TO_FOLDER = "LINK_TO_FOLDER"
    OUTPUT_FOLDER = "OUTPUT_FOLDER"
    EXCLUDED = "EXCLUDED"
    NOT_INCLUDED = "NOT_INCLUDED"
    TOO_LARGE = "TOO_LARGE"


#: Called with the path of each file or folder that is skipped.
OnSkip = Callable[[str, SkipReason], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """How sources are searched.

    A pattern with a slash is compared with the path below the source, any other pattern with the name of the file.
    ``**/`` matches any number of folders, also none.
    """

    #: Globs of files to ingest, such as ``*.dat``. If empty, files with the suffix of an image are ingested.
    patterns: tuple[str, ...] = ()
    #: Globs of files and folders to skip.
    exclude: tuple[str, ...] = ()
    #: Size of the largest files to ingest, bytes.
    max_size: int | None = None
    #: Folders to skip, such as the output folder.
    skipped: tuple[Path, ...] = ()
    #: Standard input, with one name per line.
    names: BinaryIO | None = None
    list_objects: Lister | None = None
    on_skip: OnSkip = lambda _path, _reason: None

    def matches(self, name: str) -> bool:
        """Return True if a file in a folder must be ingested, judging by its path below the source."""
        return self.find_reason(name) is None

    def find_reason(self, relative: str, *, is_named: bool = False) -> SkipReason | None:
        """Return why a file is skipped, judging by its path below the source, or None.

        A file that ``is_named`` as a source needs no image suffix.
        """
        if any(_matches(relative, pattern) for pattern in self.exclude):
            return SkipReason.EXCLUDED
        if self.patterns:
            return None if any(_matches(relative, pattern) for pattern in self.patterns) else SkipReason.NOT_INCLUDED
        suffix = os.path.splitext(relative)[1].lower()  # noqa: PTH122 - a Path for each of a million names is slow
        return None if is_named or suffix in _INGESTED_SUFFIXES else SkipReason.NO_IMAGE_SUFFIX

    def skips_file(self, path: str, relative: str, *, is_named: bool = False) -> bool:
        """Return True if a local file is skipped, and report the reason."""
        reason = self.find_reason(relative, is_named=is_named)
        if reason is None and self.max_size is not None and _get_size(path) > self.max_size:
            reason = SkipReason.TOO_LARGE
        return self._report(path, reason)

    def skips_object(self, name: str, relative: str) -> bool:
        """Return True if an S3 object is skipped, and report the reason."""
        return self._report(name, self.find_reason(relative))

    def skips_folder(self, path: str, relative: str) -> bool:
        """Return True if a folder with all its files is skipped, and report the reason."""
        reason = None
        if Path(path) in self.skipped:
            reason = SkipReason.OUTPUT_FOLDER
        elif relative and any(_matches(relative, pattern.rstrip("/")) for pattern in self.exclude):
            reason = SkipReason.EXCLUDED
        return self._report(path, reason)

    def _report(self, path: str, reason: SkipReason | None) -> bool:
        if reason is not None:
            self.on_skip(path, reason)
        return reason is not None


def _matches(relative: str, pattern: str) -> bool:
    if "/" not in pattern:
        return fnmatch.fnmatch(relative.rpartition("/")[2], pattern)
    return any(fnmatch.fnmatch(relative, each) for each in _expand(pattern))


@cache
def _expand(pattern: str, left: int = MAX_FOLDERS) -> tuple[str, ...]:
    """Return the patterns that result if each of the first ``left`` groups of folders is kept or left out."""
    start, folders, rest = pattern.partition(FOLDERS)
    if not folders or not left:
        return (pattern,)
    return tuple(f"{start}{each}{end}" for each in ("", FOLDERS) for end in _expand(rest, left - 1))


def _get_size(path: str) -> int:
    """Return the size of a file in bytes, or 0 if it is unknown. Its inspection then fails."""
    try:
        return os.stat(path).st_size  # noqa: PTH116 - see above
    except OSError:
        return 0
