"""``safelight list``: list jobs."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from safelight.cli.job_actions import print_jobs
from safelight.cli.options import ApiUrl, Json, Status, parse_time
from safelight.cli.wiring import connect

EXAMPLES = """Examples:

safelight list

safelight list --since 2h

safelight list --filename IMG_20

safelight list --status FAILED --limit 100 --json"""


def list_jobs(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    status: Status = None,
    filename: Annotated[
        str | None,
        typer.Option(
            "--filename", metavar="TEXT", help="List only jobs whose file name contains this text, in any case."
        ),
    ] = None,
    batch: Annotated[
        str | None, typer.Option("--batch", metavar="ID", help="List only the jobs in this batch.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TIME",
            help="List only jobs created at this time or later: 2026-11-01 (ISO 8601), or a duration such as 2h or 7d.",
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="List only jobs created before this time.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Maximum number of jobs.")] = 20,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List jobs, newest first."""
    now = datetime.now(UTC)
    times = {"since": parse_time(since, now), "until": parse_time(until, now)}
    with connect(context, api_url) as client:
        jobs = client.list_jobs(status=status, filename=filename, batch=batch, limit=limit, **times)
        print_jobs(list(jobs), {}, as_json=as_json)
