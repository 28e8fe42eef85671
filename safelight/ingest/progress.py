"""How far an ingest is, in numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.schema import State

_WELL = {True: frozenset({State.SAVED}), False: frozenset({State.SAVED, State.COMPLETED})}
_BADLY = frozenset({State.FAILED, State.REFUSED, State.UNSAVED})


def is_well(state: State, *, saving: bool) -> bool:
    """Tell whether a file in a state has all that it wants; ``saving``: whether that includes its results."""
    return state in _WELL[saving]


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of files."""

    states: Mapping[State, int] = field(default_factory=dict)
    #: Of what did not go well.
    codes: Mapping[str, int] = field(default_factory=dict)
    #: Whether a file is done only when its results are fetched.
    saving: bool = False
    #: Whether all sources are read, so that the total is known.
    scanned: bool = False

    @property
    def total(self) -> int:
        """Return how many files are known."""
        return sum(self.states.values())

    @property
    def well(self) -> int:
        """Return how many went well."""
        return sum(self.states.get(state, 0) for state in _WELL[self.saving])

    @property
    def badly(self) -> int:
        """Return how many did not."""
        return sum(self.states.get(state, 0) for state in _BADLY)

    @property
    def done(self) -> int:
        """Return how many are over, in whichever way."""
        return self.well + self.badly


def count(checkpoint: Checkpoint, *, saving: bool, scanned: bool) -> Tally:
    """Count the files of a checkpoint."""
    database = checkpoint.database
    states = {
        State(row[0]): int(row[1]) for row in database.execute("SELECT state, count(*) FROM files GROUP BY state")
    }
    codes = database.execute(
        "SELECT code, count(*) FROM files WHERE state IN (?, ?, ?) GROUP BY code ORDER BY count(*) DESC, code",
        sorted(_BADLY),
    )
    return Tally(states, {str(code or "UNKNOWN"): int(number) for code, number in codes}, saving, scanned)
