"""What is looked at while a run goes on: depths and concurrency, from time to time."""

from collections.abc import Callable, Generator, Mapping
from typing import Any

import simpy

Gauge = Callable[[], float]


class Gauges:
    """Looks at every gauge once in ``period`` seconds."""

    def __init__(self, env: simpy.Environment, gauges: Mapping[str, Gauge], period: float) -> None:
        """Begin to look."""
        self.times: list[float] = []
        self.series: dict[str, list[float]] = {name: [] for name in gauges}
        self._env = env
        self._gauges = gauges
        self._period = period
        env.process(self._look())

    def _look(self) -> Generator[simpy.Event, Any, None]:
        while True:
            self.times.append(self._env.now)
            for name, gauge in self._gauges.items():
                self.series[name].append(gauge())
            yield self._env.timeout(self._period)

    def most(self, name: str) -> float:
        """Return the highest value of one gauge."""
        return max(self.series[name])
