"""Batches of an ingest, and the requests that add their members.

Each request (chunk) is stored before it is sent. After a kill, the same body is sent again with the same
Idempotency-Key, so no job is created twice. Only one batch is open at a time. A later run with new files opens another
batch.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from safelight.errors import UnexpectedAnswer
from safelight.ingest.checkpoint import files
from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.inspection import FileError, FileFacts
from safelight.ingest.sources import S3
from safelight.models import AddedMembers
from safelight.part_uploads import MULTIPART_BYTES

#: Maximum number of members per request.
CHUNK_SIZE = 100
#: Members of the first request of a run.
FIRST_CHUNK_SIZE = 10
#: Maximum number of tries for a file whose member the API refuses with a retryable error, or whose batch is missing.
MAX_TRIES = 5


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch to which members can be added. ``id`` is None until the API has created the batch."""

    number: int
    id: str | None


@dataclass(frozen=True, slots=True)
class Chunk:
    """A request that adds members to a batch."""

    number: int
    batch: int
    body: bytes


def get_open_batch(checkpoint: Checkpoint) -> OpenBatch | None:
    """Return the open batch, or None if no batch is open."""
    row = checkpoint.database.execute("SELECT number, id FROM batches WHERE closed = 0").fetchone()
    return None if row is None else OpenBatch(*row)


def open_batch(checkpoint: Checkpoint) -> None:
    """Record that a batch must be created."""
    checkpoint.database.execute("INSERT INTO batches (id) VALUES (NULL)")


def set_batch_id(checkpoint: Checkpoint, batch: OpenBatch, batch_id: str) -> None:
    """Record the API's ID of a batch."""
    checkpoint.database.execute("UPDATE batches SET id = ? WHERE number = ?", (batch_id, batch.number))


def mark_batch_closed(checkpoint: Checkpoint, batch: OpenBatch) -> None:
    """Record that a batch is closed."""
    checkpoint.database.execute("UPDATE batches SET closed = 1 WHERE number = ?", (batch.number,))


def mark_batch_gone(checkpoint: Checkpoint, number: int) -> None:
    """Record that the API no longer has a batch. Its open files are added to another batch."""
    database = checkpoint.database
    open_files = f"batch = ? AND twin IS NULL AND state IN ({State.CHUNKED:d}, {State.MEMBER:d}, {State.SENT:d})"
    rows = database.execute(f"SELECT number, tries FROM files WHERE {open_files}", (number,)).fetchall()  # noqa: S608 - numbers
    for file, tries in rows:
        if tries + 1 < MAX_TRIES:
            files.reset_file(checkpoint, file)
        else:
            files.mark_refused(checkpoint, FileError(file, "JOB_GONE", files.JOB_GONE))
    database.execute("UPDATE chunks SET body = NULL WHERE batch = ?", (number,))
    database.execute("UPDATE batches SET closed = 1 WHERE number = ?", (number,))


def create_chunk(checkpoint: Checkpoint, inspected: Sequence[FileFacts | FileError]) -> None:
    """Store the facts and errors of files, and a chunk that adds the files which need their own job to the open batch.

    If there is no open batch, because it was lost during the inspection, does nothing. The files are then inspected
    again for the next batch.
    """
    batch = get_open_batch(checkpoint)
    if batch is None:
        return
    (last,) = checkpoint.database.execute("SELECT coalesce(max(number), 0) FROM chunks").fetchone()
    members: list[Mapping[str, Any]] = []
    for each in inspected:
        if isinstance(each, FileError):
            files.mark_refused(checkpoint, each)
        elif not _mark_duplicate(checkpoint, each):
            members.append(_add_member(checkpoint, each, batch.number, chunk=last + 1, index=len(members)))
    if members:
        body = json.dumps({"items": members}, separators=(",", ":")).encode()
        checkpoint.database.execute("INSERT INTO chunks VALUES (?, ?, ?)", (last + 1, batch.number, body))


