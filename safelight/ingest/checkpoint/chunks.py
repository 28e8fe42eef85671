"""Requests that make members of a batch: their content is fixed in the checkpoint before they are sent.

So a request that comes again after a kill is the same request, under the same key, and makes nothing twice.
"""

import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from safelight.errors import UnexpectedAnswer
from safelight.ingest.checkpoint import files as steps
from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.entries import S3
from safelight.ingest.inspection import Prepared, Refusal
from safelight.models import Added

#: Members that one request may make.
MEMBERS = 100
#: How often a member is asked for that the API refuses for a reason that passes, or forgets with its batch.
TRIES = 5


@dataclass(frozen=True, slots=True)
class Chunk:
    """One request to make."""

    number: int
    batch: int
    body: bytes


def fix(checkpoint: Checkpoint, looked_at: Sequence[Prepared | Refusal]) -> None:
    """Write what is known of files, and make one chunk, in the newest batch, of those that need a job of their own."""
    (batch,) = checkpoint.database.execute("SELECT max(number) FROM batches").fetchone()
    (last,) = checkpoint.database.execute("SELECT coalesce(max(number), 0) FROM chunks").fetchone()
    members: list[Mapping[str, Any]] = []
    for each in looked_at:
        if isinstance(each, Refusal):
            steps.refuse(checkpoint, each)
        elif not _joined_twin(checkpoint, each):
            members.append(_fixed(checkpoint, each, batch, chunk=last + 1, place=len(members)))
    if members:
        body = json.dumps({"items": members}, separators=(",", ":")).encode()
        checkpoint.database.execute("INSERT INTO chunks VALUES (?, ?, ?)", (last + 1, batch, body))


def unanswered(checkpoint: Checkpoint) -> list[Chunk]:
    """Return the chunks whose answer is not known, oldest first; few, as no further ones are fixed meanwhile."""
    rows = checkpoint.database.execute(
        "SELECT number, batch, body FROM chunks WHERE body IS NOT NULL ORDER BY number"
    ).fetchall()
    return [Chunk(*row) for row in rows]


def answered(checkpoint: Checkpoint, chunk: Chunk, answer: Added, now: float) -> None:
    """Write which jobs a chunk's files have. ``now`` is in seconds since the epoch. Raises UnexpectedAnswer."""
    by_place = {item.index: item for item in answer.items}
    rows = checkpoint.database.execute(
        "SELECT number, place, tries FROM files WHERE state = ? AND chunk = ?", (State.CHUNKED, chunk.number)
    ).fetchall()
    for number, place, tries in rows:
        item = by_place.get(place)
        if item is None or (item.job is None and item.error is None):
            raise UnexpectedAnswer(f"The API said nothing of member {place} of a request.")
        if item.job is not None:
            form = item.upload.model_dump_json() if item.upload else None
            checkpoint.database.execute(
                "UPDATE files SET state = ?, job = ?, form = ?, sent_at = ? WHERE number = ?",
                (State.SENT if form is None else State.MEMBER, item.job.id, form, now, number),
            )
        elif item.error is not None:
            if item.error.retriable and tries + 1 < TRIES:
                steps.find_again(checkpoint, number)
            else:
                steps.refuse(checkpoint, Refusal(number, item.error.code, item.error.sentence()))
    checkpoint.database.execute("UPDATE chunks SET body = NULL WHERE number = ?", (chunk.number,))


def _joined_twin(checkpoint: Checkpoint, prepared: Prepared) -> bool:
    """Tie a file to one with the same bytes and options that has a job, or is about to; tell whether there is one."""
    if prepared.digest is None:
        return False
    database = checkpoint.database
    twin = database.execute(
        "SELECT number FROM files WHERE digest = ? AND twin IS NULL AND number != ? AND state NOT IN (?, ?)"
        " AND options = (SELECT options FROM files WHERE number = ?) LIMIT 1",
        (prepared.digest, prepared.number, State.FOUND, State.REFUSED, prepared.number),
    ).fetchone()
    if twin is None:
        return False
    database.execute(
        "UPDATE files SET state = ?, twin = ?, size = ?, modified = ?, digest = ? WHERE number = ?",
        (State.TWIN, twin[0], prepared.size, prepared.modified, prepared.digest, prepared.number),
    )
    steps.share_outcome(checkpoint, twin[0])
    return True


def _fixed(checkpoint: Checkpoint, prepared: Prepared, batch: int, *, chunk: int, place: int) -> Mapping[str, Any]:
    database = checkpoint.database
    database.execute(
        "UPDATE files SET state = ?, size = ?, modified = ?, media_type = ?, digest = ?, batch = ?, chunk = ?,"
        " place = ? WHERE number = ?",
        (
            *(State.CHUNKED, prepared.size, prepared.modified, prepared.media_type, prepared.digest),
            *(batch, chunk, place, prepared.number),
        ),
    )
    row = database.execute("SELECT source, filename, options FROM files WHERE number = ?", (prepared.number,))
    return _member(row.fetchone(), prepared)


def _member(row: sqlite3.Row | tuple[Any, ...], prepared: Prepared) -> Mapping[str, Any]:
    source, filename, options = os.fsdecode(row[0]), row[1], json.loads(row[2] or "{}")
    name = filename or source.rpartition("/")[2].encode(errors="replace").decode()
    if source.startswith(S3):
        return {"source": source, "filename": name, **options}
    return {
        "filename": name,
        "content_type": prepared.media_type,
        "size": prepared.size,
        "digest": prepared.digest,
        **options,
    }
