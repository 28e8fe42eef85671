"""Sending files and showing how they fare, in the manner that suits who reads it."""

from collections.abc import Sequence

import typer
from rich.console import Console

from safelight.cli.rendering import documents, progress, tables, text
from safelight.cli.submission import Order, Outcome, Picture, submit_all, summary
from safelight.client import Safelight


def run_files(
    client: Safelight,
    files: Sequence[Picture],
    order: Order,
    *,
    parallel: int,
    as_json: bool,
) -> list[Outcome]:
    """Submit the files: JSON, a bar and a table on a terminal, or plain lines."""
    console = Console()
    with progress.shown(len(files), console, as_json=as_json) as report:
        outcomes = submit_all(client, files, order, parallel=parallel, report=report)
    if as_json:
        documents.print_document(documents.outcomes_document(outcomes))
    elif console.is_terminal:
        tables.print_outcomes(outcomes, console)
        _point_onward(outcomes, order)
    _, badly = summary(outcomes)
    if badly:
        typer.echo(f"{badly} of {len(outcomes)} files failed.", err=True)
    return outcomes


def _point_onward(outcomes: Sequence[Outcome], order: Order) -> None:
    saved = [path for outcome in outcomes for path in outcome.saved]
    if saved and order.out is not None:
        typer.echo(f"\n{len(saved)} results are in {text.printable(str(order.out))}.")
    elif not order.wait and (first := next((each.job for each in outcomes if each.job), None)):
        typer.echo(f"\nNext: safelight status {first.id}, then safelight result {first.id}")
