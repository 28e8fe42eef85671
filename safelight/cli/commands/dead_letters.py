"""``safelight dead-letters``: what failed though it may work now; for operators."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from safelight.cli.options import ALL_WELL, SOME_FAILED, ApiUrl, Json
from safelight.cli.rendering import documents, text
from safelight.cli.wiring import connect
from safelight.client import Safelight
from safelight.errors import ApiError
from safelight.models import DeadLetter, RedriveRefusal, RedriveResult

LIST_EXAMPLES = """Examples:

safelight dead-letters list

safelight dead-letters list --reason ATTEMPTS_EXHAUSTED --json | jq -r '.dead_letters[].id'"""
REDRIVE_EXAMPLES = """Examples:

safelight dead-letters redrive 01JD9ZK8V4M2Q6X3T5R7W9Y1AB

safelight dead-letters redrive --reason ATTEMPTS_EXHAUSTED

safelight dead-letters redrive --all"""

Reason = Annotated[str | None, typer.Option("--reason", metavar="CODE", help="Only those with this error code.")]

app = typer.Typer(name="dead-letters", no_args_is_help=True, help="List and redrive dead letters.")


@app.command("list", epilog=LIST_EXAMPLES)
def list_dead_letters(
    context: typer.Context,
    *,
    reason: Reason = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Maximum number of dead letters.")] = 100,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List dead letters by reason, oldest first, and count them."""
    with connect(context, api_url) as client:
        _show_letters(list(client.dead_letters(reason=reason, limit=limit)), as_json=as_json)


@app.command("redrive", epilog=REDRIVE_EXAMPLES)
def redrive(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Job IDs.", show_default=False)] = None,
    reason: Reason = None,
    everything: Annotated[bool, typer.Option("--all", help="Redrive all dead letters.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Include jobs that failed after three redrives.")] = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Redrive dead letters: by ID, by reason, or all.

    The exit code is 1 if any was refused.
    """
    if sum((bool(ids), reason is not None, everything)) != 1:
        raise typer.BadParameter("give IDs, --reason or --all, and only one of them.")
    with connect(context, api_url) as client:
        if ids:
            total: RedriveResult = _redrive_each(client, ids, force=force)
        else:
            total = client.redrive(reason=reason, force=force)
    _show_redriven(total, as_json=as_json)
    raise typer.Exit(SOME_FAILED if total.refused else ALL_WELL)


def _show_letters(letters: Sequence[DeadLetter], *, as_json: bool) -> None:
    """Show dead letters, one a line, and how many there are of each reason."""
    counts = Counter(letter.reason for letter in letters)
    if as_json:
        documents.print_document({"dead_letters": [each.document() for each in letters], "reasons": dict(counts)})
        return
    for each in letters:
        since = each.document()["since"] or "-"
        redrives = "-" if each.redrives is None else str(each.redrives)
        fields = (each.id, each.kind, each.reason, since, each.owner or "-", redrives)
        typer.echo("\t".join(text.printable(field) for field in fields))
    told = ", ".join(f"{count} {text.printable(reason)}" for reason, count in sorted(counts.items()))
    typer.echo(told or "There are no dead letters.", err=True)


def _redrive_each(client: Safelight, ids: Sequence[str], *, force: bool) -> RedriveResult:
    """Redrive jobs by their IDs. What the API says of one job stops no other; Raises ClientError for the rest."""
    total = RedriveResult()
    for job_id in dict.fromkeys(ids):
        try:
            one = client.redrive(job_id=job_id, force=force)
        except ApiError as error:
            if error.status not in {404, 409}:
                raise
            one = RedriveResult(refused=1, refusals=(RedriveRefusal(id=job_id, code=error.code),))
        total = total.combine(one)
    return total


def _show_redriven(total: RedriveResult, *, as_json: bool) -> None:
    """Show what became of them."""
    if as_json:
        documents.print_document(total.document())
    else:
        for job_id in total.jobs:
            typer.echo(f"{text.printable(job_id)}\tPENDING")
    for refusal in total.refusals:
        typer.echo(f"{text.printable(refusal.id)}: refused ({text.printable(refusal.code)}).", err=True)
    typer.echo(f"{total.redriven} redriven, {total.refused} refused.", err=True)
