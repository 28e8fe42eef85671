"""A machine whose processors are shared: by time slices, and by threads of one process in turn."""

from collections.abc import Generator
from typing import Any

import simpy

#: Seconds; as Python's own switch interval.
SLICE = 0.005


class Machine:
    """So many cores, of which others may use a part."""

    def __init__(self, env: simpy.Environment, cores: int, *, others: float = 0) -> None:
        """``others`` is what the machine's other users take, in cores."""
        self.busy = 0.0
        """Processor seconds that were used."""
        self._env = env
        self._cores = simpy.Resource(env, cores)
        self._slower = cores / (cores - others)

    def process(self) -> simpy.Resource:
        """Return a process: one of its threads runs at a time."""
        return simpy.Resource(self._env, 1)

    def compute(self, process: simpy.Resource, seconds: float) -> Generator[simpy.Event, Any, None]:
        """Use the processor for so long, whenever it is this thread's turn."""
        left = seconds
        while left > 0:
            now = min(left, SLICE)
            with process.request() as turn:
                yield turn
                with self._cores.request() as core:
                    yield core
                    yield self._env.timeout(now * self._slower)
            self.busy += now
            left -= now
