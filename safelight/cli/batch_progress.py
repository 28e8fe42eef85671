"""Batches that the server fills: follow their progress and print their counts."""

from collections.abc import Callable, Sequence

import typer
from rich.console import Console

from safelight.cli import options as opts
from safelight.cli.rendering import documents, tables, text
from safelight.cli.rendering.prose import print_text
from safelight.client import Safelight
from safelight.errors import ApiError, ClientError, WaitedTooLong
from safelight.models import Batch
from safelight.transport.retries import MAX_RETRY_AFTER_SECONDS, is_quota_exceeded
from safelight.transport.timing import SYSTEM_TIMING, Timing

#: Delay before the second poll.
FIRST_DELAY_SECONDS = 0.5
DELAY_FACTOR = 1.5
#: The counts of a batch in a line.
COUNTS = ("open", "completed", "failed", "cancelled", "expired")
MAX_DELAY_SECONDS = 10.0


class NotABackfill(ClientError):
    """A batch that was created neither from stored images nor from a prefix."""

    code = "NOT_A_BACKFILL"


def complete_backfill(
    client: Safelight,
    batch: Batch,
    on_progress: Callable[[Batch], None],
    *,
    wait: bool,
    timing: Timing = SYSTEM_TIMING,
) -> Batch:
    """Create the members of a backfill or an import, wait for them if ``wait`` is set, and return the batch.

    The server continues if this call is interrupted, and the call can be repeated. If the caller has too many open
    jobs, it waits until some of them have ended. Raises ClientError, for example if the limit on bytes per day is used
    up.
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


def run(client: Safelight, batch: Batch, *, command: str, wait: bool, as_json: bool) -> int:
    """Complete a backfill or an import, and return the exit code. Raises ClientError."""
    if batch.backfill is None and batch.prefix is None:
        raise NotABackfill(f"{batch.id} was created neither from stored images nor from a prefix.")
    printed = ""

    def print_change(current: Batch) -> None:
        nonlocal printed
        line = _format_progress(current)
        if line != printed and not as_json:
            typer.echo(line, err=True)
        printed = line

    try:
        batch = complete_backfill(client, batch, print_change, wait=wait)
    except KeyboardInterrupt:
        print_text(f"\nStopped waiting. {_hint(batch, command)}", err=True)
        return opts.EXIT_INTERRUPTED
    except ClientError:
        print_text(f"Stopped waiting. {_hint(batch, command)}", err=True)
        raise
    print_batch(batch, as_json=as_json)
    return choose_exit_code(batch)


def _hint(batch: Batch, command: str) -> str:
    """Return what happens now to a batch, and how to follow or to stop it."""
    return (
        f"The server continues {batch.id}. To follow it, run: safelight {command} --resume {batch.id}. "
        f"To stop it, run: safelight {command} --cancel {batch.id}."
    )


def print_batch(batch: Batch, *, as_json: bool) -> None:
    """Print a batch and its counts: a table on a terminal, one line elsewhere."""
    console = Console()
    if as_json:
        documents.print_document(batch.document())
    elif console.is_terminal:
        rows = [(batch.id, name, str(count)) for name, count in _count(batch)]
        tables.print_rows(("Batch", "Jobs", "Count"), rows, console)
    else:
        typer.echo(_format(batch))


def print_batches(batches: Sequence[Batch]) -> None:
    """Print one batch per row: a table on a terminal, lines elsewhere."""
    console = Console()
    if not console.is_terminal:
        for batch in batches:
            typer.echo(_format(batch))
        return
    rows = [
        (
            batch.id,
            _describe_state(batch),
            text.format_minute(batch.created_at),
            _format_counts(batch),
            batch.name or "-",
        )
        for batch in batches
    ]
    tables.print_rows(("Batch", "State", "Created", "Jobs", "Name"), rows, console, "There are no batches.")


def _format_counts(batch: Batch) -> str:
    counts = [f"{count:,} {name}" for name, count in batch.counts.items() if count]
    return ", ".join(counts) or "none"


def _format_progress(batch: Batch) -> str:
    """Return the ID, the counts that are not 0 and what the server still does, in one line."""
    counts = [f"{count} {text.escape(name)}" for name, count in _count(batch)]
    states = [] if batch.walk.state == "over" else [_describe_state(batch)]
    return "\t".join([text.escape(batch.id), *counts, *map(text.escape, states)])


def wait_for_batch(client: Safelight, batch_id: str, timeout: float | None, timing: Timing = SYSTEM_TIMING) -> Batch:
    """Wait until a batch is closed and all its jobs have ended, and return it.

    ``timeout`` is in seconds. With None, there is no limit. Raises WaitedTooLong.
    """
    started, delay = timing.monotonic(), FIRST_DELAY_SECONDS
    while True:
        batch = client.batches.get(batch_id)
        if batch.done:
            return batch
        left = None if timeout is None else started + timeout - timing.monotonic()
        if left is not None and left <= 0:
            raise WaitedTooLong(f"Batch {batch.id} is not done after {timeout:g} s. Its jobs continue to run.")
        timing.sleep(delay if left is None else min(delay, left))
        delay = min(MAX_DELAY_SECONDS, delay * DELAY_FACTOR)


def choose_exit_code(batch: Batch) -> int:
    """Return the exit code for a batch that is done."""
    failed = sum(batch.counts.get(each, 0) for each in ("failed", "cancelled", "expired"))
    return opts.EXIT_PARTIAL_FAILURE if failed else opts.EXIT_SUCCESS


def _format(batch: Batch) -> str:
    """Return a batch as one line of fields.

    They are ID, state, number of members, the ``COUNTS`` by status, number of skipped images, creation time and name.
    """
    fields = [batch.id, _describe_state(batch), str(batch.total)]
    fields += [str(batch.counts.get(name, 0)) for name in COUNTS]
    skipped = sum(each.skipped for each in (batch.backfill, batch.prefix) if each is not None)
    return "\t".join(map(text.escape, [*fields, str(skipped), text.format_time(batch.created_at), batch.name or "-"]))


def _describe_state(batch: Batch) -> str:
    """Return what the server still does for a batch, or ``open``, ``closed`` or ``done``."""
    if batch.walk.state != "over":
        return " ".join([batch.walk.state, (batch.walk.error or {}).get("code", "")]).strip()
    return "done" if batch.done else "closed" if batch.closed else "open"


def _count(batch: Batch) -> list[tuple[str, int]]:
    """Return the number of members, the counts by status and the number of skipped images, with their names."""
    created = ("created" if batch.is_filled else "created so far", batch.total)
    missing = ("no longer stored", batch.backfill.skipped if batch.backfill else 0)
    skipped = ("skipped", batch.prefix.skipped if batch.prefix else 0)
    return [created, *((name, count) for name, count in (*batch.counts.items(), missing, skipped) if count)]
