"""From what was named on the command line to single images: folders, globs, files, names on standard input, S3."""

import fnmatch
import glob
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from safelight.ingest.entries import S3, Found, Misfit
from safelight.ingest.media_types import SUFFIXES
from safelight.ingest.sorted_names import in_order

STANDARD_INPUT = "-"
_BLOCK_BYTES = 64 * 1024

#: Yields the names of all objects below ``s3://bucket/prefix``.
Lister = Callable[[str], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How sources are searched."""

    #: File names that are wanted in folders, such as ``*.dat``; empty: those with the suffix of an image.
    patterns: tuple[str, ...] = ()
    #: Folders that are not gone into: where the results go.
    avoid: tuple[Path, ...] = ()
    #: Standard input.
    names: BinaryIO | None = None
    list_objects: Lister | None = None

    def wants(self, name: str) -> bool:
        """Tell whether a file found in a folder is wanted."""
        if self.patterns:
            return any(fnmatch.fnmatch(name, pattern) for pattern in self.patterns)
        return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - a Path for each of a million names is slow


def find(sources: Sequence[str], search: Search) -> Iterator[Found | Misfit]:
    """Yield every image, source after source, each in order of its names. Nothing is read but names.

    What can't be found, or not be looked into, is yielded as a misfit.
    """
    for source in sources:
        if source == STANDARD_INPUT:
            for name in _read_names(search.names):
                yield from _named(name, name, search)
        elif source.startswith(S3):
            yield from _objects(source, search)
        elif not os.path.lexists(source) and glob.has_magic(source):
            yield from _matching(source, search)
        else:
            yield from _named(source, os.path.basename(source), search)  # noqa: PTH119 - sources stay texts


def find_object(name: str) -> Found:
    """Return one object of S3 by its full name."""
    return Found(source=name, relative=name.removeprefix(S3).partition("/")[2])


def _named(path: str, relative: str, search: Search) -> Iterator[Found | Misfit]:
    """Yield a file, or all of a folder. A file that was named is wanted whatever it is called."""
    if path.startswith(S3):
        yield find_object(path)
    elif os.path.isdir(path):  # noqa: PTH112 - see above
        root = os.path.abspath(path)  # noqa: PTH100 - unlike resolve, keeps links
        for each in _walk(root, search):
            yield each if isinstance(each, Misfit) else Found(source=each, relative=os.path.relpath(each, root))
    elif os.path.lexists(path):
        yield Found(source=os.path.abspath(path), relative=relative)  # noqa: PTH100
    else:
        yield Misfit(where=path, code="LOCAL_FILE", message=f"{path} does not exist.")


def _walk(folder: str, search: Search) -> Iterator[str | Misfit]:
    """Yield the wanted files below a folder; neither hidden ones nor what lies behind a link to a folder."""
    if Path(folder) in search.avoid:
        return
    try:
        for name, is_folder in in_order(_entries(folder)):
            path = os.path.join(folder, name)  # noqa: PTH118
            if is_folder:
                yield from _walk(path, search)
            elif search.wants(name):
                yield path
    except OSError as error:
        yield Misfit(where=folder, code="LOCAL_FILE", message=f"{folder} can't be read ({error.strerror or error}).")


def _entries(folder: str) -> Iterator[tuple[str, bool]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                yield entry.name, entry.is_dir(follow_symlinks=False)


def _matching(pattern: str, search: Search) -> Iterator[Found | Misfit]:
    fixed = os.path.dirname(pattern[: _first_magic(pattern)])  # noqa: PTH120
    found = False
    for path, _ in in_order((each, False) for each in glob.iglob(pattern, recursive=True)):  # noqa: PTH207
        if os.path.isfile(path) and not any(Path(path).resolve().is_relative_to(each) for each in search.avoid):  # noqa: PTH113
            found = True
            yield Found(source=os.path.abspath(path), relative=os.path.relpath(path, fixed or "."))  # noqa: PTH100
    if not found:
        yield Misfit(where=pattern, code="LOCAL_FILE", message=f"No file matches {pattern}.")


def _first_magic(pattern: str) -> int:
    return next(index for index, character in enumerate(pattern) if character in "*?[")


def _objects(name: str, search: Search) -> Iterator[Found | Misfit]:
    bucket, _, key = name.removeprefix(S3).partition("/")
    if key and not key.endswith("/"):
        yield find_object(name)
    elif not bucket or search.list_objects is None:
        reason = "names no bucket" if not bucket else "can't be listed by this client; name its objects in a manifest"
        yield Misfit(where=name, code="SOURCE_UNLISTED", message=f"{name} {reason}.")
    else:
        for each in search.list_objects(name):
            if search.wants(each.rpartition("/")[2]):
                yield Found(source=each, relative=each.removeprefix(S3 + bucket + "/").removeprefix(key))


def _read_names(stream: BinaryIO | None) -> Iterator[str]:
    """Yield names, one a line, or separated by NUL where there is one in the first block."""
    if stream is None:
        return
    block = stream.read(_BLOCK_BYTES)
    separator = b"\0" if b"\0" in block else b"\n"
    rest = b""
    while block:
        *whole, rest = (rest + block).split(separator)
        yield from (os.fsdecode(name) for each in whole if (name := _stripped(each, separator)))
        block = stream.read(_BLOCK_BYTES)
    if name := _stripped(rest, separator):
        yield os.fsdecode(name)


def _stripped(name: bytes, separator: bytes) -> bytes:
    return name.removesuffix(b"\r") if separator == b"\n" else name
