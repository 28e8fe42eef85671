"""The parent's ends of the pipes. Every read and write has a deadline."""

import fcntl
import os
import select
import time
from typing import IO, Final

CHUNK: Final = 1024 * 1024
#: None on systems other than Linux. Pipes then keep their default size.
_SET_PIPE_SIZE: Final = getattr(fcntl, "F_SETPIPE_SZ", None)


class PipeClosed(Exception):
    """The other end is closed."""


class DeadlinePassed(Exception):
    """The child did not read or write before the deadline."""


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


def send(descriptor: int, data: bytes, deadline: float) -> None:
    """Write all of ``data``.

    Raises PipeClosed if the child has closed the pipe, and DeadlinePassed at ``deadline`` (``time.monotonic``).
    """
    rest = memoryview(data)
    while rest:
        _wait(descriptor, select.POLLOUT, deadline)
        try:
            rest = rest[os.write(descriptor, rest[:CHUNK]) :]
        except BlockingIOError:
            continue
        except BrokenPipeError as error:
            raise PipeClosed from error


def receive(descriptor: int, count: int, deadline: float) -> bytes:
    """Read exactly ``count`` bytes.

    Raises PipeClosed if the child has closed the pipe, and DeadlinePassed at ``deadline`` (``time.monotonic``).
    """
    parts = []
    while count:
        _wait(descriptor, select.POLLIN, deadline)
        try:
            part = os.read(descriptor, min(count, CHUNK))
        except BlockingIOError:
            continue
        if not part:
            raise PipeClosed
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _wait(descriptor: int, events: int, deadline: float) -> None:
    # poll instead of select, because descriptors can exceed 1023.
    poll = select.poll()
    poll.register(descriptor, events)
    rest = deadline - time.monotonic()
    if rest <= 0 or not poll.poll(rest * 1000):
        raise DeadlinePassed
