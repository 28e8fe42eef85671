"""Files and their states in the checkpoint, and a queue of the files in one state."""

import json
import os
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from safelight.downloads import output_name
from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.inspection import FileError
from safelight.ingest.output_paths import make_collision_key
from safelight.models import Job, Output

JOB_GONE = "The server no longer has the job. Run the same command again to upload the file again."
#: Number of files that a queue reads with one query.
_QUEUE_READ = 100


@dataclass(frozen=True, slots=True)
class FileRow:
    """The data of a file that its next task needs."""

    number: int
    source: str
    job: str
    size: int | None
    modified: int | None
    form: str | None
    outputs: str | None
    output_path: str


class WorkQueue:
    """The files in one state, a few of them in memory.

    A file that was taken is not taken again until it is released.
    """

    def __init__(self, state: State) -> None:
        """Start with no files in memory."""
        self._state = state
        self._ready: deque[FileRow] = deque()
        self._held: set[int] = set()

    def take(self, checkpoint: Checkpoint) -> FileRow | None:
        """Return the next file, or None if there is no file. The file is held until :meth:`release`."""
        if not self._ready:
            self._ready.extend(list_files(checkpoint, self._state, excluded=self._held, limit=_QUEUE_READ))
            self._held.update(row.number for row in self._ready)
        return self._ready.popleft() if self._ready else None

    def release(self, row: FileRow) -> None:
        """Release a file that was taken. It now has another state."""
        self._held.discard(row.number)

    def clear(self) -> None:
        """Release all files that are not taken, because their states have changed."""
        self._held.difference_update(row.number for row in self._ready)
        self._ready.clear()


def list_files(checkpoint: Checkpoint, state: State, *, excluded: Collection[int], limit: int) -> list[FileRow]:
    """Return the oldest files in a state, without the excluded ones."""
    rows = checkpoint.database.execute(
        "SELECT number, source, coalesce(job, ''), size, modified, form, outputs, coalesce(target, '')"
        " FROM files WHERE state = ? ORDER BY number LIMIT ?",
        (state, limit + len(excluded)),
    )
    files = (FileRow(row[0], os.fsdecode(row[1]), *row[2:]) for row in rows if row[0] not in excluded)
    return list(files)[:limit]


def has_any(checkpoint: Checkpoint, *states: State) -> bool:
    """Return True if any file is in one of the states."""
    query = "SELECT 1 FROM files WHERE state = ? LIMIT 1"
    return any(checkpoint.database.execute(query, (state,)).fetchone() for state in states)


def count_files(checkpoint: Checkpoint, state: State, limit: int) -> int:
    """Return the number of files in a state, at most ``limit``."""
    query = "SELECT count(*) FROM (SELECT 1 FROM files WHERE state = ? LIMIT ?)"
    return int(checkpoint.database.execute(query, (state, limit)).fetchone()[0])


def mark_sent(checkpoint: Checkpoint, number: int, job: str, now: float) -> None:
    """Record that a file is uploaded. ``now`` is in seconds since the epoch."""
    checkpoint.database.execute(
        "UPDATE files SET state = ?, form = NULL, sent_at = ? WHERE number = ? AND job = ? AND state = ?",
        (State.SENT, now, number, job, State.MEMBER),
    )
    checkpoint.report_change(number)


def mark_confirmed(checkpoint: Checkpoint, job: str, now: float) -> None:
    """Record that the upload of a job was confirmed. Its file then counts as uploaded at ``now``."""
    checkpoint.database.execute(
        "UPDATE files SET sent_at = ? WHERE job = ? AND state = ? AND twin IS NULL", (now, job, State.SENT)
    )


def mark_unsent(checkpoint: Checkpoint, job: str) -> None:
    """Record that the file of a job has not arrived, so that it is uploaded again."""
    checkpoint.database.execute(
        "UPDATE files SET state = ? WHERE job = ? AND state = ? AND twin IS NULL", (State.MEMBER, job, State.SENT)
    )


def mark_refused(checkpoint: Checkpoint, error: FileError) -> None:
    """Record why a file can't be processed, and release its duplicates."""
    checkpoint.database.execute(
        "UPDATE files SET state = ?, form = NULL, code = ?, message = ? WHERE number = ?",
        (State.REFUSED, error.code, error.message.encode(errors="replace").decode(), error.number),
    )
    checkpoint.report_change(error.number)
    release_duplicates(checkpoint, error.number)


def mark_job_gone(checkpoint: Checkpoint, job: str) -> None:
    """Record that the server no longer has a job. The next run creates another one for its file."""
    row = checkpoint.database.execute(
        "SELECT number FROM files WHERE job = ? AND state IN (?, ?) AND twin IS NULL", (job, State.MEMBER, State.SENT)
    ).fetchone()
    if row is not None:
        mark_refused(checkpoint, FileError(row[0], "JOB_GONE", JOB_GONE))


