"""A limit on the units per second of a partition, a prefix or a table."""

from collections import defaultdict


class ThroughputLimit:
    """Counts the units of each second and limits them.

    If a call would exceed the limit of its second, it is served in a later second, as if the client retried. If it
    would wait longer than ``retry_time``, it is refused. Calls can be made in any order, also for times in the future.
    """

    def __init__(self, per_second: float, retry_time: float) -> None:
        """Create a limit of ``per_second`` units. ``retry_time`` is in seconds."""
        self.per_second = per_second
        #: Units in the busiest second.
        self.peak = 0.0
        self.units = 0.0
        #: Number of delayed calls.
        self.delayed = 0
        #: Number of refused calls.
        self.refused = 0
        self._retry_time = retry_time
        self._used: defaultdict[int, float] = defaultdict(float)

    def take(self, at: float, units: float = 1) -> float | None:
        """Use units and return when they are served, at ``at`` or later. Return None if the call is refused."""
        second = int(at)
        used = self._used
        total = used[second] + units
        if total <= self.per_second:
            return self._reserve(second, total, units, at)
        for later in range(second + 1, int(at + self._retry_time) + 1):
            total = used[later] + units
            if total <= self.per_second:
                self.delayed += 1
                return self._reserve(later, total, units, float(later))
        self.refused += 1
        return None

    def rate(self, second: int) -> float:
        """Return how many units were used in a second."""
        return self._used.get(second, 0)

    def _reserve(self, second: int, total: float, units: float, at: float) -> float:
        self._used[second] = total
        self.units += units
        self.peak = max(self.peak, total)
        return at
