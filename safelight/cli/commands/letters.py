"""Dead letters, shown and redriven."""

from collections import Counter
from collections.abc import Sequence

import typer

from safelight.cli.rendering import documents, text
from safelight.client import Safelight
from safelight.errors import ApiError
from safelight.models import DeadLetter, RedriveRefusal, RedriveResult


def show_letters(letters: Sequence[DeadLetter], *, as_json: bool) -> None:
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
    typer.echo(told or "There are none.", err=True)


def redrive_each(client: Safelight, ids: Sequence[str], *, force: bool) -> RedriveResult:
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


def show_redriven(total: RedriveResult, *, as_json: bool) -> None:
    """Show what became of them."""
    if as_json:
        documents.print_document(total.document())
    else:
        for job_id in total.jobs:
            typer.echo(f"{text.printable(job_id)}\tPENDING")
    for refusal in total.refusals:
        typer.echo(f"{text.printable(refusal.id)}: refused ({text.printable(refusal.code)}).", err=True)
    typer.echo(f"{total.redriven} redriven, {total.refused} refused.", err=True)
