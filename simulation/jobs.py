"""All jobs of a run, stored in columns so that a million of them fit in memory."""

from array import array
from enum import IntEnum

from simulation.settings import Settings


class State(IntEnum):
    """State of a job. In COMPLETED and the states after it, the job has ended."""

    PENDING = 0
    PROCESSING = 1
    COMPLETED = 2
    #: The image was rejected.
    FAILED = 3
    #: The job used up its attempts or its dead letters.
    DEAD = 4


class Defect(IntEnum):
    """What happens when an image is rendered."""

    NONE = 0
    #: The image is rejected.
    INVALID = 1
    #: The child process of the sandbox crashes, and the job fails immediately.
    CRASHES_CHILD = 2
    #: The whole invocation crashes. The sandbox prevents this.
    CRASHES_WORKER = 3


class Jobs:
    """The columns. Their index is the number of a job. Times are in seconds since the start of the run."""

    def __init__(self) -> None:
        """Start without jobs."""
        self.state = array("b")
        self.defect = array("b")
        self.created = array("d")
        self.ended = array("d")
        self.lease = array("d")
        self.due = array("d")
        #: Number of attempts that count.
        self.attempts = array("b")
        self.requeues = array("b")
        self.dead_letters = array("b")
        self.is_bulk = array("b")
        #: Number of the owner.
        self.owner = array("b")
        self.counts = [0] * len(State)

    def __len__(self) -> int:
        """Return the number of jobs."""
        return len(self.state)

    def add(self, now: float, due: float, defect: Defect, *, is_bulk: bool, owner: int = 0) -> int:
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
        self.owner.append(owner)
        self.counts[State.PENDING] += 1
        return len(self.state) - 1

    def set_state(self, job: int, state: State, now: float) -> None:
        """Change a job's state. If the job ends, store the time."""
        self.counts[self.state[job]] -= 1
        self.counts[state] += 1
        self.state[job] = state
        if state >= State.COMPLETED:
            self.ended[job] = now

    def is_done(self, job: int) -> bool:
        """Return True if a job has ended."""
        return self.state[job] >= State.COMPLETED

    def is_leased(self, job: int, now: float) -> bool:
        """Return True if a worker holds a valid lease on a job."""
        return self.state[job] == State.PROCESSING and self.lease[job] > now

    @property
    def open(self) -> int:
        """Return the number of jobs that have not ended."""
        return self.counts[State.PENDING] + self.counts[State.PROCESSING]

    def next_due(self, job: int, now: float, settings: Settings) -> float:
        """Return when a job that gets a message now is due again, as ``RecoveryPolicy.next_due`` does."""
        doublings = min(self.requeues[job] + self.dead_letters[job], 16)
        return now + min(settings.redispatch * (1 << doublings), settings.longest_redispatch)
