"""Time series, for example of queue lengths and concurrency."""

from collections.abc import Callable, Generator, Mapping
from typing import Any

import simpy

Gauge = Callable[[], float]


class Gauges:
    """Samples all gauges periodically."""

    def __init__(self, env: simpy.Environment, gauges: Mapping[str, Gauge], period: float) -> None:
        """Start sampling every ``period`` seconds."""
        self.times: list[float] = []
        self.series: dict[str, list[float]] = {name: [] for name in gauges}
        self._env = env
        self._gauges = gauges
        self._period = period
        env.process(self._sample())

    def _sample(self) -> Generator[simpy.Event, Any, None]:
        while True:
            self.times.append(self._env.now)
            for name, gauge in self._gauges.items():
                self.series[name].append(gauge())
            yield self._env.timeout(self._period)

    def maximum(self, name: str) -> float:
        """Return the highest sample of a gauge."""
        return max(self.series[name])
