"""Sources of an ingest: folders, globs, files, names on standard input and S3 objects. Each yields single images."""

import difflib
import glob
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

from safelight.errors import ClientError
from safelight.ingest.filters import SearchOptions, SkipReason

S3 = "s3://"
STANDARD_INPUT = "-"
_BLOCK_BYTES = 64 * 1024
_SORT_CACHE_KIB = 128
#: Up to this many names of a folder are sorted in memory. More names are sorted on disk.
MAX_SORTED_IN_MEMORY = 1000


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


class SourceMissing(ClientError):
    """A source does not exist."""

    code = "SOURCE_NOT_FOUND"


def require_sources(sources: Sequence[str]) -> None:
    """Raise SourceMissing unless each path exists and each glob matches a file."""
    for source in sources:
        if source == STANDARD_INPUT or source.startswith(S3) or os.path.lexists(source):
            continue
        if glob.has_magic(source):
            if next(glob.iglob(source, recursive=True), None) is None:  # noqa: PTH207 - sources stay strings
                raise SourceMissing(f"No file matches {source}. Nothing was sent.")
            continue
        try:
            os.lstat(source)
        except PermissionError as error:
            raise SourceMissing(f"{source} can't be read ({error.strerror}). Nothing was sent.") from error
        except OSError as error:
            raise SourceMissing(f"{source} does not exist. Nothing was sent.{_suggest(source)}") from error


def _suggest(source: str) -> str:
    """Return a sentence with the most similar name in the same folder, or an empty string."""
    folder, name = os.path.split(source.rstrip("/"))
    try:
        names = os.listdir(folder or ".")  # noqa: PTH208
    except OSError:
        return ""
    similar = difflib.get_close_matches(name, names, n=1)
    return f" Did you mean {os.path.join(folder, similar[0])}?" if similar else ""  # noqa: PTH118


def find_entries(sources: Sequence[str], search: SearchOptions) -> Iterator[Entry | InvalidEntry]:
    """Yield the images of one source after another, without reading them. In a folder, they are sorted by name.

    Yields an InvalidEntry for each source that does not exist and for each folder that can't be read. With several
    sources, the relative paths start with the name of the folder, glob or prefix.
    """
    folders = _name_folders(sources)
    for source, folder in zip(sources, folders, strict=True):
        for entry in _find_source(source, search):
            if folder and isinstance(entry, Entry):
                yield replace(entry, relative=f"{folder}/{entry.relative}")
            else:
                yield entry


def _find_source(source: str, search: SearchOptions) -> Iterator[Entry | InvalidEntry]:
    if source == STANDARD_INPUT:
        for name in _read_names(search.names):
            yield from _find_path(name, name, search)
    elif source.startswith(S3):
        yield from _find_objects(source, search)
    elif not os.path.lexists(source) and glob.has_magic(source):
        yield from _expand_glob(source, search)
    else:
        yield from _find_path(source, os.path.basename(source), search)  # noqa: PTH119 - sources stay strings


def _name_folders(sources: Sequence[str]) -> list[str]:
    """Return a folder in the output for each source, so that sources do not mix. A single source and files need none.

    It is the name of the source, with as many parent folders as different sources need for different names.
    """
    roots = [_find_root(source) for source in sources] if len(sources) > 1 else [()] * len(sources)
    depths = [1] * len(sources)
    while True:
        names = ["/".join(root[-depth:]) for root, depth in zip(roots, depths, strict=True)]
        clashing = [
            index
            for index, name in enumerate(names)
            if name and any(other == name and roots[at] != roots[index] for at, other in enumerate(names))
        ]
        if not any(depths[index] < len(roots[index]) for index in clashing):
            return names
        for index in clashing:
            depths[index] += 1


def _find_root(source: str) -> tuple[str, ...]:
    """Return the parts of the folder or prefix that is searched for a source, or nothing for a file."""
    if source == STANDARD_INPUT:
        return ()
    if source.startswith(S3):
        return tuple(source.removeprefix(S3).strip("/").split("/")) if source.endswith("/") else ()
    if os.path.isdir(source):  # noqa: PTH112 - sources stay strings
        return _split_path(source)
    root = _find_glob_root(source) if glob.has_magic(source) and not os.path.lexists(source) else ""
    return _split_path(root) if root else ()


def _split_path(folder: str) -> tuple[str, ...]:
    return tuple(part for part in Path(os.path.abspath(folder)).parts if part != os.sep)  # noqa: PTH100


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
        yield from _walk(os.path.abspath(path), "", search)  # noqa: PTH100 - unlike resolve, keeps links
    elif os.path.lexists(path):
        if not search.skips_file(path, relative, is_named=True):
            yield Entry(source=os.path.abspath(path), relative=relative)  # noqa: PTH100
    else:
        yield InvalidEntry(where=path, code="LOCAL_FILE", message=f"{path} does not exist.")


def _walk(folder: str, relative: str, search: SearchOptions) -> Iterator[Entry | InvalidEntry]:
    """Yield the matching files below a folder. Hidden files are skipped, and links to folders are not followed."""
    if search.skips_folder(folder, relative):
        return
    try:
        for name, is_folder in sort_names(_scan_folder(folder, search)):
            path = os.path.join(folder, name)  # noqa: PTH118
            below = f"{relative}/{name}" if relative else name
            if is_folder:
                yield from _walk(path, below, search)
            elif not search.skips_file(path, below):
                yield Entry(source=path, relative=below)
    except OSError as error:
        message = f"{folder} can't be read ({error.strerror or error})."
        yield InvalidEntry(where=folder, code="LOCAL_FILE", message=message)


def _scan_folder(folder: str, search: SearchOptions) -> Iterator[tuple[str, bool]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                search.on_skip(entry.path, SkipReason.HIDDEN)
            elif entry.is_symlink() and entry.is_dir():
                search.on_skip(entry.path, SkipReason.LINK_TO_FOLDER)
            else:
                yield entry.name, entry.is_dir(follow_symlinks=False)


def _find_glob_root(pattern: str) -> str:
    """Return the folder before the first wildcard, or an empty string."""
    first_wildcard = next(index for index, character in enumerate(pattern) if character in "*?[")
    return os.path.dirname(pattern[:first_wildcard])  # noqa: PTH120


def _expand_glob(pattern: str, search: SearchOptions) -> Iterator[Entry | InvalidEntry]:
    root = _find_glob_root(pattern)
    found = False
    for path, _ in sort_names((each, False) for each in glob.iglob(pattern, recursive=True)):  # noqa: PTH207
        if not os.path.isfile(path):  # noqa: PTH113
            continue
        found = True
        relative = os.path.relpath(path, root or ".")
        if any(Path(path).resolve().is_relative_to(each) for each in search.skipped):
            search.on_skip(path, SkipReason.OUTPUT_FOLDER)
        elif not search.skips_file(path, relative, is_named=True):
            yield Entry(source=os.path.abspath(path), relative=relative)  # noqa: PTH100
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
            relative = each.removeprefix(S3 + bucket + "/").removeprefix(key)
            if not search.skips_object(each, relative):
                yield Entry(source=each, relative=relative)


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
