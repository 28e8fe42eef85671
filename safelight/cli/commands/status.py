"""``safelight status``: how jobs stand."""

from typing import Annotated

import typer

from safelight.cli.options import ALL_WELL, COULD_NOT_RUN, SOME_FAILED, ApiUrl, Json
from safelight.cli.wiring import connect

EXAMPLES = """Examples:

safelight status 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight status 01JD9ZK8V4M2Q6X3T5R7W9Y1AB --json | jq -r '.jobs[].status'"""


def status(
    context: typer.Context,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Jobs to look at.", show_default=False)],
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Show how jobs stand.

    The exit code says whether every job could be looked up, not how it ended.
    """
    from safelight.cli.commands.looking import look_up, show_jobs  # noqa: PLC0415 - --help must not wait for httpx and rich

    with connect(context, api_url) as client:
        jobs, errors = look_up(client, ids)
    show_jobs(jobs, errors, as_json=as_json)
    if not errors:
        raise typer.Exit(ALL_WELL)
    unreachable = not jobs and all(error.code == "UNREACHABLE" for error in errors.values())
    raise typer.Exit(COULD_NOT_RUN if unreachable else SOME_FAILED)
