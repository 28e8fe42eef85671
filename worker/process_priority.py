"""Priorities of work that shares processors, for example if the whole stack runs on one machine.

Members of batches are processed at a lower priority than other jobs. Rendering has a lower priority than claims and
transfers, so that the next image is ready when a child process is free. On AWS, an execution environment has its own
processors and processes one SQS batch at a time, so only the second rule has an effect there.
"""

import os
import sys
import threading
from contextlib import suppress
from typing import Final

BULK_NICENESS: Final = 10
#: Values for ``nice(2)``. One step changes the ratio of the CPU times of two competing processes by a factor of about
#: 1.25 (``sched(7)``).
RENDERING_NICENESS: Final = 5


def lower_priority(niceness: int) -> None:
    """Lower the priority of the calling thread permanently. Do nothing on systems other than Linux.

    Threads and processes that this thread starts inherit the priority.
    """
    if sys.platform == "linux":
        # Results do not depend on the priority, so ignore an error.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
