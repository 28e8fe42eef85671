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
    #: Seconds since the epoch.
    clock: Callable[[], float]
    sends: Shelf = field(default_factory=lambda: Shelf(State.MEMBER))
    saves: Shelf = field(default_factory=lambda: Shelf(State.COMPLETED))
    #: Jobs that should be told that their bytes are there.
    unconfirmed: deque[str] = field(default_factory=deque)
    #: Names of tasks under way of which there is one at a time.
    busy: set[str] = field(default_factory=set)
    #: Whether all sources are read.
    scanned: bool = False
    #: Whether files are being looked at.
    preparing: bool = False
