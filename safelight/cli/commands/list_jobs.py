"""``safelight list``: list jobs."""

from typing import Annotated

import typer

from safelight.cli.job_actions import print_jobs
from safelight.cli.options import ApiUrl, Json, Status
from safelight.cli.wiring import connect

EXAMPLES = """Examples:

safelight list

safelight list --status FAILED --limit 100 --json"""


def list_jobs(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    status: Status = None,
    batch: Annotated[
        str | None, typer.Option("--batch", metavar="ID", help="List only the jobs in this batch.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Maximum number of jobs.")] = 20,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List jobs, newest first."""
    with connect(context, api_url) as client:
        print_jobs(list(client.list_jobs(status=status, batch=batch, limit=limit)), {}, as_json=as_json)
