"""CPU cores that processes share in time slices. Only one thread of a process runs at a time."""

from collections.abc import Generator
from typing import Any

import simpy

#: Length of a time slice in seconds, the same as Python's switch interval.
SLICE = 0.005


class SharedCpu:
    """The cores of one machine. Other programs may use a part of their time."""

    def __init__(self, env: simpy.Environment, cores: int, *, other_load: float = 0) -> None:
        """Create the cores. ``other_load`` is the number of cores that other programs use."""
        #: CPU seconds used so far.
        self.busy = 0.0
        self._env = env
        self._cores = simpy.Resource(env, cores)
        self._slowdown = cores / (cores - other_load)

    def create_process(self) -> simpy.Resource:
        """Return a new process, of which only one thread runs at a time."""
        return simpy.Resource(self._env, 1)

    def compute(self, process: simpy.Resource, seconds: float) -> Generator[simpy.Event, Any, None]:
        """Use ``seconds`` of CPU time in a thread of a process."""
        left = seconds
        while left > 0:
            slice_seconds = min(left, SLICE)
            with process.request() as turn:
                yield turn
                with self._cores.request() as core:
                    yield core
                    yield self._env.timeout(slice_seconds * self._slowdown)
            self.busy += slice_seconds
            left -= slice_seconds
