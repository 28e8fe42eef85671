"""``safelight receipt``: print the receipt of a job."""

import json
from pathlib import Path
from typing import Annotated

import typer

from safelight.cli.options import ApiUrl, JobId
from safelight.cli.wiring import connect

EXAMPLES = """Examples:

safelight receipt 01JD9ZK8V4M2Q6X3T5R7W9Y1AB | jq .receipt.software

safelight receipt 01JD9ZK8V4M2Q6X3T5R7W9Y1AB -o receipt.json"""


def receipt(
    context: typer.Context,
    job_id: JobId,
    target: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write the receipt to this file.")
    ] = None,
    old_target: Annotated[Path | None, typer.Option("--file", metavar="FILE", hidden=True)] = None,
    api_url: ApiUrl = None,
) -> None:
    """Print the receipt of a completed job.

    The receipt is a JSON document with digests, the pipeline, software versions and times.
    """
    from safelight.errors import LocalFileError  # noqa: PLC0415 - --help must not wait for httpx

    target = target or old_target
    with connect(context, api_url) as client:
        document = json.dumps(client.receipt(job_id).document(), indent=2)
    if target is None:
        typer.echo(document)
        return
    try:
        target.write_text(document + "\n", "utf-8")
    except OSError as error:
        raise LocalFileError(f"{target} can't be written ({error.strerror or error}).") from error
    typer.echo(str(target))
