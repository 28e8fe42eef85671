"""Lists of images as CSV or JSONL, each row with options of its own. A bad row is an outcome and stops no other."""

import csv
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from safelight.errors import ClientError
from safelight.ingest.entries import S3, Found, Misfit
from safelight.ingest.sources import find_object

ROW_CODE = "MANIFEST_ROW"


class ManifestUnusable(ClientError):
    """A manifest can't be read at all: no such file, no known form, a column that nobody knows."""

    code = "MANIFEST_UNUSABLE"


def _flag(text: str) -> bool:
    flags = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in flags:
        raise ValueError("is neither true nor false")
    return flags[text.lower()]


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ValueError("is not a whole number") from error


def _object(text: str) -> Any:  # noqa: ANN401 - whatever JSON holds
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("is not valid JSON") from error


#: Columns that say what is to be done, and how their text is read; what the values may be, the API decides.
OPTIONS: Mapping[str, Callable[[str], Any]] = {
    "pipeline": _object,
    "preset": str,
    "width": _number,
    "height": _number,
    "fit": str,
    "enlarge": _flag,
    "grayscale": _flag,
    "format": str,
    "quality": _number,
}
COLUMNS = ("path", "filename", *OPTIONS)


def read_manifest(path: Path) -> Iterator[Found | Misfit]:
    """Yield the images of a manifest, row by row; paths are relative to its folder.

    Raises ManifestUnusable at once for what is no manifest; later for faults of the disk.
    """
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows}
    rows = readers.get(path.suffix.lower())
    if rows is None:
        raise ManifestUnusable(f"{path} must end in .csv or .jsonl.")
    try:
        for number, row in rows(path):
            yield _entry(path, f"{path}:{number}", row)
    except OSError as error:
        raise ManifestUnusable(f"{path} can't be read ({error.strerror or error}).") from error


#: Columns by name, or what is wrong with the row.
Row = Mapping[str, Any] | str


def _csv_rows(path: Path) -> Iterator[tuple[int, Row]]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True)
        head = next(_records(reader), ([], ""))[0]
        unknown = [name for name in head if name not in COLUMNS]
        if "path" not in head or unknown:
            wrong = f"knows no column {unknown[0]!r}" if unknown else "has no column path"
            raise ManifestUnusable(f"{path} {wrong}; columns are {', '.join(COLUMNS)}.")
        for values, wrong in _records(reader):
            if wrong:
                yield reader.line_num, f"This is no row of CSV ({wrong})."
            elif len(values) > len(head):
                yield reader.line_num, f"The row has {len(values)} fields where the first has {len(head)}."
            elif values:
                yield reader.line_num, _read_texts(dict(zip(head, values, strict=False)))


def _records(reader: Iterator[list[str]]) -> Iterator[tuple[list[str], str]]:
    """Yield the rows of a CSV file, or why one can't be read, until the end."""
    while True:
        try:
            yield next(reader), ""
        except StopIteration:
            return
        except csv.Error as error:
            yield [], str(error)


def _read_texts(row: Mapping[str, str]) -> Row:
    read: dict[str, Any] = {}
    for name, text in row.items():
        if text == "":
            continue
        try:
            read[name] = OPTIONS.get(name, str)(text)
        except ValueError as error:
            return f"{name} {error}."
    return read


def _json_rows(path: Path) -> Iterator[tuple[int, Row]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                yield number, "This is no JSON object."
            elif unknown := [name for name in row if name not in COLUMNS]:
                yield number, f"There is no column {unknown[0]!r}."
            else:
                yield number, {name: value for name, value in row.items() if value is not None}


def _entry(manifest: Path, where: str, row: Row) -> Found | Misfit:
    if isinstance(row, str):
        return Misfit(where=where, code=ROW_CODE, message=row)
    name, filename = row.get("path"), row.get("filename")
    if not isinstance(name, str) or not name or "\0" in name:
        return Misfit(where=where, code=ROW_CODE, message="The row names no path.")
    if filename is not None and not isinstance(filename, str):
        return Misfit(where=where, code=ROW_CODE, message="filename is no text.")
    options = {each: row[each] for each in OPTIONS if each in row}
    if name.startswith(S3):
        found = find_object(name)
        return Found(source=name, relative=found.relative, filename=filename, options=options)
    source = os.path.abspath(manifest.parent / name)  # noqa: PTH100 - unlike resolve, keeps links
    return Found(source=source, relative=name, filename=filename, options=options)
