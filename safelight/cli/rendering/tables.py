"""Values as tables, for terminals. Cells are plain text, never markup: names come from strangers."""

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from safelight.cli.rendering import lines, text
from safelight.cli.submission import Outcome
from safelight.models import Job

_FIGURES = {"Before", "After", "Change", "Time"}
#: Columns from which on IDs and figures fit side by side.
ROOMY = 110
_STYLES = {"COMPLETED": "green", "FAILED": "red", "CANCELLED": "yellow", "EXPIRED": "yellow"}


def print_jobs(jobs: Iterable[Job], console: Console) -> None:
    """Print jobs, one a row."""
    rows = [
        (_plain(job.id), _status(job), _plain(job.filename or "-"), *_facts(job), _plain(text.duration(job)))
        for job in jobs
    ]
    _print(console, ("ID", "Status", "File", "Before", "After", "Change", "Time"), rows, least=ROOMY)


def print_outcomes(outcomes: Iterable[Outcome], console: Console) -> None:
    """Print how files fared, one a row: the job's facts, or what went wrong."""
    rows = [
        (_plain(str(each.file)), _outcome_status(each), *_outcome_facts(each), _plain(_id_or_reason(each)))
        for each in outcomes
    ]
    _print(console, ("File", "Status", "Before", "After", "Change", "Job, or what went wrong"), rows, least=ROOMY)


def print_demo(outcomes: Iterable[Outcome], console: Console) -> None:
    """Print what the demo made of its images."""
    rows = [
        (
            _plain(each.file.name),
            _outcome_status(each),
            *_outcome_facts(each),
            _plain(text.duration(each.job) if each.job else "-"),
        )
        for each in outcomes
    ]
    _print(console, ("File", "Status", "Before", "After", "Change", "Time"), rows, least=0)


def _print(console: Console, heads: Sequence[str], rows: Iterable[Sequence[Text]], *, least: int) -> None:
    """Print the table; its figures only where there are at least so many columns for them."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    kept = [index for index, head in enumerate(heads) if head not in _FIGURES or console.width >= least]
    for index in kept:
        # An ID that is cut can't be copied; everything else may be folded.
        is_id = heads[index] == "ID"
        table.add_column(
            heads[index], justify="right" if heads[index] in _FIGURES else "left", no_wrap=is_id, overflow="fold"
        )
    for row in rows:
        table.add_row(*(row[index] for index in kept))
    console.print(table)


def _facts(job: Job) -> tuple[Text, Text, Text]:
    return _plain(text.before(job)), _plain(text.after(job)), _plain(text.change(job))


def _outcome_facts(outcome: Outcome) -> tuple[Text, Text, Text]:
    return _facts(outcome.job) if outcome.job else (_plain("-"), _plain("-"), _plain("-"))


def _outcome_status(outcome: Outcome) -> Text:
    return _status(outcome.job) if outcome.job else Text("NOT SENT", style="red")


def _id_or_reason(outcome: Outcome) -> str:
    return lines.reason(outcome) or (outcome.job.id if outcome.job else "")


def _status(job: Job) -> Text:
    return Text(text.printable(text.status(job)), style=_STYLES.get(job.status, ""))


def _plain(value: str) -> Text:
    return Text(text.printable(value))