def list_pending_chunks(checkpoint: Checkpoint) -> list[Chunk]:
    """Return the chunks without a recorded response, oldest first. The scheduler keeps their number small."""
    rows = checkpoint.database.execute(
        "SELECT number, batch, body FROM chunks WHERE body IS NOT NULL ORDER BY number"
    ).fetchall()
    return [Chunk(*row) for row in rows]


def record_chunk_response(checkpoint: Checkpoint, chunk: Chunk, response: AddedMembers, now: float) -> None:
    """Record the jobs and errors of the files in a chunk. ``now`` is in seconds since the epoch.

    Raises UnexpectedAnswer if the response has neither a job nor an error for a file.
    """
    results = {result.index: result for result in response.items}
    rows = checkpoint.database.execute(
        "SELECT number, place, tries FROM files WHERE state = ? AND chunk = ?", (State.CHUNKED, chunk.number)
    ).fetchall()
    for number, index, tries in rows:
        result = results.get(index)
        if result is None or (result.job is None and result.error is None):
            raise UnexpectedAnswer(f"The API returned neither a job nor an error for member {index} of a request.")
        if result.job is not None:
            sending = result.upload or result.put
            form = sending.model_dump_json() if sending else None
            checkpoint.database.execute(
                "UPDATE files SET state = ?, job = ?, form = ?, sent_at = ? WHERE number = ?",
                (State.MEMBER if form or result.multipart else State.SENT, result.job.id, form, now, number),
            )
        elif result.error is not None:
            if result.error.retriable and tries + 1 < MAX_TRIES:
                files.reset_file(checkpoint, number)
            else:
                files.mark_refused(checkpoint, FileError(number, result.error.code, result.error.describe()))
    checkpoint.database.execute("UPDATE chunks SET body = NULL WHERE number = ?", (chunk.number,))


def _mark_duplicate(checkpoint: Checkpoint, facts: FileFacts) -> bool:
    """Mark a file as a duplicate if another file with a job has the same bytes and options. Return True if so."""
    if facts.digest is None:
        return False
    database = checkpoint.database
    original = database.execute(
        "SELECT number FROM files WHERE digest = ? AND twin IS NULL AND number != ? AND state NOT IN (?, ?)"
        " AND options = (SELECT options FROM files WHERE number = ?) LIMIT 1",
        (facts.digest, facts.number, State.FOUND, State.REFUSED, facts.number),
    ).fetchone()
    if original is None:
        return False
    database.execute(
        "UPDATE files SET state = ?, twin = ?, size = ?, modified = ?, digest = ? WHERE number = ?",
        (State.DUPLICATE, original[0], facts.size, facts.modified, facts.digest, facts.number),
    )
    files.copy_outcome_to_duplicates(checkpoint, original[0])
    return True


def _add_member(checkpoint: Checkpoint, facts: FileFacts, batch: int, *, chunk: int, index: int) -> Mapping[str, Any]:
    """Record a file as a member of a chunk, and return the member in the form that the API accepts."""
    database = checkpoint.database
    database.execute(
        "UPDATE files SET state = ?, size = ?, modified = ?, media_type = ?, digest = ?, batch = ?, chunk = ?,"
        " place = ? WHERE number = ?",
        (
            *(State.CHUNKED, facts.size, facts.modified, facts.media_type, facts.digest),
            *(batch, chunk, index, facts.number),
        ),
    )
    row = database.execute("SELECT source, filename, options FROM files WHERE number = ?", (facts.number,)).fetchone()
    source, options = os.fsdecode(row[0]), json.loads(row[2] or "{}")
    filename = row[1] or source.rpartition("/")[2].encode(errors="replace").decode()
    if source.startswith(S3):
        return {"source": source, "filename": filename, **options}
    return {
        "filename": filename,
        "content_type": facts.media_type,
        "size": facts.size,
        "digest": facts.digest,
        # S3 accepts a single request only once, so the worker needs no copy of the file.
        "method": "multipart" if (facts.size or 0) >= MULTIPART_BYTES else "put",
        **options,
    }
