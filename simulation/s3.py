"""Simulated S3: the request rates of the bucket's prefixes, and outages."""

import random
from collections.abc import Sequence

from simulation.distributions import Distribution
from simulation.limits import get_limit
from simulation.throughput_limit import ThroughputLimit


class S3Bucket:
    """A bucket. Each prefix is one partition, because S3 has not split any partition yet."""

    def __init__(self, latency: Distribution, rng: random.Random, outages: Sequence[tuple[float, float]] = ()) -> None:
        """Create a bucket. ``latency`` is the duration of a call, and ``outages`` has start and end of each outage."""
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
        """Call S3 at ``at`` and return the time of the response, or None if the call fails after all its attempts."""
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
