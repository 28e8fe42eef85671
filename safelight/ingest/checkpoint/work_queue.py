"""Files that wait for one step, a few of them in memory, none given out twice."""

from collections import deque

from safelight.ingest.checkpoint import files
from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.files import FileRow
from safelight.ingest.checkpoint.schema import State

_AT_ONCE = 100


class Shelf:
    """The files of one state."""

    def __init__(self, state: State) -> None:
        """Begin with nothing in memory."""
        self.state = state
        self._ready: deque[FileRow] = deque()
        self._held: set[int] = set()

    def take(self, checkpoint: Checkpoint) -> FileRow | None:
        """Give the next file out; it is held until :meth:`drop` or :meth:`put_back`."""
        if not self._ready:
            self._ready.extend(files.waiting(checkpoint, self.state, held=self._held, most=_AT_ONCE))
            self._held.update(row.number for row in self._ready)
        return self._ready.popleft() if self._ready else None

    def drop(self, row: FileRow) -> None:
        """Let go of a file that has gone on, or has another state by now."""
        self._held.discard(row.number)

    def clear(self) -> None:
        """Let go of all files that were not given out: they have another state by now."""
        self._held.difference_update(row.number for row in self._ready)
        self._ready.clear()

    def put_back(self, row: FileRow) -> None:
        """Have a file given out again."""
        self._ready.append(row)
