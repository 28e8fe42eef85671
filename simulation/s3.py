"""S3: request rates of the bucket's prefixes, and outages."""

import random
from collections.abc import Sequence

from simulation.distributions import Distribution
from simulation.limits import get_limit
from simulation.throughput_limit import ThroughputLimit


class S3Bucket:
    """One bucket. Each prefix is one partition, as before S3 splits any."""

    def __init__(self, latency: Distribution, rng: random.Random, outages: Sequence[tuple[float, float]] = ()) -> None:
        """Configure the latency of calls and the (start, end) times of outages."""
        retry_time = get_limit("throttle_retry_time")
        self.raw_puts = ThroughputLimit(get_limit("s3_put_rate"), retry_time)
        self.processed_puts = ThroughputLimit(get_limit("s3_put_rate"), retry_time)
        self.raw_gets = ThroughputLimit(get_limit("s3_get_rate"), retry_time)
        self._latency = latency
        self._rng = rng
        self._outages = outages

    def is_down(self, at: float) -> bool:
        """Return True during an outage."""
        return any(start <= at < end for start, end in self._outages)

    def call(self, prefix: ThroughputLimit, at: float) -> float | None:
        """Return the time of the response, or None if all attempts fail."""
        if self.is_down(at):
            return None
        served = prefix.take(at)
        return None if served is None else served + self._latency(self._rng)

    def partitions(self) -> dict[str, list[ThroughputLimit]]:
        """Return the partitions by name."""
        return {
            "S3 raw/, PUT": [self.raw_puts],
            "S3 raw/, GET": [self.raw_gets],
            "S3 processed/, PUT": [self.processed_puts],
        }
