"""``safelight backfill``: process stored images anew, with another preset or pipeline."""

from typing import Annotated, Any

import typer

from safelight.cli.commands.submit import Pipeline, PresetName
from safelight.cli.options import ApiUrl, Json, read_pipeline
from safelight.cli.wiring import connect

EXAMPLES = """Examples:

safelight backfill --preset web

safelight backfill --preset web --of-preset web --of-version 1 --since 2026-11-01

safelight backfill --resume 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight backfill --cancel 01JD9ZK8V4M2Q6X3T5R7W9Y1AB"""

ANY = "ANY"


def backfill(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    preset: PresetName = None,
    pipeline: Pipeline = None,
    status: Annotated[str, typer.Option(metavar="STATUS", help="Pictures of such jobs, or ANY.")] = "COMPLETED",
    batch: Annotated[str | None, typer.Option("--batch", metavar="ID", help="Only those of one batch.")] = None,
    since: Annotated[str | None, typer.Option("--since", metavar="TIME", help="Uploaded then or later.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="TIME", help="Uploaded before.")] = None,
    of_preset: Annotated[str | None, typer.Option("--of-preset", metavar="NAME", help="Only jobs of it.")] = None,
    of_version: Annotated[
        int | None, typer.Option("--of-version", min=1, metavar="N", help="And of this version.")
    ] = None,
    raw_format: Annotated[
        str | None, typer.Option("--raw-format", metavar="NAME", help="Only such pictures: JPEG, PNG, …")
    ] = None,
    copies: Annotated[bool, typer.Option("--copies", help="Also what an earlier backfill has copied.")] = False,
    name: Annotated[str | None, typer.Option("--name", metavar="TEXT", help="Name of the batch.")] = None,
    resume: Annotated[str | None, typer.Option("--resume", metavar="ID", help="Go on with a stopped one.")] = None,
    cancel: Annotated[str | None, typer.Option("--cancel", metavar="ID", help="End one, and what it has open.")] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Stay until every picture is processed.")] = True,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Process images that are stored already with another preset or pipeline, by the bulk lane.

    Each image gets exactly one new job, however often this is stopped: Ctrl-C leaves it to --resume.
    """
    from safelight.cli.commands import backfilling  # noqa: PLC0415 - --help must not wait for httpx and rich

    asked: dict[str, Any] = {"preset": preset, "pipeline": read_pipeline(pipeline)}
    options = {key: each for key, each in asked.items() if each is not None}
    if sum((len(options), resume is not None, cancel is not None)) != 1:
        raise typer.BadParameter("give one of --preset, --pipeline, --resume and --cancel.")
    query = {
        "status": None if status.upper() == ANY else status.upper(),
        "batch": batch,
        "since": since,
        "until": until,
        "preset": of_preset,
        "preset_version": of_version,
        "format": raw_format.upper() if raw_format else None,
        "copies": copies,
    }
    with connect(context, api_url) as client:
        if cancel is not None:
            code = backfilling.end(client, cancel, as_json=as_json)
        else:
            code = backfilling.run(
                client,
                lambda: (
                    client.batches.get(resume)
                    if resume is not None
                    else client.batches.backfill(query, name=name, options=options)
                ),
                wait=wait,
                as_json=as_json,
            )
    raise typer.Exit(code)
