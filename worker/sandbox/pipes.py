"""The parent's ends of the pipes: every read and write ends at a deadline, whatever the child does."""

import fcntl
import os
import select
import time
from typing import IO, Final

CHUNK: Final = 1024 * 1024
#: Linux only. Elsewhere an image goes through in smaller pieces.
_SET_PIPE_SIZE: Final = getattr(fcntl, "F_SETPIPE_SZ", None)


class PipeClosed(Exception):
    """The other end is gone."""


class DeadlinePassed(Exception):
    """The child took too long."""


def configure_pipe(pipe: IO[bytes]) -> int:
    """Make one end non-blocking and the pipe as large as any user may have it; return its descriptor."""
    descriptor = pipe.fileno()
    os.set_blocking(descriptor, False)
    if _SET_PIPE_SIZE is not None:
        try:
            fcntl.fcntl(descriptor, _SET_PIPE_SIZE, CHUNK)
        except OSError:  # the user's pipes are over the system's soft limit: it stays at 64 KiB
            return descriptor
    return descriptor


def send(descriptor: int, data: bytes, deadline: float) -> None:
    """Write all of ``data``. Raises PipeClosed, or DeadlinePassed at ``deadline`` (monotonic, seconds)."""
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
    """Read exactly ``count`` bytes. Raises PipeClosed, or DeadlinePassed at ``deadline``."""
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
    # poll, not select: a descriptor over 1023 is nothing unusual for a long-lived parent.
    poll = select.poll()
    poll.register(descriptor, events)
    rest = deadline - time.monotonic()
    if rest <= 0 or not poll.poll(rest * 1000):
        raise DeadlinePassed
