"""The progress and the summary of an ingest: one line that changes on a terminal, plain lines elsewhere."""

import re
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

import typer
from rich.console import Console

from safelight.cli.rendering import text
from safelight.cli.rendering.prose import print_text
from safelight.ingest import Progress

#: Interval of the lines without a terminal.
_LINE_SECONDS = 10.0
#: The rate is averaged over about this time.
_SMOOTHING_SECONDS = 20.0
#: If no file is processed for this many seconds, the time left is unknown, because the rate does not delay the rest.
_STANDSTILL_SECONDS = 60.0
#: Failed files in the summary. The report has all.
_MAX_FAILED_FILES = 20
#: A line of progress fits into this width wherever it is printed.
LINE_WIDTH = 80

OnProgress = Callable[[Progress], None]


class RateMeter:
    """The moving averages of files processed, and of bytes sent, per second."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Start without a count. ``monotonic`` returns seconds."""
        self._monotonic = monotonic
        self._last: tuple[float, int, int] | None = None
        self._last_progress = 0.0
        self.per_second = 0.0
        self.bytes_per_second = 0.0

    def record(self, done: int, sent_bytes: int = 0) -> None:
        """Record the number of files processed, and of bytes sent, so far."""
        now = self._monotonic()
        if self._last is None:
            self._last, self._last_progress = (now, done, sent_bytes), now
            return
        if done > self._last[1]:
            self._last_progress = now
        if now - self._last[0] < 1.0:
            return
        seconds = now - self._last[0]
        weight = min(1.0, seconds / _SMOOTHING_SECONDS) if self.per_second or self.bytes_per_second else 1.0
        self.per_second += weight * ((done - self._last[1]) / seconds - self.per_second)
        self.bytes_per_second += weight * ((sent_bytes - self._last[2]) / seconds - self.bytes_per_second)
        self._last = (now, done, sent_bytes)

    def format_time_left(self, progress: Progress) -> str:
        """Return the estimated time left, or ``-`` if it is unknown."""
        stands_still = self._last is not None and self._last[0] - self._last_progress > _STANDSTILL_SECONDS
        if not progress.scanned or self.per_second <= 0 or stands_still:
            return "-"
        return text.format_duration_of((progress.total - progress.done) / self.per_second)


def format_progress(progress: Progress, rate: RateMeter, width: int = LINE_WIDTH) -> str:
    """Return the progress as one line of at most ``width`` characters.

    The line has the files that are done, the total, percent, images and megabytes per second, the time left, and the
    number of failed files. If they do not fit, the first ones are the most important.
    """
    percent = f"{100 * progress.done // progress.total} %" if progress.scanned and progress.total else "- %"
    speed = f"{rate.per_second:,.1f}" if rate.per_second < 100 else f"{rate.per_second:,.0f}"
    counts = f"{progress.done:,}/{progress.total:,}{'' if progress.scanned else '+'}"
    parts = [counts, percent, f"{speed} images/s", f"{rate.bytes_per_second / 1e6:.1f} MB/s"]
    parts += [f"ETA {rate.format_time_left(progress)}", f"{progress.failed:,} failed"]
    for gap in ("  ", " "):
        line = gap.join(parts)
        if len(line) <= width:
            return line
    short = [counts, percent, f"{progress.failed:,} failed", *parts[4:5], *parts[2:4]]
    while len(" ".join(short)) > width and len(short) > 1:
        short.pop()
    return " ".join(short)[:width]


@contextmanager
def show_progress(console: Console, *, as_json: bool, verbose: bool = False) -> Iterator[OnProgress]:
    """Show progress as one line of a terminal, as lines on standard error, or not at all.

    ``verbose`` means that lines about single files are printed too, which a line that changes would disturb.
    """
    rate = RateMeter()
    if as_json:
        yield lambda _progress: None
    elif console.is_terminal and not verbose:
        yield from _show_line(console, rate)
    else:
        yield from _print_lines(rate)


def _show_line(console: Console, rate: RateMeter) -> Iterator[OnProgress]:
    from rich.progress import Progress as ProgressBar  # noqa: PLC0415 - without a terminal, it would delay the start
    from rich.progress import TextColumn  # noqa: PLC0415
    from rich.table import Column  # noqa: PLC0415

    column = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="crop"))
    with ProgressBar(column, console=console, transient=True) as bar:
        task = bar.add_task("Reading names", total=None)

        def on_progress(progress: Progress) -> None:
            rate.record(progress.done, progress.run.sent_bytes)
            bar.update(task, description=format_progress(progress, rate, console.width))

        yield on_progress


def _print_lines(rate: RateMeter) -> Iterator[OnProgress]:
    printed_at = time.monotonic()

    def on_progress(progress: Progress) -> None:
        nonlocal printed_at
        rate.record(progress.done, progress.run.sent_bytes)
        if time.monotonic() - printed_at >= _LINE_SECONDS:
            printed_at = time.monotonic()
            typer.echo(format_progress(progress, rate), err=True)

    yield on_progress


def print_summary(summary: Mapping[str, Any], console: Console) -> None:
    """Print the counts: a table on a terminal, elsewhere lines with a name, a tab and a value."""
    counts = [("files", summary["files"]), ("sent now", summary["sent"]), ("done before", summary["done_before"])]
    counts += [("continued", summary["continued"])] if summary["continued"] else []
    counts += [("duplicates", summary["same_as_another"]), ("skipped", sum(summary["skipped"].values()))]
    counts += [(f"skipped {reason}", count) for reason, count in summary["skipped"].items()]
    counts += [("succeeded", summary["succeeded"]), ("failed", summary["failed"])]
    counts += [(f"failed {code}", count) for code, count in summary["failures"].items()]
    rows = [(name, f"{count:,}") for name, count in [*counts, ("jobs", summary["jobs"])]]
    rows += [("bytes sent", text.format_size(summary["bytes"]))]
    rows += [("time", text.format_duration_of(summary["seconds"]))]
    if not console.is_terminal:
        for name, count in rows:
            typer.echo(f"{text.escape(name)}\t{count}")
        return
    from rich.table import Table  # noqa: PLC0415 - see _show_line
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("", no_wrap=True)
    table.add_column("", justify="right", no_wrap=True)
    for name, value in rows:
        table.add_row(Text(text.escape(name)), Text(value))
    console.print(table)


def print_failures(failed: Iterator[Mapping[str, Any]], count: int, console: Console) -> None:
    """Print the first failed files to standard error: file, code and message.

    On a terminal, the message is below the file, and lines end between words or folders.
    """
    printed = 0
    for row in islice(failed, _MAX_FAILED_FILES):
        file = text.shorten_path(str(row["file"]))
        message = str(row["message"] or "").replace(str(row["file"]), file)
        fields = [text.escape(each) for each in (file, str(row["code"]), message)]
        if console.is_terminal:
            typer.echo(_format_block(fields[0], f"{fields[1]}: {fields[2]}", console.width), err=True)
        else:
            typer.echo("\t".join(fields), err=True)
        printed += 1
    if count > printed:
        print_text(f"… and {count - printed:,} more failed files. See the report.", err=True)


def _format_block(file: str, text_below: str, width: int) -> str:
    """Return a file, and the text about it in the next lines."""
    below = textwrap.wrap(
        text_below,
        width,
        initial_indent="  ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join([*wrap_path(file, width), *below])


def wrap_path(path: str, width: int) -> list[str]:
    """Return a path in lines that end after a slash. A name that is longer than a line stays whole."""
    lines = [""]
    for part in re.split(r"(?<=/)", path):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("  ")
        lines[-1] += part
    return lines
