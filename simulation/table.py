"""Simulated DynamoDB: the table, its indexes and the batch counters, with the partitions that their keys create."""

from collections.abc import Iterable

from shared.aws.dynamodb.batch_item import COUNT_SHARDS
from shared.aws.dynamodb.job_item import OPEN_SHARDS
from simulation.limits import get_limit
from simulation.throughput_limit import ThroughputLimit
from simulation.units import measure_units

#: A partition, and the write units that a write uses in it.
Write = tuple[ThroughputLimit, float]


class Table:
    """The table of jobs. All jobs have the same owner, which is the worst case for the indexes.

    The table's keys are evenly distributed, so only its total throughput is limited. The index ``Open`` has eight
    partition keys, ``Recent`` has one per listing shard, and ``ByBatch`` and the counters have one per batch.
    Partitions are never split, because sort keys grow with time, so all writes would use the same half.
    """

    def __init__(self, listing_shards: int, *, batches: int = 1, warm: float = 0) -> None:
        """Create a table that has served at most ``warm`` write units per second before."""
        retry_time = get_limit("throttle_retry_time")
        per_partition = get_limit("partition_writes")
        self.whole = ThroughputLimit(min(get_limit("table_max"), max(get_limit("table_initial"), 2 * warm)), retry_time)
        self.open = [ThroughputLimit(per_partition, retry_time) for _ in range(OPEN_SHARDS)]
        self.recent = [ThroughputLimit(per_partition, retry_time) for _ in range(listing_shards)]
        self.by_batch = [ThroughputLimit(per_partition, retry_time) for _ in range(batches)]
        #: All counters of a batch share its partition key.
        self.counts = [ThroughputLimit(per_partition, retry_time) for _ in range(batches)]
        self.write_units = 0.0
        self.read_units = 0.0

    def create(self, job: int, at: float, *, is_bulk: bool) -> float | None:
        """Write a new job. Return the time of the write, or None if the table refuses the write."""
        units = measure_units()
        writes: list[Write] = [
            (self.whole, units.member_create if is_bulk else units.create),
            (_select(self.open, job), units.open_create),
            (_select(self.recent, job), units.listed),
        ]
        return self._write([*writes, (_select(self.by_batch, job), units.listed)] if is_bulk else writes, at)

    def claim(self, job: int, at: float) -> float | None:
        """Claim a job. The return value is that of ``create``."""
        units = measure_units()
        return self._write([(self.whole, units.claim), (_select(self.open, job), units.open_move)], at)

    def commit(self, job: int, at: float, *, is_bulk: bool) -> float | None:
        """Write a job that has ended. The return value is that of ``create``."""
        units = measure_units()
        writes: list[Write] = [
            (self.whole, units.member_commit if is_bulk else units.commit),
            (_select(self.open, job), units.open_end),
        ]
        return self._write([*writes, (_select(self.counts, job), units.count)] if is_bulk else writes, at)

    def reschedule(self, job: int, at: float) -> float | None:
        """Write a job with another due time. The return value is that of ``create``."""
        units = measure_units()
        return self._write([(self.whole, units.commit), (_select(self.open, job), units.open_move)], at)

    def read(self) -> None:
        """Count the read of one job."""
        self.read_units += measure_units().read

    def partitions(self) -> dict[str, list[ThroughputLimit]]:
        """Return the partitions by the name of their table or index."""
        return {
            "Images, whole table": [self.whole],
            "Open": self.open,
            "Recent": self.recent,
            "ByBatch": self.by_batch,
            f"Batches, {COUNT_SHARDS} counts of one batch": self.counts,
        }

    def _write(self, writes: Iterable[Write], at: float) -> float | None:
        served = at
        for partition, units in writes:
            time = partition.take(at, units)
            if time is None:
                return None
            self.write_units += units
            served = max(served, time)
        return served + get_limit("table_latency")


def _select(partitions: list[ThroughputLimit], job: int) -> ThroughputLimit:
    return partitions[job % len(partitions)]
