"""``safelight list``: the newest jobs."""

from typing import Annotated

import typer

from safelight.cli.options import ApiUrl, Json
from safelight.cli.wiring import connect

EXAMPLES = """Examples:

safelight list

safelight list --status FAILED --limit 100 --json"""


def list_jobs(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    status: Annotated[str | None, typer.Option("--status", help="Only these: PENDING, COMPLETED, FAILED ...")] = None,
    batch: Annotated[str | None, typer.Option("--batch", metavar="ID", help="Only those of one batch.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 20,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List jobs, newest first."""
    from safelight.cli.commands.looking import show_jobs  # noqa: PLC0415 - --help must not wait for httpx and rich

    wanted = status.upper() if status else None
    with connect(context, api_url) as client:
        show_jobs(list(client.list_jobs(status=wanted, batch=batch, limit=limit)), {}, as_json=as_json)
