"""The batches of an ingest: one that is open; a later run that finds more files opens another."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from safelight.client import Safelight
from safelight.ingest.checkpoint import files
from safelight.ingest.checkpoint.chunks import TRIES, Chunk
from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.inspection import Refusal
from safelight.models import Added


@dataclass(frozen=True, slots=True)
class OpenBatch:
    """A batch that takes members; without ID until the API has told it."""

    number: int
    id: str | None


def current(checkpoint: Checkpoint) -> OpenBatch | None:
    """Return the batch that is not closed."""
    row = checkpoint.database.execute("SELECT number, id FROM batches WHERE closed = 0").fetchone()
    return None if row is None else OpenBatch(*row)


def open_new(checkpoint: Checkpoint) -> None:
    """Write that another batch is to be made."""
    checkpoint.database.execute("INSERT INTO batches (id) VALUES (NULL)")


def id_of(checkpoint: Checkpoint, chunk: Chunk) -> str:
    """Return the ID of a chunk's batch."""
    row = checkpoint.database.execute("SELECT id FROM batches WHERE number = ?", (chunk.batch,)).fetchone()
    return str(row[0])


def note_id(checkpoint: Checkpoint, batch: OpenBatch, batch_id: str) -> None:
    """Write what the API calls a batch."""
    checkpoint.database.execute("UPDATE batches SET id = ? WHERE number = ?", (batch_id, batch.number))


def note_closed(checkpoint: Checkpoint, batch: OpenBatch) -> None:
    """Write that a batch takes no more members."""
    checkpoint.database.execute("UPDATE batches SET closed = 1 WHERE number = ?", (batch.number,))


def note_gone(checkpoint: Checkpoint, number: int) -> None:
    """Write that the API knows a batch no more; its files that have not ended begin again, in another one."""
    database = checkpoint.database
    open_ones = f"batch = ? AND twin IS NULL AND state IN ({State.CHUNKED:d}, {State.MEMBER:d}, {State.SENT:d})"
    rows = database.execute(f"SELECT number, tries FROM files WHERE {open_ones}", (number,)).fetchall()  # noqa: S608 - numbers
    for file, tries in rows:
        if tries + 1 < TRIES:
            files.find_again(checkpoint, file)
        else:
            files.refuse(checkpoint, Refusal(file, "JOB_GONE", files.GONE))
    database.execute("UPDATE chunks SET body = NULL WHERE batch = ?", (number,))
    database.execute("UPDATE batches SET closed = 1 WHERE number = ?", (number,))


def make(
    client: Safelight, checkpoint_id: str, batch: OpenBatch, name: str | None, options: Mapping[str, Any]
) -> Added:
    """Make a batch without members; the same one however often it is asked for."""
    key = f"ingest-{checkpoint_id}-b{batch.number}"
    return client.batches.create(name=name, options=options, idempotency_key=key)


def add(client: Safelight, checkpoint_id: str, batch_id: str, chunk: Chunk) -> Added:
    """Make the members of a chunk; the same ones however often they are asked for."""
    return client.batches.add_body(batch_id, chunk.body, idempotency_key=f"ingest-{checkpoint_id}-c{chunk.number}")
