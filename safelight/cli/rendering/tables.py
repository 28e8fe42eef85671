"""Output on a terminal: tables. Cells are text without markup, because names are untrusted."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from safelight.cli.rendering import lines, text
from safelight.cli.rendering.prose import print_text, wrap
from safelight.cli.submission import Outcome
from safelight.models import Job

_JOB_OR_ERROR = "Job or error"
#: Headings of cells with two lines.
_ID_FILE, _STATUS_CREATED = "ID\nFile", "Status\nCreated"
#: Columns that are aligned to the right.
_NUMERIC_COLUMNS = frozenset(
    {"Before", "After", "Change", "Time", "Change\nTime", "Size", "Dimensions", "Version", "Objects", "Redrives"}
)
#: Columns that are not wrapped: numbers, and values that users copy.
_RIGID_COLUMNS = _NUMERIC_COLUMNS | {"ID", "Batch", "Created", "Event", "Expires", "Job", "Since", "Token", "URL"}
#: Minimum width of the other columns, in characters. IDs and times stay whole.
_MIN_WIDTHS = {_JOB_OR_ERROR: 26, _ID_FILE: 26, _STATUS_CREATED: 16}
_MIN_WIDTH = 9
#: Characters between columns, without and with wrapping.
_WIDE_GAP, _NARROW_GAP = 2, 1
_STYLES = {"COMPLETED": "green", "FAILED": "red", "CANCELLED": "yellow", "EXPIRED": "yellow"}


class _Layout(NamedTuple):
    """The headings and rows of a table."""

    heads: Sequence[str]
    rows: Sequence[Sequence[Text]]

    def measure(self) -> list[int]:
        """Return the width of each column without wrapping, in characters."""
        columns = [[Text(head), *(row[index] for row in self.rows)] for index, head in enumerate(self.heads)]
        return [
            max(line.cell_len for cell in column for line in cell.split("\n", allow_blank=True)) for column in columns
        ]

    def is_wider_than(self, width: int) -> bool:
        """Return True if the table needs more than ``width`` characters without wrapping."""
        return sum(self.measure()) + _WIDE_GAP * (len(self.heads) - 1) > width

    def fit(self, width: int) -> list[int] | None:
        """Return the widths of columns that are wrapped to fit into ``width``, or None if they do not fit."""
        widths = self.measure()
        minima = [
            each if head in _RIGID_COLUMNS else min(each, _MIN_WIDTHS.get(head, _MIN_WIDTH))
            for head, each in zip(self.heads, widths, strict=True)
        ]
        while sum(widths) + _NARROW_GAP * (len(widths) - 1) > width:
            widest = max(range(len(widths)), key=lambda index: (widths[index] > minima[index], widths[index]))
            if widths[widest] <= minima[widest]:
                return None
            widths[widest] -= 1
        return widths


def print_rows(heads: Sequence[str], rows: Iterable[Sequence[str]], console: Console, empty: str = "") -> None:
    """Print rows: a table on a terminal, elsewhere one line per row, with tabs and without headings.

    If there are no rows, print the sentence ``empty`` on a terminal.
    """
    if console.is_terminal:
        cells = [[_make_cell(each) for each in row] for row in rows]
        if cells or not empty:
            _print_layout(_Layout(heads, cells), console)
        else:
            print_text(empty)
        return
    for row in rows:
        typer.echo("\t".join(map(text.escape, row)), err=console.stderr)


def print_jobs(jobs: Sequence[Job], console: Console) -> None:
    """Print one job per row."""

    def make_layout(*, compact: bool) -> _Layout:
        rows = [(*_make_name_cells(job, compact=compact), *_make_numeric_cells(job, compact=compact)) for job in jobs]
        name_heads = (_ID_FILE, _STATUS_CREATED) if compact else ("ID", "Status", "File", "Created")
        return _Layout((*name_heads, *_get_numeric_heads(compact=compact)), rows)

    _print_table(make_layout, console)


def print_outcomes(outcomes: Sequence[Outcome], console: Console) -> None:
    """Print one file per row, with its job or the code of its error. The messages are below the table."""

    def make_layout(*, compact: bool) -> _Layout:
        rows = [
            (
                *(_make_cell(str(each.file)), _make_outcome_status_cell(each)),
                *_make_size_cells(each.job, compact=compact),
                _make_cell(each.job.id if each.job else lines.get_outcome_code(each) or ""),
            )
            for each in outcomes
        ]
        return _Layout(("File", "Status", "Before", "After", "Change", _JOB_OR_ERROR), rows)

    _print_table(make_layout, console)
    for each in outcomes:
        if message := lines.format_failure(each):
            print_text(f"\n{text.escape(str(each.file))}\n  {message}")


def _print_table(make_layout: Callable[..., _Layout], console: Console) -> None:
    """Print a table, with compact cells of two lines if it is too wide otherwise, or blocks if these are too wide."""
    layout = make_layout(compact=False)
    if not layout.is_wider_than(console.width):
        _print_layout(layout, console)
        return
    compact = make_layout(compact=True)
    if compact.fit(console.width) is not None:
        _print_layout(compact, console)
    else:
        _print_blocks(layout, console)


def _print_layout(layout: _Layout, console: Console) -> None:
    """Print a table with wrapped cells. If the columns do not fit, print each row as a block of lines instead."""
    is_wrapped = layout.is_wider_than(console.width)
    widths = layout.fit(console.width) if is_wrapped else layout.measure()
    if widths is None:
        _print_blocks(layout, console)
        return
    gap = _NARROW_GAP if is_wrapped else _WIDE_GAP
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0))
    for head, width in zip(layout.heads, widths, strict=True):
        table.add_column(head, justify="right" if head in _NUMERIC_COLUMNS else "left", width=width, overflow="fold")
    for row in layout.rows:
        table.add_row(*(_wrap_cell(cell, width) for cell, width in zip(row, widths, strict=True)))
    console.print(table)


def _wrap_cell(cell: Text, width: int) -> Text:
    """Return a cell whose lines end between words, or after a separator of a longer word."""
    wrapped = [part for line in cell.plain.split("\n") for part in wrap(line, width)]
    return Text("\n".join(wrapped), style=cell.style)


def _print_blocks(layout: _Layout, console: Console) -> None:
    """Print each row as lines of one heading and one value."""
    heads = [head.replace("\n", ", ") for head in layout.heads]
    label_width = max(map(len, heads))
    for number, row in enumerate(layout.rows):
        if number:
            console.print()
        for head, cell in zip(heads, row, strict=True):
            value = Text(" ").join(cell.split("\n"))
            console.print(Text(f"{head:<{label_width}} ", style="bold"), value, sep="", soft_wrap=True)


def _get_numeric_heads(*, compact: bool) -> tuple[str, ...]:
    """Return the headings of ``_make_numeric_cells``."""
    return ("Before", "After", *(("Change\nTime",) if compact else ("Change", "Time")))


def _make_name_cells(job: Job, *, compact: bool) -> tuple[Text, ...]:
    """Return the cells ID, Status, File and Created. Compact: two cells with the others in their second lines."""
    name, created = _make_cell(job.filename or "-"), _make_cell(text.format_minute(job.uploaded_at))
    ident, status = _make_cell(job.id), _make_status_cell(job)
    if not compact:
        return ident, status, name, created
    return Text("\n").join([ident, name]), Text(f"{status.plain}\n{created.plain}", style=status.style)


def _make_numeric_cells(job: Job | None, *, compact: bool) -> tuple[Text, ...]:
    """Return the cells Before, After, Change and Time. Compact: the last two are one cell."""
    before, after, change = _make_size_cells(job, compact=compact)
    duration = text.format_duration(job) if job else "-"
    return (before, after, *((_make_two_lines(change.plain, duration),) if compact else (change, _make_cell(duration))))


def _make_size_cells(job: Job | None, *, compact: bool) -> tuple[Text, ...]:
    """Return the cells Before, After and Change. Compact: dimensions are on a second line."""
    if job is None:
        return (_make_cell("-"),) * 3
    sizes = (text.format_raw(job), text.format_output(job))
    cells = [_make_two_lines(*_split_dimensions(each)) if compact else _make_cell(each) for each in sizes]
    return (*cells, _make_cell(text.format_change(job)))


def _split_dimensions(size: str) -> tuple[str, ...]:
    """Return size and dimensions of an image. The dimensions may be unknown."""
    size, _, dimensions = size.rpartition(" ") if "×" in size else (size, "", "")
    return (size, dimensions) if dimensions else (size,)


def _make_outcome_status_cell(outcome: Outcome) -> Text:
    return _make_status_cell(outcome.job) if outcome.job else Text(lines.format_outcome_status(outcome), style="red")


def _make_status_cell(job: Job) -> Text:
    return Text(text.escape(text.format_status(job)), style=_STYLES.get(job.status, ""))


def _make_two_lines(*values: str) -> Text:
    return Text("\n".join(text.escape(each) for each in values))


def _make_cell(value: str) -> Text:
    return Text(text.escape(value))
