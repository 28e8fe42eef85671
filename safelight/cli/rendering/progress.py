"""The progress of a submission: a bar on a terminal, lines elsewhere, nothing with ``--json``."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from safelight.cli.rendering import text
from safelight.cli.rendering.lines import format_outcome
from safelight.cli.submission import Outcome

OnOutcome = Callable[[Outcome], None]
_MAX_NAME_CHARACTERS = 40


@contextmanager
def show_progress(total: int, console: Console, *, as_json: bool) -> Iterator[OnOutcome]:
    """Yield a function that shows each outcome."""
    if as_json:
        yield lambda _: None
    elif console.is_terminal:
        yield from _show_bar(total, console)
    else:
        yield lambda outcome: typer.echo(format_outcome(outcome))


def _show_bar(total: int, console: Console) -> Iterator[OnOutcome]:
    """Show a bar with the name of the latest file."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Working", total=total)

        def on_outcome(outcome: Outcome) -> None:
            name = text.escape(outcome.file.name)
            if len(name) > _MAX_NAME_CHARACTERS:
                name = f"{name[: _MAX_NAME_CHARACTERS - 1]}…"
            progress.update(task, advance=1, description=name)

        yield on_outcome
