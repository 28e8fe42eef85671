"""A limit on units a second: of a partition, a prefix, a table."""

from collections import defaultdict


class Throughput:
    """Counts units second by second.

    What does not fit into its second is served in a later one, as a client's tries are spread by its pauses; what would
    wait longer than ``patience`` is refused. Order does not matter, so calls may come with moments ahead of the clock.
    """

    def __init__(self, per_second: float, patience: float) -> None:
        """Allow so many units in each second."""
        self.per_second = per_second
        self.most = 0.0
        """Units in the busiest second."""
        self.units = 0.0
        self.delayed = 0
        """Takes that had to wait."""
        self.refused = 0
        self._patience = patience
        self._used: defaultdict[int, float] = defaultdict(float)

    def take(self, at: float, units: float = 1) -> float | None:
        """Return the moment at which ``units`` are served, ``at`` itself where there is room; None when refused."""
        second = int(at)
        used = self._used
        taken = used[second] + units
        if taken <= self.per_second:
            return self._keep(second, taken, units, at)
        for later in range(second + 1, int(at + self._patience) + 1):
            taken = used[later] + units
            if taken <= self.per_second:
                self.delayed += 1
                return self._keep(later, taken, units, float(later))
        self.refused += 1
        return None

    def rate(self, second: int) -> float:
        """Return the units of one second."""
        return self._used.get(second, 0)

    def _keep(self, second: int, taken: float, units: float, at: float) -> float:
        self._used[second] = taken
        self.units += units
        self.most = max(self.most, taken)
        return at
