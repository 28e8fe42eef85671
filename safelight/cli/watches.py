"""``safelight watches``: process each object that appears under an S3 prefix."""

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from safelight.cli.commands.import_prefix import Include
from safelight.cli.job_spec_options import JobSpecArguments, take_job_spec
from safelight.cli.options import ApiUrl, Json
from safelight.cli.rendering import documents, tables
from safelight.cli.rendering.prose import print_text
from safelight.cli.wiring import connect
from safelight.models import Watch

EXAMPLES = """Examples:

safelight watches create s3://shop-images/incoming/ --preset web

safelight watches create s3://shop-images/scans/ --include "**/*.tif" --group-by prefix --existing

safelight watches list

safelight watches pause 01JD9ZK8V4M2Q6X3T5R7W9Y1AB"""

app = typer.Typer(
    no_args_is_help=True,
    help="Manage watches, which process each object that appears under an S3 prefix.",
    epilog=EXAMPLES,
)

WatchId = Annotated[str, typer.Argument(metavar="ID", help="ID of the watch.", show_default=False)]


class Grouping(StrEnum):
    """How the jobs are grouped into batches."""

    DAY = "day"
    PREFIX = "prefix"


@app.command("create", epilog=EXAMPLES)
@take_job_spec
def create(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A prefix, such as s3://bucket/prefix/.")],
    *,
    include: Include = None,
    batch: Annotated[
        Grouping | None,
        typer.Option("--group-by", help="One batch for each day (the default), or for each folder of the bucket."),
    ] = None,
    existing: Annotated[bool, typer.Option("--existing", help="Also process the objects that exist already.")] = False,
    spec: JobSpecArguments,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Process each object that appears under a prefix from now on. Print the ID of the watch."""
    with connect(context, api_url) as client:
        watch = client.watches.create(
            source,
            include=include or (),
            batch=batch.value if batch else None,
            existing=existing,
            **spec,
        )
    _print(watch, as_json=as_json)


@app.command("list")
def list_watches(context: typer.Context, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """List your watches and their counts, newest first."""
    with connect(context, api_url) as client:
        found = client.watches.list()
    if as_json:
        documents.print_document({"watches": [watch.document() for watch in found]})
        return
    tables.print_rows(HEADS, map(_make_row, found), Console(), "There are no watches.")


@app.command("show")
def show(context: typer.Context, watch_id: WatchId, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Show a watch, its counts and some of the objects that it has skipped."""
    with connect(context, api_url) as client:
        watch = client.watches.get(watch_id)
    _print(watch, as_json=as_json)
    if not as_json:
        for each in watch.examples:
            print_text(f"Skipped: {each['key']} ({each['code']})")
        if watch.error is not None:
            print_text(f"Error: {watch.error.code}: {watch.error.message}")


@app.command("pause")
def pause(context: typer.Context, watch_id: WatchId, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Let a watch create no more jobs. Jobs that exist are processed."""
    with connect(context, api_url) as client:
        _print(client.watches.pause(watch_id), as_json=as_json)


@app.command("resume")
def resume(context: typer.Context, watch_id: WatchId, *, api_url: ApiUrl = None, as_json: Json = False) -> None:
    """Let a watch create jobs again, also for the objects that appeared during the pause."""
    with connect(context, api_url) as client:
        _print(client.watches.resume(watch_id), as_json=as_json)


@app.command("delete")
def delete(context: typer.Context, watch_id: WatchId, *, api_url: ApiUrl = None) -> None:
    """Delete a watch. Its jobs and batches stay."""
    with connect(context, api_url) as client:
        client.watches.delete(watch_id)
    typer.echo(f"Watch {watch_id} is deleted.")


HEADS = ("ID", "State", "Prefix", "Jobs", "Skipped", "Caught up")


def _print(watch: Watch, *, as_json: bool) -> None:
    if as_json:
        documents.print_document(watch.document())
        return
    tables.print_rows(HEADS, [_make_row(watch)], Console())


def _make_row(watch: Watch) -> tuple[str, ...]:
    """Return ID, state, prefix and counts of a watch, and when its last catch-up was started."""
    caught_up = watch.caught_up_at.isoformat(timespec="seconds") if watch.caught_up_at else "-"
    return (
        *(watch.id, watch.state, watch.prefix.source),
        *(str(watch.counts.jobs), str(watch.counts.skipped), caught_up),
    )
