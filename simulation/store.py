"""S3: request rates of the bucket's prefixes, and the times at which it does not answer."""

import random
from collections.abc import Sequence

from simulation.draws import Draw
from simulation.limits import limit
from simulation.throughput import Throughput


class Store:
    """One bucket. Each of our prefixes is one partition: nothing was split yet."""

    def __init__(self, latency: Draw, dice: random.Random, outages: Sequence[tuple[float, float]] = ()) -> None:
        """Answer after ``latency``, and not at all from the beginning to the end of each outage."""
        patience = limit("throttle_patience")
        self.raw_puts = Throughput(limit("store_puts"), patience)
        self.processed_puts = Throughput(limit("store_puts"), patience)
        self.raw_gets = Throughput(limit("store_gets"), patience)
        self._latency = latency
        self._dice = dice
        self._outages = outages

    def is_down(self, at: float) -> bool:
        """Tell whether no call is answered."""
        return any(begin <= at < end for begin, end in self._outages)

    def call(self, prefix: Throughput, at: float) -> float | None:
        """Return when a call is answered; None when it fails, three times in ``fault_seconds``."""
        if self.is_down(at):
            return None
        served = prefix.take(at)
        return None if served is None else served + self._latency(self._dice)

    def partitions(self) -> dict[str, list[Throughput]]:
        """Return all partitions by what they are for."""
        return {
            "S3 raw/, PUT": [self.raw_puts],
            "S3 raw/, GET": [self.raw_gets],
            "S3 processed/, PUT": [self.processed_puts],
        }
