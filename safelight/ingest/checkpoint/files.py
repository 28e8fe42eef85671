"""The steps of files, as the checkpoint has them: what is to be done next, and what became of it."""

import json
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from safelight.file_names import output_name
from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.listing import release_twins
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.inspection import Refusal
from safelight.ingest.output_paths import collision_key
from safelight.models import Job, Output

GONE = "The server no longer has its job; run the same command again to send it."


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file as the next step needs it."""

    number: int
    source: str
    job: str
    size: int | None
    modified: int | None
    digest: str | None
    media_type: str | None
    form: str | None
    outputs: str | None
    target: str


def waiting(checkpoint: Checkpoint, state: State, *, held: Collection[int], most: int) -> list[FileRow]:
    """Return files of a state, oldest first, but none that is held already."""
    rows = checkpoint.database.execute(
        "SELECT number, source, coalesce(job, ''), size, modified, digest, media_type, form, outputs,"
        " coalesce(target, '') FROM files WHERE state = ? ORDER BY number LIMIT ?",
        (state, most + len(held)),
    )
    found = (FileRow(row[0], os.fsdecode(row[1]), *row[2:]) for row in rows if row[0] not in held)
    return list(found)[:most]


def any_in(checkpoint: Checkpoint, *states: State) -> bool:
    """Tell whether a file is in one of some states."""
    query = "SELECT 1 FROM files WHERE state = ? LIMIT 1"
    return any(checkpoint.database.execute(query, (state,)).fetchone() for state in states)


def count(checkpoint: Checkpoint, state: State, most: int) -> int:
    """Count the files of a state, but not beyond ``most``."""
    query = "SELECT count(*) FROM (SELECT 1 FROM files WHERE state = ? LIMIT ?)"
    return int(checkpoint.database.execute(query, (state, most)).fetchone()[0])


def note_sent(checkpoint: Checkpoint, number: int, job: str, now: float) -> None:
    """Write that the bytes of a file's job are there. ``now`` is in seconds since the epoch."""
    checkpoint.database.execute(
        "UPDATE files SET state = ?, form = NULL, sent_at = ? WHERE number = ? AND job = ? AND state = ?",
        (State.SENT, now, number, job, State.MEMBER),
    )


def note_confirmed(checkpoint: Checkpoint, job: str, now: float) -> None:
    """Write that a job was told of its bytes, which counts as if they were sent then."""
    checkpoint.database.execute(
        "UPDATE files SET sent_at = ? WHERE job = ? AND state = ? AND twin IS NULL", (now, job, State.SENT)
    )


def note_unsent(checkpoint: Checkpoint, job: str) -> None:
    """Write that a job does not have its bytes, so that they are sent again."""
    checkpoint.database.execute(
        "UPDATE files SET state = ? WHERE job = ? AND state = ? AND twin IS NULL", (State.MEMBER, job, State.SENT)
    )


def refuse(checkpoint: Checkpoint, refusal: Refusal) -> None:
    """Write that a file does not go on; those that waited for its outcome go on without it."""
    checkpoint.database.execute(
        "UPDATE files SET state = ?, form = NULL, code = ?, message = ? WHERE number = ?",
        (State.REFUSED, refusal.code, refusal.message.encode(errors="replace").decode(), refusal.number),
    )
    release_twins(checkpoint, refusal.number)


def note_gone(checkpoint: Checkpoint, job: str) -> None:
    """Write that the server has a job no more; a later run makes another one for its file."""
    row = checkpoint.database.execute(
        "SELECT number FROM files WHERE job = ? AND state IN (?, ?) AND twin IS NULL", (job, State.MEMBER, State.SENT)
    ).fetchone()
    if row is not None:
        refuse(checkpoint, Refusal(row[0], "JOB_GONE", GONE))


def find_again(checkpoint: Checkpoint, number: int) -> None:
    """Let a file begin again: its job is none, or expired before the bytes were there."""
    checkpoint.database.execute(
        "UPDATE files SET state = ?, tries = tries + 1, job = NULL, form = NULL, chunk = NULL, place = NULL"
        " WHERE number = ?",
        (State.FOUND, number),
    )


def note_ended(checkpoint: Checkpoint, number: int, job: Job) -> None:
    """Write how a file's job ended, for its twins too."""
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
    share_outcome(checkpoint, number)


def share_outcome(checkpoint: Checkpoint, number: int) -> None:
    """Give a file's outcome, if it has one, to those with the same bytes that wait for it."""
    checkpoint.database.execute(
        "UPDATE files SET (state, job, status, code, message, outputs) ="
        " (SELECT CASE WHEN state IN (?, ?) THEN ? ELSE state END, job, status, code, message, outputs"
        " FROM files WHERE number = ?)"
        " WHERE twin = ? AND state = ?"
        " AND EXISTS (SELECT 1 FROM files WHERE number = ? AND state IN (?, ?, ?, ?))",
        (
            *(State.SAVED, State.UNSAVED, State.COMPLETED, number, number, State.TWIN),
            *(number, State.COMPLETED, State.SAVED, State.UNSAVED, State.FAILED),
        ),
    )


def places(checkpoint: Checkpoint, row: FileRow, outputs: Sequence[Output]) -> dict[str, str]:
    """Return where each output goes, by its name: a path below the folder for results that is this file's alone."""
    chosen = {}
    for output in outputs:
        alone = len(outputs) == 1
        path = output_name(row.target, output, alone=alone)
        if not _claimed(checkpoint, path, row.number):
            path = output_name(f"{row.target}-{row.number}", output, alone=alone)
            _claimed(checkpoint, path, row.number)
        chosen[output.name] = path
    return chosen


def note_saved(checkpoint: Checkpoint, number: int, saved: Sequence[str]) -> None:
    """Write where a file's results are."""
    checkpoint.database.execute(
        "UPDATE files SET state = ?, saved = ? WHERE number = ?", (State.SAVED, json.dumps(list(saved)), number)
    )


def note_unsaved(checkpoint: Checkpoint, refusal: Refusal) -> None:
    """Write why a file's results could not be fetched."""
    checkpoint.database.execute(
        "UPDATE files SET state = ?, code = ?, message = ? WHERE number = ?",
        (State.UNSAVED, refusal.code, refusal.message.encode(errors="replace").decode(), refusal.number),
    )


def read_outputs(row: FileRow) -> list[Output]:
    """Return the outputs of a completed file's job, with the links that they had when it ended."""
    documents: list[Any] = json.loads(row.outputs or "[]")
    return [Output.model_validate(each) for each in documents]


def _claimed(checkpoint: Checkpoint, path: str, number: int) -> bool:
    """Claim a path for a file; tell whether it has it now."""
    key = collision_key(path)
    checkpoint.database.execute("INSERT OR IGNORE INTO results VALUES (?, ?)", (key, number))
    (owner,) = checkpoint.database.execute("SELECT file FROM results WHERE path_key = ?", (key,)).fetchone()
    return bool(owner == number)
