"""What became of every file, written out row by row: JSON for programs, CSV for tables."""

import csv
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TextIO

from safelight.errors import LocalFileError
from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.progress import Tally, is_well

#: Columns of the CSV file; ``same_as`` names the file with the same bytes whose job it shares.
COLUMNS = ("file", "outcome", "code", "message", "job", "same_as", "size", "digest", "results")
_FORMULA = frozenset("=+-@\t\r")


def write(checkpoint: Checkpoint, tally: Tally, folder: Path) -> tuple[Path, Path]:
    """Write ``report.json`` and ``report.csv`` into a folder; return their paths. Raises LocalFileError."""
    as_json, as_csv = folder / "report.json", folder / "report.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _replacing(as_json) as file:
            head = json.dumps(summary(checkpoint, tally), indent=2).removesuffix("\n}")
            file.write(f'{head},\n  "outcomes": [')
            for index, row in enumerate(outcomes(checkpoint, tally)):
                file.write(("," if index else "") + "\n    " + json.dumps(row))
            file.write("\n  ]\n}\n")
        with _replacing(as_csv) as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for row in outcomes(checkpoint, tally):
                writer.writerow([_cell(row[name]) for name in COLUMNS])
    except OSError as error:
        raise LocalFileError(f"{folder} can't be written ({error.strerror or error}).") from error
    return as_json, as_csv


def summary(checkpoint: Checkpoint, tally: Tally) -> dict[str, Any]:
    """Return the counts, the batches, and where this can be resumed."""
    database = checkpoint.database
    (jobs,) = database.execute("SELECT count(*) FROM files WHERE job IS NOT NULL AND twin IS NULL").fetchone()
    (twins,) = database.execute("SELECT count(*) FROM files WHERE twin IS NOT NULL").fetchone()
    (size,) = database.execute("SELECT sum(size) FROM files WHERE twin IS NULL AND job IS NOT NULL").fetchone()
    batches = [row[0] for row in database.execute("SELECT id FROM batches WHERE id IS NOT NULL ORDER BY number")]
    return {
        "complete": tally.scanned and tally.done == tally.total,
        "files": tally.total,
        "succeeded": tally.well,
        "failed": tally.badly,
        "failures": dict(tally.codes),
        "jobs": jobs,
        "same_as_another": twins,
        "bytes": size or 0,
        "batches": batches,
        "checkpoint": str(checkpoint.path),
    }


def outcomes(checkpoint: Checkpoint, tally: Tally, *, only_failed: bool = False) -> Iterator[Mapping[str, Any]]:
    """Yield what became of each file, in the order in which the sources named them."""
    failed = f" WHERE files.state IN ({State.FAILED:d}, {State.REFUSED:d}, {State.UNSAVED:d})" if only_failed else ""
    columns = ("source", "state", "code", "message", "job", "size", "digest", "saved")
    rows = checkpoint.database.execute(
        f"SELECT {', '.join(f'files.{column}' for column in columns)}, twins.source"  # noqa: S608 - our own text
        f" FROM files LEFT JOIN files AS twins ON twins.number = files.twin{failed} ORDER BY files.number"
    )
    for source, state, code, message, job, size, digest, saved, twin in rows:
        yield {
            "file": _name(source),
            "outcome": _outcome(State(state), tally),
            "code": code,
            "message": message,
            "job": job,
            "same_as": None if twin is None else _name(twin),
            "size": size,
            "digest": digest,
            "results": json.loads(saved or "[]"),
        }


def _outcome(state: State, tally: Tally) -> str:
    if is_well(state, saving=tally.saving):
        return "succeeded"
    return "failed" if state in {State.FAILED, State.REFUSED, State.UNSAVED} else "open"


def _name(source: bytes) -> str:
    """Return a name as text; bytes that are none are shown."""
    return os.fsdecode(source).encode(errors="backslashreplace").decode()


def _cell(value: Any) -> str:  # noqa: ANN401 - whatever a row holds
    """Write a cell that no spreadsheet takes for a formula: names and messages come from strangers."""
    text = "" if value is None else " ".join(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text[:1] in _FORMULA else text


@contextmanager
def _replacing(path: Path) -> Iterator[TextIO]:
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    try:
        with part.open("x", encoding="utf-8", newline="") as file:
            yield file
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
