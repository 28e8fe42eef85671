"""Running a backfill and showing how it goes."""

from collections.abc import Callable

import typer

from safelight.backfill import drive
from safelight.cli.options import ALL_WELL, SOME_FAILED
from safelight.cli.rendering import documents, text
from safelight.client import Safelight
from safelight.errors import ClientError
from safelight.models import Batch

INTERRUPTED = 130


class NotABackfill(ClientError):
    """A batch whose members were sent, not found."""

    code = "NOT_A_BACKFILL"


def run(client: Safelight, begin: Callable[[], Batch], *, wait: bool, as_json: bool) -> int:
    """Drive a backfill to its end; return the exit code. Raises ClientError."""
    batch = begin()
    if batch.backfill is None:
        raise NotABackfill(f"{batch.id} was not made from stored pictures.")
    told = ""

    def report(now: Batch) -> None:
        nonlocal told
        line = _line(now)
        if line != told and not as_json:
            typer.echo(line, err=True)
        told = line

    try:
        batch = drive(client, batch, report, wait=wait)
    except KeyboardInterrupt:
        typer.echo(f"\nStopped. Nothing is lost; to go on: safelight backfill --resume {batch.id}", err=True)
        return INTERRUPTED
    return _shown(batch, as_json=as_json)


def end(client: Safelight, batch_id: str, *, as_json: bool) -> int:
    """Make no more members and end those that are open; return the exit code. Raises ClientError."""
    batch = client.batches.cancel(batch_id)
    _shown(batch, as_json=as_json)
    return ALL_WELL


def _shown(batch: Batch, *, as_json: bool) -> int:
    if as_json:
        documents.print_document(batch.document())
    else:
        typer.echo(_line(batch))
    badly = sum(batch.counts.get(each, 0) for each in ("failed", "cancelled", "expired"))
    return SOME_FAILED if badly else ALL_WELL


def _line(batch: Batch) -> str:
    """Write how a backfill stands: ID, members made, counts, images that are gone."""
    made = f"{batch.total} made" + ("" if batch.is_filled else " so far")
    counts = [f"{count} {name}" for name, count in batch.counts.items() if count]
    gone = batch.backfill.skipped if batch.backfill else 0
    return "\t".join([text.printable(batch.id), made, *counts, *([f"{gone} no longer stored"] if gone else [])])
