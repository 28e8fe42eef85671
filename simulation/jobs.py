"""Every job of a run, as columns: a million of them must fit."""

from array import array
from enum import IntEnum

from simulation.settings import Settings


class State(IntEnum):
    """Where a job stands; the last three are ends."""

    PENDING = 0
    PROCESSING = 1
    COMPLETED = 2
    #: Refused for its image.
    FAILED = 3
    #: Out of attempts or of patience.
    DEAD = 4


class Poison(IntEnum):
    """What an image does to those who touch it."""

    NONE = 0
    #: It is refused.
    BAD = 1
    #: The sandbox's child dies; the job fails at once.
    KILLS_CHILD = 2
    #: The whole invocation dies: what the sandbox is there to prevent.
    KILLS_WORKER = 3


class Jobs:
    """Columns by job number. Moments are in seconds of the run."""

    def __init__(self) -> None:
        """Begin empty."""
        self.state = array("b")
        self.poison = array("b")
        self.created = array("d")
        self.ended = array("d")
        self.lease = array("d")
        self.due = array("d")
        self.attempts = array("b")
        """Attempts that count: those that a service failed are given back."""
        self.sweeps = array("b")
        self.letters = array("b")
        """Dead letters."""
        self.is_bulk = array("b")
        self.counts = [0] * len(State)

    def __len__(self) -> int:
        """Count all jobs."""
        return len(self.state)

    def add(self, now: float, due: float, poison: Poison, *, is_bulk: bool) -> int:
        """Accept a job and return its number."""
        self.state.append(State.PENDING)
        self.poison.append(poison)
        self.created.append(now)
        self.ended.append(-1)
        self.lease.append(-1)
        self.due.append(due)
        self.attempts.append(0)
        self.sweeps.append(0)
        self.letters.append(0)
        self.is_bulk.append(is_bulk)
        self.counts[State.PENDING] += 1
        return len(self.state) - 1

    def move(self, job: int, state: State, now: float) -> None:
        """Put a job into another state; an end is kept with its moment."""
        self.counts[self.state[job]] -= 1
        self.counts[state] += 1
        self.state[job] = state
        if state >= State.COMPLETED:
            self.ended[job] = now

    def is_over(self, job: int) -> bool:
        """Tell whether a job has ended."""
        return self.state[job] >= State.COMPLETED

    def is_leased(self, job: int, now: float) -> bool:
        """Tell whether a worker holds a job."""
        return self.state[job] == State.PROCESSING and self.lease[job] > now

    @property
    def open(self) -> int:
        """Count the jobs that have not ended."""
        return self.counts[State.PENDING] + self.counts[State.PROCESSING]

    def next_due(self, job: int, now: float, settings: Settings) -> float:
        """Return when the reconciler should look again; as ``shared.jobs.recovery.Policy.next_due``."""
        doublings = min(self.sweeps[job] + self.letters[job], 16)
        return now + min(settings.redispatch * (1 << doublings), settings.longest_redispatch)
