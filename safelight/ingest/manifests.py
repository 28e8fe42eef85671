"""Manifests: CSV or JSONL files that list images with their own options.

An invalid row does not stop the other rows.
"""

import csv
import difflib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from safelight.api_options import JOB_OPTIONS
from safelight.errors import ClientError
from safelight.ingest.sources import S3, Entry, InvalidEntry, make_object_entry

ROW_CODE = "MANIFEST_ROW"


class ManifestUnusable(ClientError):
    """A manifest can't be read, has an unknown suffix or has an unknown column."""

    code = "MANIFEST_UNUSABLE"


def _parse_flag(text: str) -> bool:
    flags = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in flags:
        raise ValueError("is neither true nor false")
    return flags[text.lower()]


def _parse_number(text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ValueError("is not a whole number") from error


def _parse_json(text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("is not valid JSON") from error


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "string": str,
    "integer": _parse_number,
    "boolean": _parse_flag,
    "object": _parse_json,
}
#: Option columns and the parsers of their CSV text. The API validates the values.
OPTIONS = {name: _PARSERS[json_type] for name, json_type in JOB_OPTIONS.items()}
COLUMNS = ("path", "filename", *OPTIONS)
#: Delimiters of CSV files. The first of those that fit is used.
_DELIMITERS = (",", ";", "\t", "|")


def read_manifest(path: Path) -> Iterator[Entry | InvalidEntry]:
    """Yield the images of a manifest, whose paths are relative to the manifest's folder.

    The delimiter of a CSV file is detected. Raises ManifestUnusable if the manifest can't be read or has unknown
    columns.
    """
    readers = {".csv": _read_csv, ".jsonl": _read_jsonl, ".ndjson": _read_jsonl}
    read = readers.get(path.suffix.lower())
    if read is None:
        raise ManifestUnusable(f"{path} must end in .csv or .jsonl.")
    try:
        for number, row in read(path):
            yield _make_entry(path, f"{path}:{number}", row)
    except OSError as error:
        raise ManifestUnusable(f"{path} can't be read ({error.strerror or error}).") from error


def check_manifest(path: Path) -> None:
    """Raise ManifestUnusable if a manifest can't be read or has unknown columns. Its rows are not checked."""
    next(read_manifest(path), None)


#: The values of a row by column, or a message that says why the row is invalid.
Row = Mapping[str, Any] | str


def _read_csv(path: Path) -> Iterator[tuple[int, Row]]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.reader(file, strict=True, delimiter=_find_delimiter(file.readline()))
        file.seek(0)
        header = [name.strip() for name in next(_csv_records(reader), ([], ""))[0]]
        unknown = [name for name in header if name not in COLUMNS]
        if unknown:
            raise ManifestUnusable(f"{path} has an {_describe_unknown_column(unknown[0])}")
        if "path" not in header or len({*header}) != len(header):
            reason = "has no column path" if "path" not in header else "has a column twice"
            raise ManifestUnusable(f"{path} {reason}. Columns are {', '.join(COLUMNS)}.")
        for values, error in _csv_records(reader):
            if error:
                yield reader.line_num, f"The row is not valid CSV ({error})."
            elif len(values) > len(header):
                yield reader.line_num, f"The row has {len(values)} fields, but the header has {len(header)}."
            elif values:
                yield reader.line_num, _parse_values(dict(zip(header, values, strict=False)))


def _find_delimiter(header: str) -> str:
    """Return the delimiter that splits the header into the most known columns. The default is a comma."""

    def count_columns(delimiter: str) -> int:
        return sum(name.strip().strip('"') in COLUMNS for name in header.split(delimiter))

    return max(_DELIMITERS, key=count_columns)


def _describe_unknown_column(name: str) -> str:
    """Return what is wrong with a column, with the most similar known column."""
    similar = difflib.get_close_matches(name.lower(), COLUMNS, n=1)
    advice = f"Did you mean {similar[0]}? " if similar else ""
    return f"unknown column {name!r}. {advice}Columns are {', '.join(COLUMNS)}."


def _csv_records(reader: Iterator[list[str]]) -> Iterator[tuple[list[str], str]]:
    """Yield each row of a CSV file and an empty string. For an invalid row, yield an empty row and the error."""
    while True:
        try:
            yield next(reader), ""
        except StopIteration:
            return
        except csv.Error as error:
            yield [], str(error)


def _parse_values(row: Mapping[str, str]) -> Row:
    values: dict[str, Any] = {}
    for name, text in row.items():
        if text == "":
            continue
        try:
            values[name] = OPTIONS.get(name, str)(text)
        except ValueError as error:
            return f"{name} {error}."
    return values


def _read_jsonl(path: Path) -> Iterator[tuple[int, Row]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                yield number, "The line is not a JSON object."
            elif unknown := [name for name in row if name not in COLUMNS]:
                yield number, f"The line has an {_describe_unknown_column(unknown[0])}"
            else:
                yield number, {name: value for name, value in row.items() if value is not None}


def _make_entry(manifest: Path, where: str, row: Row) -> Entry | InvalidEntry:
    if isinstance(row, str):
        return InvalidEntry(where=where, code=ROW_CODE, message=row)
    name, filename = row.get("path"), row.get("filename")
    if not isinstance(name, str) or not name or "\0" in name:
        return InvalidEntry(where=where, code=ROW_CODE, message="The row has no valid path.")
    if filename is not None and not isinstance(filename, str):
        return InvalidEntry(where=where, code=ROW_CODE, message="filename is not a string.")
    options = {each: row[each] for each in OPTIONS if each in row}
    if name.startswith(S3):
        relative = make_object_entry(name).relative
        return Entry(source=name, relative=relative, filename=filename, options=options)
    source = os.path.abspath(manifest.parent / name)  # noqa: PTH100 - unlike resolve, keeps links
    return Entry(source=source, relative=name, filename=filename, options=options)
