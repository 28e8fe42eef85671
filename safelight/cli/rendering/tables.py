"""Output on a terminal: tables. Cells are text without markup, because names are untrusted."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from safelight.cli.rendering import lines, text
from safelight.cli.submission import Outcome
from safelight.models import Job

_NUMERIC_COLUMNS = {"Before", "After", "Change", "Time"}
#: Minimum width of a terminal, in characters, for job IDs and numeric columns in one row.
MIN_WIDTH = 110
_STYLES = {"COMPLETED": "green", "FAILED": "red", "CANCELLED": "yellow", "EXPIRED": "yellow"}


def print_jobs(jobs: Iterable[Job], console: Console) -> None:
    """Print one job per row."""
    heads = ("ID", "Status", "File", "Before", "After", "Change", "Time")
    rows = [
        (
            *(_make_cell(job.id), _make_status_cell(job), _make_cell(job.filename or "-")),
            *(*_make_size_cells(job), _make_cell(text.format_duration(job))),
        )
        for job in jobs
    ]
    _print_table(console, heads, rows, min_width=MIN_WIDTH)


def print_outcomes(outcomes: Iterable[Outcome], console: Console) -> None:
    """Print one file per row, with its job or its error."""
    heads = ("File", "Status", "Before", "After", "Change", "Job or error")
    rows = []
    for each in outcomes:
        last = lines.format_failure(each) or (each.job.id if each.job else "")
        status = _make_outcome_status_cell(each)
        rows.append((_make_cell(str(each.file)), status, *_make_size_cells(each.job), _make_cell(last)))
    _print_table(console, heads, rows, min_width=MIN_WIDTH)


def print_demo(outcomes: Iterable[Outcome], console: Console) -> None:
    """Print one sample image per row."""
    heads = ("File", "Status", "Before", "After", "Change", "Time")
    rows = []
    for each in outcomes:
        duration = text.format_duration(each.job) if each.job else "-"
        status = _make_outcome_status_cell(each)
        rows.append((_make_cell(each.file.name), status, *_make_size_cells(each.job), _make_cell(duration)))
    _print_table(console, heads, rows, min_width=0)


def _print_table(console: Console, heads: Sequence[str], rows: Iterable[Sequence[Text]], *, min_width: int) -> None:
    """Print a table, without its numeric columns if the terminal is narrower than ``min_width``."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = [index for index, head in enumerate(heads) if head not in _NUMERIC_COLUMNS or console.width >= min_width]
    for index in columns:
        head = heads[index]
        # IDs must not be folded, so that they can be copied.
        table.add_column(
            head, justify="right" if head in _NUMERIC_COLUMNS else "left", no_wrap=head == "ID", overflow="fold"
        )
    for row in rows:
        table.add_row(*(row[index] for index in columns))
    console.print(table)


def _make_size_cells(job: Job | None) -> tuple[Text, ...]:
    """Return the cells Before, After and Change."""
    if job is None:
        return (_make_cell("-"),) * 3
    return tuple(map(_make_cell, (text.format_raw(job), text.format_output(job), text.format_change(job))))


def _make_outcome_status_cell(outcome: Outcome) -> Text:
    return _make_status_cell(outcome.job) if outcome.job else Text("NOT SENT", style="red")


def _make_status_cell(job: Job) -> Text:
    return Text(text.escape(text.format_status(job)), style=_STYLES.get(job.status, ""))


def _make_cell(value: str) -> Text:
    return Text(text.escape(value))
