"""All jobs of a run, stored in columns so that a million of them fit in memory."""

from array import array
from enum import IntEnum

from simulation.settings import Settings


class State(IntEnum):
    """State of a job. COMPLETED and above are final."""

    PENDING = 0
    PROCESSING = 1
    COMPLETED = 2
    #: The image was rejected.
    FAILED = 3
    #: The job used up its attempts or its dead letters.
    DEAD = 4


class Defect(IntEnum):
    """What an image does to the process that renders it."""

    NONE = 0
    #: The image is rejected.
    INVALID = 1
    #: The sandbox's child process dies and the job fails immediately.
    CRASHES_CHILD = 2
    #: The whole invocation dies. The sandbox prevents this.
    CRASHES_WORKER = 3


class Jobs:
    """Columns indexed by job number. Times are in seconds since the start of the run."""

    def __init__(self) -> None:
        """Start without jobs."""
        self.state = array("b")
        self.defect = array("b")
        self.created = array("d")
        self.ended = array("d")
        self.lease = array("d")
        self.due = array("d")
        #: Attempts without the uncounted ones.
        self.attempts = array("b")
        self.requeues = array("b")
        self.dead_letters = array("b")
        self.is_bulk = array("b")
        self.counts = [0] * len(State)

    def __len__(self) -> int:
        """Return the number of jobs."""
        return len(self.state)

    def add(self, now: float, due: float, defect: Defect, *, is_bulk: bool) -> int:
        """Create a job and return its number."""
        self.state.append(State.PENDING)
        self.defect.append(defect)
        self.created.append(now)
        self.ended.append(-1)
        self.lease.append(-1)
        self.due.append(due)
        self.attempts.append(0)
        self.requeues.append(0)
        self.dead_letters.append(0)
        self.is_bulk.append(is_bulk)
        self.counts[State.PENDING] += 1
        return len(self.state) - 1

    def set_state(self, job: int, state: State, now: float) -> None:
        """Change a job's state. Record the time of a final state."""
        self.counts[self.state[job]] -= 1
        self.counts[state] += 1
        self.state[job] = state
        if state >= State.COMPLETED:
            self.ended[job] = now

    def is_done(self, job: int) -> bool:
        """Return True if a job's state is final."""
        return self.state[job] >= State.COMPLETED

    def is_leased(self, job: int, now: float) -> bool:
        """Return True if a worker holds a valid lease on a job."""
        return self.state[job] == State.PROCESSING and self.lease[job] > now

    @property
    def open(self) -> int:
        """Return the number of jobs without a final state."""
        return self.counts[State.PENDING] + self.counts[State.PROCESSING]

    def next_due(self, job: int, now: float, settings: Settings) -> float:
        """Return the time of the next reconciler check, as ``shared.jobs.recovery.RecoveryPolicy.next_due``."""
        doublings = min(self.requeues[job] + self.dead_letters[job], 16)
        return now + min(settings.redispatch * (1 << doublings), settings.longest_redispatch)
