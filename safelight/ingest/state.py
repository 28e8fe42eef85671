"""What the loop has before it beside the checkpoint: nothing that grows with the number of files."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from safelight.ingest.checkpoint.database import Checkpoint
from safelight.ingest.checkpoint.schema import State
from safelight.ingest.checkpoint.work_queue import Shelf
from safelight.ingest.options import IngestOrder
from safelight.ingest.polling import Watch


@dataclass(slots=True)
class Desk:
    """One for each run."""

    checkpoint: Checkpoint
    order: IngestOrder
    watch: Watch
    clock: Callable[[], float]
    """Seconds since the epoch."""
    sends: Shelf = field(default_factory=lambda: Shelf(State.MEMBER))
    saves: Shelf = field(default_factory=lambda: Shelf(State.COMPLETED))
    unconfirmed: deque[str] = field(default_factory=deque)
    """Jobs that should be told that their bytes are there."""
    busy: set[str] = field(default_factory=set)
    """Names of tasks under way of which there is one at a time."""
    scanned: bool = False
    """Whether all sources are read."""
    preparing: bool = False
    """Whether files are being looked at."""
