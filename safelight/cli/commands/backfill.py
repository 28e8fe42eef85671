"""``safelight backfill``: process stored images again."""

from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console

from safelight.cli import options as opts
from safelight.cli.rendering import documents, tables, text
from safelight.cli.wiring import connect
from safelight.client import Safelight
from safelight.errors import ApiError, ClientError
from safelight.models import Batch
from safelight.transport.retries import MAX_RETRY_AFTER_SECONDS, is_quota_exceeded
from safelight.transport.timing import SYSTEM_TIMING, Timing

EXAMPLES = """Examples:

safelight backfill --preset web

safelight backfill --preset web --of-preset web --of-version 1 --since 2026-11-01

safelight backfill --resume 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight backfill --cancel 01JD9ZK8V4M2Q6X3T5R7W9Y1AB"""

#: Delay before the second poll.
FIRST_DELAY_SECONDS = 0.5
DELAY_FACTOR = 1.5
MAX_DELAY_SECONDS = 10.0

BatchId = Annotated[
    str | None, typer.Option("--batch", metavar="ID", help="Process only the images of jobs in this batch.")
]
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Process only images uploaded at or after this time, such as 2026-11-01 (ISO 8601).",
    ),
]
Until = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Process only images uploaded before this time.")
]
OfPreset = Annotated[
    str | None,
    typer.Option("--of-preset", metavar="NAME", help="Process only the images of jobs that used this preset."),
]
OfVersion = Annotated[
    int | None,
    typer.Option(
        "--of-version",
        min=1,
        metavar="N",
        help="Process only the images of jobs that used this version of --of-preset.",
    ),
]
Copies = Annotated[
    bool, typer.Option("--copies", help="Also process the images of jobs that earlier backfills created.")
]
Name = Annotated[str | None, typer.Option("--name", metavar="TEXT", help="Name for the new batch.")]
Resume = Annotated[str | None, typer.Option("--resume", metavar="ID", help="Resume the backfill with this batch ID.")]
Cancel = Annotated[
    str | None,
    typer.Option("--cancel", metavar="ID", help="Cancel the backfill with this batch ID, and its open jobs."),
]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Wait until every job has ended, or only until every job is created.")
]


class NotABackfill(ClientError):
    """A batch that was not created from stored images."""

    code = "NOT_A_BACKFILL"


def backfill(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    preset: opts.PresetName = None,
    pipeline: opts.Pipeline = None,
    status: opts.StatusOrAny = "COMPLETED",
    batch: BatchId = None,
    since: Since = None,
    until: Until = None,
    of_preset: OfPreset = None,
    of_version: OfVersion = None,
    raw_format: opts.RawFormat = None,
    copies: Copies = False,
    name: Name = None,
    resume: Resume = None,
    cancel: Cancel = None,
    wait: Wait = True,
    api_url: opts.ApiUrl = None,
    as_json: opts.Json = False,
) -> None:
    """Process stored images again, with any preset or pipeline.

    Each selected job gets exactly one new job in a new batch. To continue after an interruption, use --resume.
    """
    processing = {"preset": preset, "pipeline": opts.read_pipeline(pipeline)}
    options = {key: value for key, value in processing.items() if value is not None}
    if sum((len(options), resume is not None, cancel is not None)) != 1:
        raise typer.BadParameter("give exactly one of --preset, --pipeline, --resume and --cancel.")
    query = {
        "status": None if status == opts.ANY_STATUS else status,
        "batch": batch,
        "since": since,
        "until": until,
        "preset": of_preset,
        "preset_version": of_version,
        "format": raw_format,
        "copies": copies,
    }
    with connect(context, api_url) as client:
        if cancel is not None:
            _print(client.batches.cancel(cancel), as_json=as_json)
            raise typer.Exit(opts.EXIT_SUCCESS)
        if resume is not None:
            current = client.batches.get(resume)
        else:
            current = client.batches.backfill(query, name=name, options=options)
        raise typer.Exit(_run(client, current, wait=wait, as_json=as_json))


def complete_backfill(
    client: Safelight,
    batch: Batch,
    on_progress: Callable[[Batch], None],
    *,
    wait: bool,
    timing: Timing = SYSTEM_TIMING,
) -> Batch:
    """Create the members of a backfill, wait for them if ``wait`` is set, and return the batch.

    The API stores the progress, so an interrupted call can be repeated. If the caller has too many open jobs, it waits
    until some of them have ended. Raises ClientError, for example if the limit on bytes per day is used up.
    """
    on_progress(batch)
    while not batch.is_filled:
        try:
            batch = client.batches.continue_backfill(batch.id)
        except ApiError as error:
            if not is_quota_exceeded(error) or (error.retry_after_seconds or 0) > MAX_RETRY_AFTER_SECONDS:
                raise
            timing.sleep(error.retry_after_seconds or FIRST_DELAY_SECONDS)
            batch = client.batches.get(batch.id)
        on_progress(batch)
    delay = FIRST_DELAY_SECONDS
    while wait and not batch.done:
        timing.sleep(delay)
        delay = min(MAX_DELAY_SECONDS, delay * DELAY_FACTOR)
        batch = client.batches.get(batch.id)
        on_progress(batch)
    return batch


def _run(client: Safelight, batch: Batch, *, wait: bool, as_json: bool) -> int:
    """Complete a backfill and return the exit code. Raises ClientError."""
    if batch.backfill is None:
        raise NotABackfill(f"{batch.id} was not created from stored images.")
    printed = ""

    def print_change(current: Batch) -> None:
        nonlocal printed
        line = _format(current)
        if line != printed and not as_json:
            typer.echo(line, err=True)
        printed = line

    try:
        batch = complete_backfill(client, batch, print_change, wait=wait)
    except KeyboardInterrupt:
        typer.echo(f"\nStopped. To resume, run: safelight backfill --resume {batch.id}", err=True)
        return opts.EXIT_INTERRUPTED
    except ClientError:
        typer.echo(f"Stopped. To resume, run: safelight backfill --resume {batch.id}", err=True)
        raise
    _print(batch, as_json=as_json)
    failed = sum(batch.counts.get(each, 0) for each in ("failed", "cancelled", "expired"))
    return opts.EXIT_PARTIAL_FAILURE if failed else opts.EXIT_SUCCESS


def _print(batch: Batch, *, as_json: bool) -> None:
    """Print a batch and its counts: a table on a terminal, one line elsewhere."""
    console = Console()
    if as_json:
        documents.print_document(batch.document())
    elif console.is_terminal:
        rows = [(batch.id, name, str(count)) for name, count in _count(batch)]
        tables.print_rows(("Batch", "Jobs", "Count"), rows, console)
    else:
        typer.echo(_format(batch))


def _format(batch: Batch) -> str:
    """Return the ID and the counts in one line."""
    return "\t".join([text.escape(batch.id), *(f"{count} {text.escape(name)}" for name, count in _count(batch))])


def _count(batch: Batch) -> list[tuple[str, int]]:
    """Return the number of members, the counts by status and the number of missing images, with their names."""
    created = ("created" if batch.is_filled else "created so far", batch.total)
    missing = ("no longer stored", batch.backfill.skipped if batch.backfill else 0)
    return [created, *((name, count) for name, count in (*batch.counts.items(), missing) if count)]