def reset_file(checkpoint: Checkpoint, number: int) -> None:
    """Set the state of a file to FOUND and count the try. The file has no job, or its job expired without the file."""
    checkpoint.database.execute(
        "UPDATE files SET state = ?, tries = tries + 1, job = NULL, form = NULL, chunk = NULL, place = NULL"
        " WHERE number = ?",
        (State.FOUND, number),
    )


def mark_ended(checkpoint: Checkpoint, number: int, job: Job) -> None:
    """Record how a file's job ended, for the file and its duplicates."""
    outputs = job.result.outputs if job.result else ()
    failure = job.error
    checkpoint.database.execute(
        "UPDATE files SET state = ?, form = NULL, status = ?, code = ?, message = ?, outputs = ? WHERE number = ?",
        (
            State.COMPLETED if job.succeeded else State.FAILED,
            job.status,
            failure.code if failure else None if job.succeeded else job.status,
            failure.message if failure else None,
            json.dumps([each.document() for each in outputs], separators=(",", ":")) if outputs else None,
            number,
        ),
    )
    checkpoint.report_change(number)
    copy_outcome_to_duplicates(checkpoint, number)


def copy_outcome_to_duplicates(checkpoint: Checkpoint, number: int) -> None:
    """Copy a file's outcome, if it has one, to its duplicates."""
    duplicates = checkpoint.database.execute(
        "UPDATE files SET (state, job, status, code, message, outputs) ="
        " (SELECT CASE WHEN state IN (?, ?) THEN ? ELSE state END, job, status, code, message, outputs"
        " FROM files WHERE number = ?)"
        " WHERE twin = ? AND state = ?"
        " AND EXISTS (SELECT 1 FROM files WHERE number = ? AND state IN (?, ?, ?, ?)) RETURNING number",
        (
            *(State.SAVED, State.UNSAVED, State.COMPLETED, number, number, State.DUPLICATE),
            *(number, State.COMPLETED, State.SAVED, State.UNSAVED, State.FAILED),
        ),
    ).fetchall()
    for (duplicate,) in duplicates:
        checkpoint.report_change(duplicate)


def release_duplicates(checkpoint: Checkpoint, number: int) -> None:
    """Let the duplicates of a file get their own jobs, because the file has no job to share."""
    checkpoint.database.execute(
        "UPDATE files SET state = ?, twin = NULL WHERE twin = ? AND state = ?", (State.FOUND, number, State.DUPLICATE)
    )


def claim_output_paths(checkpoint: Checkpoint, row: FileRow, outputs: Sequence[Output]) -> dict[str, str]:
    """Return an output path for each output, by the name of the output. No other file gets the same path."""
    paths = {}
    for output in outputs:
        alone = len(outputs) == 1
        path = output_name(row.output_path, output, alone=alone)
        if not _claim_path(checkpoint, path, row.number):
            path = output_name(f"{row.output_path}-{row.number}", output, alone=alone)
            _claim_path(checkpoint, path, row.number)
        paths[output.name] = path
    return paths


def mark_saved(checkpoint: Checkpoint, number: int, paths: Sequence[str]) -> None:
    """Record where a file's results are."""
    checkpoint.database.execute(
        "UPDATE files SET state = ?, saved = ? WHERE number = ?", (State.SAVED, json.dumps(list(paths)), number)
    )
    checkpoint.report_change(number)


def mark_unsaved(checkpoint: Checkpoint, error: FileError) -> None:
    """Record why a file's results could not be downloaded."""
    checkpoint.database.execute(
        "UPDATE files SET state = ?, code = ?, message = ? WHERE number = ?",
        (State.UNSAVED, error.code, error.message.encode(errors="replace").decode(), error.number),
    )
    checkpoint.report_change(error.number)


def read_outputs(row: FileRow) -> list[Output]:
    """Return the outputs of a completed job, with the links that the API returned when it ended."""
    documents: list[Any] = json.loads(row.outputs or "[]")
    return [Output.model_validate(each) for each in documents]


def _claim_path(checkpoint: Checkpoint, path: str, number: int) -> bool:
    """Claim an output path for a file. Return True if the path now belongs to the file."""
    key = make_collision_key(path)
    checkpoint.database.execute("INSERT OR IGNORE INTO results VALUES (?, ?)", (key, number))
    (owner,) = checkpoint.database.execute("SELECT file FROM results WHERE path_key = ?", (key,)).fetchone()
    return bool(owner == number)
