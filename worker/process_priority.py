"""Who goes first where functions share processors, as on a machine that runs the whole stack.

Bulk records give way to everything else, and rendering to what keeps it fed: claims, transfers, answers. On AWS an
execution environment has its processors to itself and runs one delivery at a time: there only the second counts.
"""

import os
import sys
import threading
from contextlib import suppress
from typing import Final

BULK_NICENESS: Final = 10
#: ``nice(2)`` values: each step is about a quarter more or less of a processor that others want too (``sched(7)``).
RENDERING_NICENESS: Final = 5


def lower_priority(niceness: int) -> None:
    """Lower the priority of the calling thread, for good, where threads have one of their own.

    Threads and processes that it starts inherit it.
    """
    if sys.platform == "linux":
        # It is a courtesy: where the system refuses it, the work is the same.
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)
