"""``safelight batches``: list batches, and pause, resume, cancel or retry what the server does for them."""

from itertools import islice
from typing import Annotated

import typer

from safelight.cli import batch_progress
from safelight.cli.options import ApiUrl, Json, Timeout
from safelight.cli.rendering.documents import print_document
from safelight.cli.wiring import connect

EXAMPLES = """Examples:

safelight batches list

safelight batches wait 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --timeout 600

safelight batches pause 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight batches retry-failed 01JD9ZK8V4M2Q6X3T5R7W9Y1AB"""

BatchId = Annotated[str, typer.Argument(metavar="ID", help="ID of the batch.")]

app = typer.Typer(no_args_is_help=True, help="Manage batches of jobs.", epilog=EXAMPLES)


@app.callback()
def group() -> None:
    """Manage batches of jobs."""


@app.command("list")
def list_batches(
    context: typer.Context,
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Maximum number of batches.")] = 20,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List batches and their counts, newest first."""
    with connect(context, api_url) as client:
        found = list(islice(client.batches.list(), limit))
    if as_json:
        print_document({"batches": [batch.document() for batch in found]})
        return
    batch_progress.print_batches(found)


@app.command("show")
def show(context: typer.Context, batch_id: BatchId, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Show the counts of a batch, and what the server still does for it."""
    with connect(context, api_url) as client:
        batch_progress.print_batch(client.batches.get(batch_id), as_json=as_json)


@app.command("wait")
def wait(
    context: typer.Context, batch_id: BatchId, *, timeout: Timeout = None, api_url: ApiUrl = None, as_json: Json = False
) -> None:
    """Wait until a batch is closed and all its jobs have ended. The exit code is 1 if a job failed."""
    with connect(context, api_url) as client:
        batch = batch_progress.wait_for_batch(client, batch_id, timeout)
    batch_progress.print_batch(batch, as_json=as_json)
    raise typer.Exit(batch_progress.choose_exit_code(batch))


@app.command("pause")
def pause(context: typer.Context, batch_id: BatchId, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Let the server create and retry no more jobs of a batch."""
    with connect(context, api_url) as client:
        batch_progress.print_batch(client.batches.pause(batch_id), as_json=as_json)


@app.command("resume")
def resume(context: typer.Context, batch_id: BatchId, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Let the server continue a batch that was paused, or that it has given up."""
    with connect(context, api_url) as client:
        batch_progress.print_batch(client.batches.resume(batch_id), as_json=as_json)


@app.command("cancel")
def cancel(context: typer.Context, batch_id: BatchId, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Close a batch and cancel its open jobs."""
    with connect(context, api_url) as client:
        batch_progress.print_batch(client.batches.cancel(batch_id), as_json=as_json)


@app.command("retry-failed")
def retry_failed(context: typer.Context, batch_id: BatchId, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Retry the failed jobs of a batch. The server continues if this command is interrupted."""
    with connect(context, api_url) as client:
        batch_progress.print_batch(client.batches.retry_failed(batch_id).batch, as_json=as_json)
