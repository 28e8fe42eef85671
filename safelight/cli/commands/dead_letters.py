"""``safelight dead-letters``: list and redrive dead letters; for operators."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from safelight.cli.options import EXIT_PARTIAL_FAILURE, EXIT_SUCCESS, ApiUrl, Json, require_job_ids
from safelight.cli.rendering import documents, tables, text
from safelight.cli.rendering.prose import print_text
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

Reason = Annotated[
    str | None, typer.Option("--reason", metavar="CODE", help="Select only dead letters with this error code.")
]

app = typer.Typer(
    name="dead-letters",
    no_args_is_help=True,
    help="List dead letters (messages and jobs that failed repeatedly), and redrive them (run their jobs again).",
    epilog=LIST_EXAMPLES,
)


@app.command("list", epilog=LIST_EXAMPLES)
def list_dead_letters(
    context: typer.Context,
    *,
    reason: Reason = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Maximum number of dead letters.")] = 100,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """List dead letters by reason, and count them. For each reason, the oldest is listed first."""
    with connect(context, api_url) as client:
        _print_dead_letters(list(client.dead_letters(reason=reason, limit=limit)), as_json=as_json)


@app.command("redrive", epilog=REDRIVE_EXAMPLES)
def redrive(  # noqa: PLR0913 - each option is an argument
    context: typer.Context,
    *,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Job IDs.", show_default=False, callback=require_job_ids)
    ] = None,
    reason: Reason = None,
    everything: Annotated[bool, typer.Option("--all", help="Redrive all dead letters.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also redrive jobs that were already redriven three times.")
    ] = False,
    api_url: ApiUrl = None,
    as_json: Json = False,
) -> None:
    """Redrive dead letters: those of the given jobs, those with one reason, or all of them.

    The exit code is 1 if a redrive was refused.
    """
    if sum((bool(ids), reason is not None, everything)) != 1:
        raise typer.BadParameter("give exactly one of job IDs, --reason and --all.")
    with connect(context, api_url) as client:
        if ids:
            total: RedriveResult = _redrive_each(client, ids, force=force)
        else:
            total = client.redrive(reason=reason, force=force)
    _print_redrive_result(total, as_json=as_json)
    raise typer.Exit(EXIT_PARTIAL_FAILURE if total.refused else EXIT_SUCCESS)


def _print_dead_letters(letters: Sequence[DeadLetter], *, as_json: bool) -> None:
    """Print the dead letters, and the count of each reason."""
    counts = Counter(letter.reason for letter in letters)
    if as_json:
        documents.print_document({"dead_letters": [each.document() for each in letters], "reasons": dict(counts)})
        return
    rows = [
        (
            *(each.id, each.kind, each.reason, str(each.document()["since"] or "-"), each.owner or "-"),
            "-" if each.redrives is None else str(each.redrives),
        )
        for each in letters
    ]
    if rows:
        tables.print_rows(("ID", "Kind", "Reason", "Since", "Owner", "Redrives"), rows, Console())
    summary = ", ".join(f"{count} {text.escape(reason)}" for reason, count in sorted(counts.items()))
    print_text(summary or "There are no dead letters.", err=True)


def _redrive_each(client: Safelight, ids: Sequence[str], *, force: bool) -> RedriveResult:
    """Redrive jobs by ID. If a job is refused, the others are still redriven. Raises ClientError for other errors."""
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


def _print_redrive_result(total: RedriveResult, *, as_json: bool) -> None:
    """Print the redriven jobs and the refusals."""
    if as_json:
        documents.print_document(total.document())
    else:
        tables.print_rows(("ID", "Status"), [(job_id, "PENDING") for job_id in total.jobs], Console())
    for refusal in total.refusals:
        print_text(f"{text.escape(refusal.id)}: refused ({text.escape(refusal.code)}).", err=True)
    print_text(f"{total.redriven} redriven, {total.refused} refused.", err=True)
