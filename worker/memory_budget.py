"""A limit on the raw images that all threads of a worker hold in memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class MemoryBudget:
    """A number of bytes shared by threads. A request larger than the budget runs alone."""

    def __init__(self, size: int) -> None:
        """Create a budget of ``size`` bytes."""
        self._size = size
        self._reserved = 0
        self._changed = Condition()

    @contextmanager
    def reserve(self, count: int) -> Iterator[None]:
        """Reserve ``count`` bytes in this context. Wait until they are available or nothing else is reserved."""
        with self._changed:
            self._changed.wait_for(lambda: self._reserved == 0 or self._reserved + count <= self._size)
            self._reserved += count
        try:
            yield
        finally:
            with self._changed:
                self._reserved -= count
                self._changed.notify_all()
