"""The progress and the summary of an ingest: a bar and tables on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from itertools import islice
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as ProgressBar
from rich.table import Table
from rich.text import Text

from safelight.cli.rendering import text
from safelight.ingest import Progress

_LINE_SECONDS = 10.0
#: The rate is averaged over about this time.
_SMOOTHING_SECONDS = 20.0
#: Error codes in a progress line. The report has all.
_MAX_CODES = 3
#: Failed files in the summary. The report has all.
_MAX_FAILED_FILES = 20

OnProgress = Callable[[Progress], None]


class RateMeter:
    """The moving average of files processed per second."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start without a count. ``monotonic`` returns seconds."""
        self._monotonic = monotonic
        self._last: tuple[float, int] | None = None
        self.per_second = 0.0

    def record(self, done: int) -> None:
        """Record the number of files processed so far."""
        now = self._monotonic()
        if self._last is None or now - self._last[0] < 1.0:
            self._last = self._last or (now, done)
            return
        seconds, ended = now - self._last[0], done - self._last[1]
        weight = min(1.0, seconds / _SMOOTHING_SECONDS) if self.per_second else 1.0
        self.per_second += weight * (ended / seconds - self.per_second)
        self._last = (now, done)

    def format_time_left(self, progress: Progress) -> str:
        """Return the estimated time left, or ``-`` if it is unknown."""
        if not progress.scanned or self.per_second <= 0:
            return "-"
        return str(timedelta(seconds=round((progress.total - progress.done) / self.per_second)))


@contextmanager
def show_progress(console: Console, *, as_json: bool) -> Iterator[OnProgress]:
    """Show progress as a bar, as lines on standard error, or not at all."""
    rate = RateMeter()
    if as_json:
        yield lambda _progress: None
    elif console.is_terminal:
        yield from _show_bar(console, rate)
    else:
        yield from _print_lines(rate)


def _show_bar(console: Console, rate: RateMeter) -> Iterator[OnProgress]:
    columns = (
        *(TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[rate]}", markup=False), TimeElapsedColumn()),
    )
    with ProgressBar(*columns, console=console, transient=True) as bar:
        task = bar.add_task("Reading names", total=None, rate="")

        def on_progress(progress: Progress) -> None:
            rate.record(progress.done)
            speed = f"{rate.per_second:.1f}/s, {rate.format_time_left(progress)} left"
            total = progress.total if progress.scanned else None
            description = _format_failures(progress)
            bar.update(task, completed=progress.done, total=total, rate=speed, description=description)

        yield on_progress


def _print_lines(rate: RateMeter) -> Iterator[OnProgress]:
    printed_at = time.monotonic()

    def on_progress(progress: Progress) -> None:
        nonlocal printed_at
        rate.record(progress.done)
        if time.monotonic() - printed_at >= _LINE_SECONDS:
            printed_at = time.monotonic()
            total = f"{progress.total:,}" if progress.scanned else f"{progress.total:,} found so far"
            speed = f"{rate.per_second:.1f}/s, {rate.format_time_left(progress)} left"
            typer.echo(f"{progress.done:,} of {total}, {speed}: {_format_failures(progress)}", err=True)

    yield on_progress


def _format_failures(progress: Progress) -> str:
    if not progress.failed:
        return "none failed"
    codes = [f"{text.escape(code)} {count:,}" for code, count in list(progress.codes.items())[:_MAX_CODES]]
    more = ", …" if len(progress.codes) > _MAX_CODES else ""
    return f"{progress.failed:,} failed ({', '.join(codes)}{more})"


def print_summary(summary: Mapping[str, Any], failed: Iterator[Mapping[str, Any]], console: Console) -> None:
    """Print the counts and the first failed files: tables on a terminal, lines with tabs elsewhere."""
    counts = [("files", summary["files"]), ("succeeded", summary["succeeded"]), ("failed", summary["failed"])]
    counts += [(f"  {code}", count) for code, count in summary["failures"].items()]
    counts += [("jobs", summary["jobs"]), ("duplicates", summary["same_as_another"])]
    rows = [(name, f"{count:,}") for name, count in counts] + [("bytes sent", text.format_size(summary["bytes"]))]
    if console.is_terminal:
        _print_table(console, (("", "left"), ("", "right")), rows)
    else:
        for name, count in rows:
            typer.echo(f"{text.escape(name.strip())}\t{count}")
    first = islice(failed, _MAX_FAILED_FILES)
    failed_rows = [(str(row["file"]), str(row["code"]), str(row["message"] or "")) for row in first]
    if not failed_rows:
        return
    if console.is_terminal:
        console.print()
        _print_table(console, (("File", "left"), ("Code", "left"), ("Message", "left")), failed_rows)
    else:
        for row in failed_rows:
            typer.echo("\t".join(text.escape(each) for each in row), err=True)
    if summary["failed"] > len(failed_rows):
        typer.echo(f"… and {summary['failed'] - len(failed_rows):,} more failed files. See the report.", err=True)


def _print_table(console: Console, headers: tuple[tuple[str, Any], ...], rows: list[Any]) -> None:
    table = Table(box=None, pad_edge=False, show_header=any(header for header, _ in headers), header_style="bold")
    for header, justify in headers:
        table.add_column(header, justify=justify, overflow="fold")
    for row in rows:
        # Text, not markup: names are untrusted.
        table.add_row(*(Text(text.escape(each)) for each in row))
    console.print(table)
