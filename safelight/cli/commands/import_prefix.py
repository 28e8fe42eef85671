"""``safelight import``: process the objects under a prefix of an S3 bucket, without this machine."""

from typing import Annotated

import typer

from safelight.cli import batch_progress
from safelight.cli import options as opts
from safelight.cli.commands.backfill import Name, Wait
from safelight.cli.wiring import connect

EXAMPLES = """Examples:

safelight import s3://shop-images/2026/ --preset web

safelight import s3://shop-images/ --include "*.tif" --no-wait

safelight import --resume 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight import --cancel 01JD9ZK8V4M2Q6X3T5R7W9Y1AB"""

Source = Annotated[str | None, typer.Argument(metavar="[SOURCE]", help="A prefix, such as s3://bucket/prefix/.")]
Include = Annotated[
    list[str] | None,
    typer.Option(
        "--include",
        metavar="GLOB",
        help="Import only objects that match this pattern, such as '*.tif'. Can be repeated. Default: all files with "
        "the suffix of an image.",
    ),
]
Resume = Annotated[str | None, typer.Option("--resume", metavar="ID", help="Follow the import with this batch ID.")]
Cancel = Annotated[
    str | None, typer.Option("--cancel", metavar="ID", help="Cancel the import with this batch ID, and its open jobs.")
]


def import_prefix(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    source: Source = None,
    *,
    preset: opts.PresetName = None,
    pipeline: opts.Pipeline = None,
    include: Include = None,
    name: Name = None,
    resume: Resume = None,
    cancel: Cancel = None,
    wait: Wait = True,
    api_url: opts.ApiUrl = None,
    as_json: opts.Json = False,
) -> None:
    """Process the objects under an S3 prefix on the server, without this machine.

    Each object gets exactly one job in a new batch. The server lists the bucket with its own permissions, and continues
    if this command is interrupted. To follow it again, use --resume.
    """
    if sum(each is not None for each in (source, resume, cancel)) != 1:
        raise typer.BadParameter("give exactly one of a source, --resume and --cancel.")
    processing = {"preset": preset, "pipeline": opts.read_pipeline(pipeline)}
    options = {key: value for key, value in processing.items() if value is not None}
    with connect(context, api_url) as client:
        if cancel is not None:
            batch_progress.print_batch(client.batches.cancel(cancel), as_json=as_json)
            raise typer.Exit(opts.EXIT_SUCCESS)
        if source is not None:
            current = client.batches.import_prefix(source, include=include or (), options=options, name=name)
        else:
            assert resume is not None  # noqa: S101 - checked above
            current = client.batches.get(resume)
        raise typer.Exit(batch_progress.run(client, current, command="import", wait=wait, as_json=as_json))
