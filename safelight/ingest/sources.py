"""Sources of an ingest: folders, globs, files, names on standard input and S3 objects. Each yields single images."""

import fnmatch
import glob
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

from safelight.api_options import SUFFIXES

S3 = "s3://"
STANDARD_INPUT = "-"
#: Suffixes of the files that are ingested from folders.
_INGESTED_SUFFIXES = frozenset({*SUFFIXES, ".jpe", ".heif", ".hif"})
_BLOCK_BYTES = 64 * 1024
_SORT_CACHE_KIB = 128
#: Up to this many names of a folder are sorted in memory. More names are sorted on disk.
MAX_SORTED_IN_MEMORY = 1000

#: Yields the names of all objects below ``s3://bucket/prefix``.
Lister = Callable[[str], Iterator[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One image to ingest."""

    #: An absolute path, or ``s3://bucket/key``.
    source: str
    #: Path relative to the folder or prefix that was searched, not sanitized. The output path is made from it.
    relative: str
    #: File name of the job. If None, the last part of ``source`` is used.
    filename: str | None = None
    #: Options of the job. If empty, the options of the ingest are used.
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_object(self) -> bool:
        """Return True if the image is an S3 object."""
        return self.source.startswith(S3)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidEntry:
    """A manifest row, folder or name that can't become a job."""

    #: A path, or ``list.csv:17``.
    where: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOptions:
    """How sources are searched."""

    #: Globs for file names in folders, such as ``*.dat``. If empty, files with the suffix of an image are used.
    patterns: tuple[str, ...] = ()
    #: Folders to skip, such as the output folder.
    skipped: tuple[Path, ...] = ()
    #: Standard input, with one name per line.
    names: BinaryIO | None = None
    list_objects: Lister | None = None

    def matches(self, name: str) -> bool:
        """Return True if a file in a folder must be ingested, judging by its name."""
        if self.patterns:
            return any(fnmatch.fnmatch(name, pattern) for pattern in self.patterns)
        return os.path.splitext(name)[1].lower() in _INGESTED_SUFFIXES  # noqa: PTH122 - a Path for each of a million names is slow


def find_entries(sources: Sequence[str], search: SearchOptions) -> Iterator[Entry | InvalidEntry]:
    """Yield the images of one source after another, without reading them. In a folder, they are sorted by name.

    Yields an InvalidEntry for each source that does not exist and for each folder that can't be read.
    """
    for source in sources:
        if source == STANDARD_INPUT:
            for name in _read_names(search.names):
                yield from _find_path(name, name, search)
        elif source.startswith(S3):
            yield from _find_objects(source, search)
        elif not os.path.lexists(source) and glob.has_magic(source):
            yield from _expand_glob(source, search)
        else:
            yield from _find_path(source, os.path.basename(source), search)  # noqa: PTH119 - sources stay strings


def make_object_entry(name: str) -> Entry:
    """Return the entry of one S3 object, given as ``s3://bucket/key``."""
    return Entry(source=name, relative=name.removeprefix(S3).partition("/")[2])


def sort_names(
    names: Iterable[tuple[str, bool]], *, max_in_memory: int = MAX_SORTED_IN_MEMORY
) -> Iterator[tuple[str, bool]]:
    """Yield names and their flags, sorted by the bytes of the name. Many names are sorted on disk."""
    iterator = iter(names)
    first = list(islice(iterator, max_in_memory))
    if len(first) < max_in_memory:
        yield from sorted(first, key=lambda entry: os.fsencode(entry[0]))
        return
    with closing(sqlite3.connect("")) as database:
        database.execute(f"PRAGMA cache_size = -{_SORT_CACHE_KIB}")
        database.execute("CREATE TABLE names (name BLOB, flag INTEGER)")
        rows = ((os.fsencode(name), flag) for name, flag in chain(first, iterator))
        database.executemany("INSERT INTO names VALUES (?, ?)", rows)
        first.clear()
        for name, flag in database.execute("SELECT name, flag FROM names ORDER BY name"):
            yield os.fsdecode(name), bool(flag)


def _find_path(path: str, relative: str, search: SearchOptions) -> Iterator[Entry | InvalidEntry]:
    """Yield a file (its name need not match), or the matching files of a folder."""
    if path.startswith(S3):
        yield make_object_entry(path)
    elif os.path.isdir(path):  # noqa: PTH112 - see above
        root = os.path.abspath(path)  # noqa: PTH100 - unlike resolve, keeps links
        for each in _walk(root, search):
            yield each if isinstance(each, InvalidEntry) else Entry(source=each, relative=os.path.relpath(each, root))
    elif os.path.lexists(path):
        yield Entry(source=os.path.abspath(path), relative=relative)  # noqa: PTH100
    else:
        yield InvalidEntry(where=path, code="LOCAL_FILE", message=f"{path} does not exist.")


def _walk(folder: str, search: SearchOptions) -> Iterator[str | InvalidEntry]:
    """Yield the matching files below a folder. Hidden files are skipped, and links to folders are not followed."""
    if Path(folder) in search.skipped:
        return
    try:
        for name, is_folder in sort_names(_scan_folder(folder)):
            path = os.path.join(folder, name)  # noqa: PTH118
            if is_folder:
                yield from _walk(path, search)
            elif search.matches(name):
                yield path
    except OSError as error:
        message = f"{folder} can't be read ({error.strerror or error})."
        yield InvalidEntry(where=folder, code="LOCAL_FILE", message=message)


def _scan_folder(folder: str) -> Iterator[tuple[str, bool]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                yield entry.name, entry.is_dir(follow_symlinks=False)


def _expand_glob(pattern: str, search: SearchOptions) -> Iterator[Entry | InvalidEntry]:
    first_wildcard = next(index for index, character in enumerate(pattern) if character in "*?[")
    root = os.path.dirname(pattern[:first_wildcard])  # noqa: PTH120
    found = False
    for path, _ in sort_names((each, False) for each in glob.iglob(pattern, recursive=True)):  # noqa: PTH207
        if os.path.isfile(path) and not any(Path(path).resolve().is_relative_to(each) for each in search.skipped):  # noqa: PTH113
            found = True
            yield Entry(source=os.path.abspath(path), relative=os.path.relpath(path, root or "."))  # noqa: PTH100
    if not found:
        yield InvalidEntry(where=pattern, code="LOCAL_FILE", message=f"No file matches {pattern}.")


def _find_objects(name: str, search: SearchOptions) -> Iterator[Entry | InvalidEntry]:
    bucket, _, key = name.removeprefix(S3).partition("/")
    if key and not key.endswith("/"):
        yield make_object_entry(name)
    elif not bucket or search.list_objects is None:
        reason = "names no bucket" if not bucket else "can't be listed by this client. Name its objects in a manifest"
        yield InvalidEntry(where=name, code="SOURCE_UNLISTED", message=f"{name} {reason}.")
    else:
        for each in search.list_objects(name):
            if search.matches(each.rpartition("/")[2]):
                yield Entry(source=each, relative=each.removeprefix(S3 + bucket + "/").removeprefix(key))


def _read_names(stream: BinaryIO | None) -> Iterator[str]:
    """Yield the names in a stream. If its first block contains a NUL, NUL separates the names, or else newlines."""
    if stream is None:
        return
    block = stream.read(_BLOCK_BYTES)
    separator = b"\0" if b"\0" in block else b"\n"
    rest = b""
    while block:
        *complete, rest = (rest + block).split(separator)
        yield from (os.fsdecode(name) for each in complete if (name := _strip_line_end(each, separator)))
        block = stream.read(_BLOCK_BYTES)
    if name := _strip_line_end(rest, separator):
        yield os.fsdecode(name)


def _strip_line_end(name: bytes, separator: bytes) -> bytes:
    return name.removesuffix(b"\r") if separator == b"\n" else name
