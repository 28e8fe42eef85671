"""The parent's ends of the pipes. Every read and write has a time limit."""

import fcntl
import math
import os
import select
import time
from dataclasses import dataclass
from typing import IO, Final

CHUNK: Final = 1024 * 1024
#: None on systems other than Linux. Pipes then keep their default size.
_SET_PIPE_SIZE: Final = getattr(fcntl, "F_SETPIPE_SZ", None)


class PipeClosed(Exception):
    """The other end is closed."""


class DeadlinePassed(Exception):
    """The child did not read or write before the deadline. The reason may be a lack of CPU time."""


class CpuTimeUsed(Exception):
    """The child has used all the CPU time that it may use."""


@dataclass(frozen=True, slots=True)
class TimeLimit:
    """How long the parent waits for the child."""

    #: ``time.monotonic`` at which the parent stops waiting.
    deadline: float
    #: ID for ``time.clock_gettime`` of the clock that measures the child's CPU time; None if there is no such clock.
    cpu_clock: int | None = None
    #: Value of that clock at which the child has used its CPU time.
    cpu_deadline: float = math.inf

    def compute_wait(self) -> float:
        """Return the seconds until a limit can be reached. Raises DeadlinePassed or CpuTimeUsed if one is."""
        remaining = self.cpu_deadline - read_cpu_time(self.cpu_clock)
        if remaining <= 0:
            raise CpuTimeUsed
        until_deadline = self.deadline - time.monotonic()
        if until_deadline <= 0:
            raise DeadlinePassed
        # A child has one thread, so it can't use CPU time faster than time passes.
        return min(remaining, until_deadline)


def get_cpu_clock(process_id: int) -> int | None:
    """Return the ID of the clock that measures a process's CPU time, or None on systems other than Linux.

    ``clock_getcpuclockid(3)`` computes the ID like this. Every process may read the clock of every other.
    """
    clock = (~process_id << 3) | 2
    try:
        time.clock_gettime(clock)
    except (OSError, AttributeError):
        return None
    return clock


def read_cpu_time(clock: int | None) -> float:
    """Return the value of a CPU clock in seconds, or 0 if there is no such clock or its process has ended."""
    try:
        return 0 if clock is None else time.clock_gettime(clock)
    except OSError:
        return 0


def configure_pipe(pipe: IO[bytes]) -> int:
    """Make this end of the pipe non-blocking, enlarge the pipe to ``CHUNK`` if possible, and return the descriptor."""
    descriptor = pipe.fileno()
    os.set_blocking(descriptor, False)
    if _SET_PIPE_SIZE is not None:
        try:
            fcntl.fcntl(descriptor, _SET_PIPE_SIZE, CHUNK)
        except OSError:  # The user's soft limit for pipes is exceeded: keep 64 KiB.
            return descriptor
    return descriptor


def send(descriptor: int, data: bytes, limit: TimeLimit) -> None:
    """Write all of ``data``.

    Raises PipeClosed if the child has closed the pipe, and DeadlinePassed or CpuTimeUsed at the limit.
    """
    rest = memoryview(data)
    while rest:
        _wait(descriptor, select.POLLOUT, limit)
        try:
            rest = rest[os.write(descriptor, rest[:CHUNK]) :]
        except BlockingIOError:
            continue
        except BrokenPipeError as error:
            raise PipeClosed from error


def receive(descriptor: int, count: int, limit: TimeLimit) -> bytes:
    """Read exactly ``count`` bytes.

    Raises PipeClosed if the child has closed the pipe, and DeadlinePassed or CpuTimeUsed at the limit.
    """
    parts = []
    while count:
        _wait(descriptor, select.POLLIN, limit)
        try:
            part = os.read(descriptor, min(count, CHUNK))
        except BlockingIOError:
            continue
        if not part:
            raise PipeClosed
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _wait(descriptor: int, events: int, limit: TimeLimit) -> None:
    # poll instead of select, because descriptors can exceed 1023.
    poll = select.poll()
    poll.register(descriptor, events)
    while not poll.poll(math.ceil(limit.compute_wait() * 1000)):
        pass
