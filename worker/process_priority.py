"""Priorities of work that shares processors, as when the whole stack runs on one machine.

Bulk records run at a lower priority than everything else. Rendering runs at a lower priority than claims and
transfers, which keep it supplied. On AWS an execution environment has its own processors and processes one batch of
records at a time, so only the second rule has an effect there.
"""

import os
import sys
import threading
from contextlib import suppress
from typing import Final

BULK_NICENESS: Final = 10
#: ``nice(2)`` values: one step is about a quarter of a processor under contention (``sched(7)``).
RENDERING_NICENESS: Final = 5


def lower_priority(niceness: int) -> None:
    """Lower the priority of the calling thread permanently, on Linux, where threads have their own priority.

    Threads and processes that it starts inherit the priority.
    """
    if sys.platform == "linux":
        # Results do not depend on the priority, so a system that refuses it is fine.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
