"""The report of an ingest, with the outcome of every file, as JSON and CSV. It is written row by row."""

import csv
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from safelight.errors import LocalFileError
from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.progress import FAILED_STATES, Progress

#: Columns of the CSV file. ``same_as`` is the file whose job a duplicate shares.
COLUMNS = ("file", "outcome", "code", "message", "job", "same_as", "size", "digest", "results")
_FORMULA_STARTS = frozenset("=+-@\t\r")


def write_report(checkpoint: Checkpoint, progress: Progress, folder: Path) -> tuple[Path, Path]:
    """Write ``report.json`` and ``report.csv`` to a folder and return their paths.

    Raises LocalFileError if the folder can't be written.
    """
    json_path, csv_path = folder / "report.json", folder / "report.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _open_replacement(json_path) as file:
            head = json.dumps(summarize(checkpoint, progress), indent=2).removesuffix("\n}")
            file.write(f'{head},\n  "outcomes": [')
            for index, row in enumerate(iterate_outcomes(checkpoint, progress)):
                file.write(("," if index else "") + "\n    " + json.dumps(row))
            file.write("\n  ]\n}\n")
        with _open_replacement(csv_path) as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for row in iterate_outcomes(checkpoint, progress):
                writer.writerow([_format_cell(row[name]) for name in COLUMNS])
    except OSError as error:
        raise LocalFileError(f"{folder} can't be written ({error.strerror or error}).") from error
    return json_path, csv_path


def summarize(checkpoint: Checkpoint, progress: Progress) -> dict[str, Any]:
    """Return the counts, what this run has done, the batch IDs and the path of the checkpoint."""
    database = checkpoint.database
    (jobs,) = database.execute("SELECT count(*) FROM files WHERE job IS NOT NULL AND twin IS NULL").fetchone()
    (duplicates,) = database.execute("SELECT count(*) FROM files WHERE twin IS NOT NULL").fetchone()
    batches = [row[0] for row in database.execute("SELECT id FROM batches WHERE id IS NOT NULL ORDER BY number")]
    return {
        "complete": progress.scanned and progress.done == progress.total,
        "files": progress.total,
        "succeeded": progress.succeeded,
        "failed": progress.failed,
        "failures": dict(progress.codes),
        "jobs": jobs,
        "same_as_another": duplicates,
        "sent": progress.run.sent,
        "bytes": progress.run.sent_bytes,
        "done_before": progress.run.done_before,
        "continued": progress.run.continued,
        "skipped": dict(progress.run.skipped),
        "batches": batches,
        "checkpoint": str(checkpoint.path),
    }


def iterate_outcomes(
    checkpoint: Checkpoint, progress: Progress, *, only_failed: bool = False
) -> Iterator[Mapping[str, Any]]:
    """Yield the outcome of each file, in the order of the sources."""
    states = ", ".join(f"{state:d}" for state in FAILED_STATES)
    condition = f" WHERE files.state IN ({states})" if only_failed else ""
    columns = ("source", "state", "code", "message", "job", "size", "digest", "saved")
    rows = checkpoint.database.execute(
        f"SELECT {', '.join(f'files.{column}' for column in columns)}, originals.source"  # noqa: S608 - constants
        f" FROM files LEFT JOIN files AS originals ON originals.number = files.twin{condition} ORDER BY files.number"
    )
    for source, state, code, message, job, size, digest, saved, original in rows:
        yield {
            "file": _decode_name(source),
            "outcome": progress.outcome_of(State(state)),
            "code": code,
            "message": message,
            "job": job,
            "same_as": None if original is None else _decode_name(original),
            "size": size,
            "digest": digest,
            "results": json.loads(saved or "[]"),
        }


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """The state of one file."""

    file: str
    state: State
    code: str | None
    message: str | None
    job: str | None


def find_outcome(checkpoint: Checkpoint, number: int) -> FileOutcome:
    """Return the state of the file with this number."""
    row = checkpoint.database.execute(
        "SELECT source, state, code, message, job FROM files WHERE number = ?", (number,)
    ).fetchone()
    return FileOutcome(_decode_name(row[0]), State(row[1]), *row[2:])


def _decode_name(source: bytes) -> str:
    """Return a name as text, with undecodable bytes escaped."""
    return os.fsdecode(source).encode(errors="backslashreplace").decode()


def _format_cell(value: Any) -> str:  # noqa: ANN401 - any value of a row
    """Return a CSV cell that no spreadsheet evaluates as a formula, because names and messages are untrusted."""
    text = "" if value is None else " ".join(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text[:1] in _FORMULA_STARTS else text


@contextmanager
def _open_replacement(path: Path) -> Iterator[TextIO]:
    """Open a file that replaces ``path`` when it is complete."""
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    try:
        with part.open("x", encoding="utf-8", newline="") as file:
            yield file
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
