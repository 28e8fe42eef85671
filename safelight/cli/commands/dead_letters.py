"""``safelight dead-letters``: what failed though it may work now; for operators."""

from typing import Annotated

import typer

from safelight.cli.options import ALL_WELL, SOME_FAILED, ApiUrl, Json
from safelight.cli.wiring import connect

LIST_EXAMPLES = """Examples:

safelight dead-letters list

safelight dead-letters list --reason ATTEMPTS_EXHAUSTED --json | jq -r '.dead_letters[].id'"""
REDRIVE_EXAMPLES = """Examples:

safelight dead-letters redrive 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight dead-letters redrive --reason ATTEMPTS_EXHAUSTED

safelight dead-letters redrive --all"""

Reason = Annotated[str | None, typer.Option("--reason", metavar="CODE", help="Only those of this error code.")]

app = typer.Typer(name="dead-letters", no_args_is_help=True, help="See and redrive what failed; for operators.")


@app.command("list", epilog=LIST_EXAMPLES)
def list_dead_letters(
    context: typer.Context,
    *,
    reason: Reason = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many.")] = 100,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List dead letters by reason, the oldest first, and count them."""
    from safelight.cli.commands.letters import show_letters  # noqa: PLC0415 - --help must not wait for httpx and rich

    with connect(context, api_url) as client:
        show_letters(list(client.dead_letters(reason=reason, limit=limit)), as_json=as_json)


@app.command("redrive", epilog=REDRIVE_EXAMPLES)
def redrive(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Jobs.", show_default=False)] = None,
    reason: Reason = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Also jobs that came back several times.")] = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Begin dead letters again: some by ID, those of one reason, or all.

    The exit code is 0 when none was refused.
    """
    from safelight.cli.commands.letters import redrive_each, show_redriven  # noqa: PLC0415 - see above
    from safelight.models import RedriveResult  # noqa: PLC0415

    if sum((bool(ids), reason is not None, everything)) != 1:
        raise typer.BadParameter("give IDs, --reason or --all, and only one of them.")
    with connect(context, api_url) as client:
        if ids:
            total: RedriveResult = redrive_each(client, ids, force=force)
        else:
            total = client.redrive(reason=reason, force=force)
    show_redriven(total, as_json=as_json)
    raise typer.Exit(SOME_FAILED if total.refused else ALL_WELL)
