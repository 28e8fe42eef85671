"""How an ingest looks: a bar with rate and time left on a terminal, lines elsewhere, a table at the end."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from safelight.cli.rendering import text
from safelight.ingest.progress import Tally

_LINE_SECONDS = 10.0
#: The rate is that of about this time.
_SMOOTHING_SECONDS = 20.0
#: Codes of failures that are shown on the way; the report has all.
_CODES = 3
#: Failed files in the table at the end; the report has all.
_ROWS = 20

Report = Callable[[Tally], None]


class Speed:
    """Files that end per second, lately."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Begin to measure with the first count."""
        self._monotonic = monotonic
        self._last: tuple[float, int] | None = None
        self.per_second = 0.0

    def saw(self, done: int) -> None:
        """Take note of how many have ended."""
        now = self._monotonic()
        if self._last is None or now - self._last[0] < 1.0:
            self._last = self._last or (now, done)
            return
        seconds, ended = now - self._last[0], done - self._last[1]
        weight = min(1.0, seconds / _SMOOTHING_SECONDS) if self.per_second else 1.0
        self.per_second += weight * (ended / seconds - self.per_second)
        self._last = (now, done)

    def left(self, tally: Tally) -> str:
        """Write the time that is left, where it can be told."""
        if not tally.scanned or self.per_second <= 0:
            return "-"
        return str(timedelta(seconds=round((tally.total - tally.done) / self.per_second)))


@contextmanager
def shown(console: Console, *, as_json: bool) -> Iterator[Report]:
    """Show how an ingest goes on: nothing, a bar, or lines on standard error."""
    speed = Speed()
    if as_json:
        yield lambda _tally: None
    elif console.is_terminal:
        yield from _bar(console, speed)
    else:
        yield from _lines(speed)


def _bar(console: Console, speed: Speed) -> Iterator[Report]:
    columns = (
        *(TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[rate]}", markup=False), TimeElapsedColumn()),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Reading names", total=None, rate="")

        def report(tally: Tally) -> None:
            speed.saw(tally.done)
            rate = f"{speed.per_second:.1f}/s, {speed.left(tally)} left"
            total = tally.total if tally.scanned else None
            progress.update(task, completed=tally.done, total=total, rate=rate, description=_told(tally))

        yield report


def _lines(speed: Speed) -> Iterator[Report]:
    told_at = time.monotonic()

    def report(tally: Tally) -> None:
        nonlocal told_at
        speed.saw(tally.done)
        if time.monotonic() - told_at >= _LINE_SECONDS:
            told_at = time.monotonic()
            of = f"{tally.total:,}" if tally.scanned else f"{tally.total:,} so far"
            line = f"{tally.done:,} of {of}, {speed.per_second:.1f}/s, {speed.left(tally)} left: {_told(tally)}"
            typer.echo(line, err=True)

    yield report


def _told(tally: Tally) -> str:
    if not tally.badly:
        return "none failed"
    codes = [f"{text.printable(code)} {count:,}" for code, count in list(tally.codes.items())[:_CODES]]
    more = ", …" if len(tally.codes) > _CODES else ""
    return f"{tally.badly:,} failed ({', '.join(codes)}{more})"


def print_summary(summary: Mapping[str, Any], failed: Iterator[Mapping[str, Any]], console: Console) -> None:
    """Print the counts, and the first files that failed; a table on a terminal, lines with tabs elsewhere."""
    counts = [("files", summary["files"]), ("succeeded", summary["succeeded"]), ("failed", summary["failed"])]
    counts += [(f"  {code}", count) for code, count in summary["failures"].items()]
    counts += [("jobs", summary["jobs"]), ("same as another", summary["same_as_another"])]
    rows = [(name, f"{count:,}") for name, count in counts] + [("bytes sent", text.size(summary["bytes"]))]
    if console.is_terminal:
        _print_table(console, (("", "left"), ("", "right")), rows)
    else:
        for name, count in rows:
            typer.echo(f"{text.printable(name.strip())}\t{count}")
    first = islice(failed, _ROWS)
    shown_rows = [(str(row["file"]), str(row["code"]), str(row["message"] or "")) for row in first]
    if not shown_rows:
        return
    if console.is_terminal:
        console.print()
        _print_table(console, (("File", "left"), ("Code", "left"), ("What went wrong", "left")), shown_rows)
    else:
        for row in shown_rows:
            typer.echo("\t".join(text.printable(each) for each in row), err=True)
    if summary["failed"] > len(shown_rows):
        typer.echo(f"… and {summary['failed'] - len(shown_rows):,} more that failed: see the report.", err=True)


def _print_table(console: Console, heads: tuple[tuple[str, Any], ...], rows: list[Any]) -> None:
    table = Table(box=None, pad_edge=False, show_header=any(head for head, _ in heads), header_style="bold")
    for head, side in heads:
        table.add_column(head, justify=side, overflow="fold")
    for row in rows:
        # Plain text, never markup: names come from strangers.
        table.add_row(*(Text(text.printable(each)) for each in row))
    console.print(table)
