"""``safelight result``: fetch a processed image."""

from pathlib import Path
from typing import Annotated

import typer

from safelight.cli.options import ApiUrl, Json
from safelight.cli.wiring import connect

EXAMPLES = """Examples:

safelight result 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight result 01JD9ZK8V4M2Q6X3T5R7W9Y1AB -o small.png

safelight result 01JD9ZK8V4M2Q6X3T5R7W9Y1AB -o - | file -

safelight result 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --link"""

JobId = Annotated[str, typer.Argument(metavar="ID", help="The job.", show_default=False)]
Target = Annotated[
    Path | None,
    typer.Option("-o", "--file", metavar="FILE", help="Write there: a file, a folder, or - for standard output."),
]
OutputName = Annotated[str | None, typer.Option("--output", metavar="NAME", help="Which output; else the first.")]
LinkOnly = Annotated[bool, typer.Option("--link", help="Print a time-limited link instead of downloading.")]


def result(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    job_id: JobId,
    target: Target = None,
    output: OutputName = None,
    link: LinkOnly = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Download a processed image.

    Without -o it goes to the current folder under the image's own name, and replaces no other file.
    """
    from safelight.cli.commands import fetching  # noqa: PLC0415 - --help must not wait for httpx and rich

    if str(target) == "-" and as_json:
        raise typer.BadParameter("standard output takes either the picture or --json.")
    with connect(context, api_url) as client:
        if link:
            fetching.print_link(client, job_id, output, as_json=as_json)
        elif str(target) == "-":
            fetching.to_standard_output(client, job_id, output)
        else:
            fetching.to_file(client, job_id, output, target, as_json=as_json)
