"""Progress of an ingest: counts of files by state and error code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.schema import State

FAILED_STATES = (State.FAILED, State.REFUSED, State.UNSAVED)
_SUCCESS_STATES = {True: frozenset({State.SAVED}), False: frozenset({State.SAVED, State.COMPLETED})}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounts:
    """What one run has done."""

    #: Files that this run has uploaded.
    sent: int = 0
    #: Bytes of these files.
    sent_bytes: int = 0
    #: Files that succeeded or failed in earlier runs.
    done_before: int = 0
    #: Files that earlier runs have sent, and that were still open when this run started.
    continued: int = 0
    #: Files and folders of the sources that are not ingested, by the reason.
    skipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of files."""

    states: Mapping[State, int] = field(default_factory=dict)
    #: Failed files by error code, most frequent first.
    codes: Mapping[str, int] = field(default_factory=dict)
    #: True if results are downloaded. Then, a file succeeds only when its result is saved.
    downloading: bool = False
    #: True if all sources are read, so that ``total`` is final.
    scanned: bool = False
    #: What this run has done, without earlier runs.
    run: RunCounts = field(default_factory=RunCounts)

    @property
    def total(self) -> int:
        """Return the number of known files."""
        return sum(self.states.values())

    @property
    def succeeded(self) -> int:
        """Return the number of files that succeeded."""
        return sum(self.states.get(state, 0) for state in _SUCCESS_STATES[self.downloading])

    @property
    def failed(self) -> int:
        """Return the number of files that failed."""
        return sum(self.states.get(state, 0) for state in FAILED_STATES)

    @property
    def continued(self) -> int:
        """Return the number of files that are sent, and that have neither succeeded nor failed."""
        is_open = partial(is_continued, downloading=self.downloading)
        return sum(count for state, count in self.states.items() if is_open(state))

    @property
    def done(self) -> int:
        """Return the number of files that succeeded or failed."""
        return self.succeeded + self.failed

    def outcome_of(self, state: State) -> str:
        """Return ``succeeded``, ``failed`` or ``open`` for a file in a state."""
        if state in _SUCCESS_STATES[self.downloading]:
            return "succeeded"
        return "failed" if state in FAILED_STATES else "open"


def is_continued(state: State, *, downloading: bool) -> bool:
    """Return True if a file in a state is sent, and has neither succeeded nor failed."""
    return state in {State.SENT, State.COMPLETED} and not is_done(state, downloading=downloading)


def is_done(state: State, *, downloading: bool) -> bool:
    """Return True if a file in a state has succeeded or failed."""
    return state in FAILED_STATES or state in _SUCCESS_STATES[downloading]


def read_progress(
    checkpoint: Checkpoint, *, downloading: bool, scanned: bool, run: RunCounts | None = None
) -> Progress:
    """Return the progress: counts from the checkpoint, and the other arguments unchanged."""
    database = checkpoint.database
    states = {
        State(row[0]): int(row[1]) for row in database.execute("SELECT state, count(*) FROM files GROUP BY state")
    }
    codes = database.execute(
        "SELECT code, count(*) FROM files WHERE state IN (?, ?, ?) GROUP BY code ORDER BY count(*) DESC, code",
        FAILED_STATES,
    )
    counts = {str(code or "UNKNOWN"): int(number) for code, number in codes}
    return Progress(states, counts, downloading, scanned, run or RunCounts())
