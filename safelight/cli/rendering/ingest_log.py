"""Lines about single files of an ingest, on standard error or in a log file."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import typer

from safelight.cli.rendering import text
from safelight.errors import LocalFileError
from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.report import find_outcome

#: The first word of a line, by the state of the file.
_EVENTS = {
    State.SENT: "sent",
    State.COMPLETED: "completed",
    State.SAVED: "saved",
    State.FAILED: "failed",
    State.REFUSED: "failed",
    State.UNSAVED: "failed",
}
#: Writes the fields of a line.
Write = Callable[[tuple[str, ...]], None]


@contextmanager
def open_log(path: Path | None, *, verbose: bool) -> Iterator[Write | None]:
    """Yield a function that writes the fields of a line, or None if nobody wants lines.

    Lines are added to the end of the file, with the time first. Raises LocalFileError if the file can't be written.
    """
    if path is None:
        yield _print if verbose else None
        return
    try:
        file = path.open("a", encoding="utf-8", errors="backslashreplace", buffering=1)
    except OSError as error:
        raise LocalFileError(f"{path} can't be written ({error.strerror or error}). Nothing was sent.") from error

    def write(fields: tuple[str, ...]) -> None:
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        file.write("\t".join((time, *map(text.escape, fields))) + "\n")
        if verbose:
            _print(fields)

    with file:
        yield write


def log_changes(checkpoint: Checkpoint, write: Write) -> None:
    """Write a line for each file of an ingest that is sent, completed, saved or failed."""

    def on_change(number: int) -> None:
        outcome = find_outcome(checkpoint, number)
        event = _EVENTS.get(outcome.state)
        if event is not None:
            file = text.shorten_path(outcome.file)
            message = (outcome.message or "-").replace(outcome.file, file)
            write((event, file, outcome.job or "-", outcome.code or "-", message))

    checkpoint.on_change = on_change


def _print(fields: tuple[str, ...]) -> None:
    typer.echo("\t".join(map(text.escape, fields)), err=True)
