"""Room for images on their way: how many bytes of them may be in memory at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Room:
    """Bytes that threads share. Whoever is too large for it gets it alone."""

    def __init__(self, size: int) -> None:
        """Make room for ``size`` bytes."""
        self._size = size
        self._held = 0
        self._changed = Condition()

    @contextmanager
    def hold(self, count: int) -> Iterator[None]:
        """Wait until ``count`` bytes fit or nobody else is in, and keep them meanwhile."""
        with self._changed:
            self._changed.wait_for(lambda: self._held == 0 or self._held + count <= self._size)
            self._held += count
        try:
            yield
        finally:
            with self._changed:
                self._held -= count
                self._changed.notify_all()
