"""Preview of an ingest: what it would do with each file. Nothing is sent or stored."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain
from pathlib import Path
from sqlite3 import Connection

from safelight.ingest.checkpoint import listing
from safelight.ingest.checkpoint.database import open_read_only
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.filters import SkipReason
from safelight.ingest.manifests import read_manifest
from safelight.ingest.progress import is_done
from safelight.ingest.sources import Entry, InvalidEntry, find_entries
from safelight.ingest.state import IngestOptions


class Action(StrEnum):
    """What an ingest would do with a file."""

    SEND = "send"
    #: Wait for its job, or download its result. The file is sent already.
    CONTINUE = "continue"
    SKIP = "skip"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A file or folder, what would be done with it, and why."""

    #: A path, ``s3://bucket/key``, or the line of a manifest.
    file: str
    action: Action
    #: Code of the reason, or None for a new file.
    reason: str | None = None
    message: str | None = None
    #: Bytes, if the file would be sent and its size is known.
    size: int | None = None


def preview(options: IngestOptions, checkpoint: Path | None) -> Iterator[PreviewRow]:
    """Yield a row for each file of the sources, in their order. ``checkpoint`` has the progress of earlier runs."""
    skipped: deque[PreviewRow] = deque()

    def add_skipped(path: str, reason: SkipReason) -> None:
        skipped.append(PreviewRow(path, Action.SKIP, reason))

    search = replace(options.search, on_skip=add_skipped)
    entries = chain(find_entries(options.sources, search), chain.from_iterable(map(read_manifest, options.manifests)))
    if checkpoint is None:
        yield from _judge_all(entries, skipped, None, options)
        return
    with open_read_only(checkpoint) as database:
        yield from _judge_all(entries, skipped, database, options)


def _judge_all(
    entries: Iterator[Entry | InvalidEntry],
    skipped: deque[PreviewRow],
    database: Connection | None,
    options: IngestOptions,
) -> Iterator[PreviewRow]:
    for entry in entries:
        # What was skipped before this entry was found.
        while skipped:
            yield skipped.popleft()
        yield _judge(entry, database, downloading=options.out is not None)
    yield from skipped


def _judge(entry: Entry | InvalidEntry, database: Connection | None, *, downloading: bool) -> PreviewRow:
    if isinstance(entry, InvalidEntry):
        return PreviewRow(entry.where, Action.FAIL, entry.code, entry.message)
    state = listing.find_state(database, entry) if database is not None else None
    if state is State.FAILED or (state is not None and is_done(state, downloading=downloading) and _is_final(state)):
        return PreviewRow(entry.source, Action.SKIP, "DONE_BEFORE")
    if state in {State.SENT, State.COMPLETED, State.UNSAVED, State.DUPLICATE}:
        return PreviewRow(entry.source, Action.CONTINUE, "SENT_BEFORE")
    return PreviewRow(entry.source, Action.SEND) if entry.is_object else _judge_file(entry)


def _judge_file(entry: Entry) -> PreviewRow:
    try:
        size = Path(entry.source).stat().st_size
    except OSError as error:
        return PreviewRow(entry.source, Action.FAIL, "LOCAL_FILE", f"{entry.source} can't be read ({error.strerror}).")
    if size == 0:
        return PreviewRow(entry.source, Action.FAIL, "LOCAL_FILE", f"{entry.source} is empty.")
    return PreviewRow(entry.source, Action.SEND, size=size)


def _is_final(state: State) -> bool:
    """Return True unless the next run tries a file in this state again."""
    return state not in {State.REFUSED, State.UNSAVED}
