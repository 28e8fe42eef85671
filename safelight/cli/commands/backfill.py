"""``safelight backfill``: process stored images again."""

from typing import Annotated

import typer

from safelight.cli import batch_progress
from safelight.cli import options as opts
from safelight.cli.wiring import connect

EXAMPLES = """Examples:

safelight backfill --preset web

safelight backfill --preset web --of-preset web --of-version 1 --since 2026-11-01

safelight backfill --resume 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight backfill --cancel 01JD9ZK8V4M2Q6X3T5R7W9Y1AB"""

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
Resume = Annotated[str | None, typer.Option("--resume", metavar="ID", help="Follow the backfill with this batch ID.")]
Cancel = Annotated[
    str | None,
    typer.Option("--cancel", metavar="ID", help="Cancel the backfill with this batch ID, and its open jobs."),
]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Wait until every job has ended, or only until every job is created.")
]


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

    Each selected job gets exactly one new job in a new batch. The server continues if this command is interrupted. To
    follow it again, use --resume.
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
            batch_progress.print_batch(client.batches.cancel(cancel), as_json=as_json)
            raise typer.Exit(opts.EXIT_SUCCESS)
        if resume is not None:
            current = client.batches.get(resume)
        else:
            current = client.batches.backfill(query, name=name, options=options)
        raise typer.Exit(batch_progress.run(client, current, command="backfill", wait=wait, as_json=as_json))
