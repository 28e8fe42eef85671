"""Showing that something happens while files are on their way."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from safelight.cli.rendering import text
from safelight.cli.rendering.lines import outcome_line
from safelight.cli.submission import Outcome

Report = Callable[[Outcome], None]


def shown(total: int, console: Console, *, as_json: bool, short: bool = False) -> AbstractContextManager[Report]:
    """Choose how outcomes are shown as they come in: not at all, as a bar on a terminal, or line by line.

    ``short`` names files without their folder.
    """
    if as_json:
        return _silent()
    return _bar(total, console) if console.is_terminal else _lines(short=short)


@contextmanager
def _bar(total: int, console: Console) -> Iterator[Report]:
    """Show a bar that names the file that came in last."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Working", total=total)

        def report(outcome: Outcome) -> None:
            name = text.printable(outcome.file.name)
            progress.update(task, advance=1, description=name if len(name) <= 40 else f"{name[:39]}…")

        yield report


@contextmanager
def _lines(*, short: bool) -> Iterator[Report]:
    """Print each outcome on a line of its own as it comes in."""
    yield lambda outcome: typer.echo(outcome_line(outcome, short=short))


@contextmanager
def _silent() -> Iterator[Report]:
    """Show nothing."""
    yield lambda _: None
