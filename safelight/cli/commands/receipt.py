"""``safelight receipt``: what a job was made of, and by what."""

import json
from pathlib import Path
from typing import Annotated

import typer

from safelight.cli.options import ApiUrl
from safelight.cli.wiring import connect

EXAMPLES = """Examples:

safelight receipt 01JD9ZK8V4M2Q6X3T5R7W9Y1AB | jq .receipt.software

safelight receipt 01JD9ZK8V4M2Q6X3T5R7W9Y1AB -o receipt.json"""


def receipt(
    context: typer.Context,
    job_id: Annotated[str, typer.Argument(metavar="ID", help="The job.", show_default=False)],
    target: Annotated[Path | None, typer.Option("-o", "--file", metavar="FILE", help="Write it there.")] = None,
    api_url: ApiUrl = None,
) -> None:
    """Print the receipt of a completed job as JSON: digests, the pipeline as it ran, versions, moments."""
    from safelight.errors import LocalFileError  # noqa: PLC0415 - --help must not wait for httpx

    with connect(context, api_url) as client:
        written = json.dumps(client.receipt(job_id).document(), indent=2)
    if target is None:
        typer.echo(written)
        return
    try:
        target.write_text(written + "\n", "utf-8")
    except OSError as error:
        raise LocalFileError(f"{target} can't be written ({error.strerror or error}).") from error
    typer.echo(str(target))
