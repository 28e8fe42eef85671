"""DynamoDB: the table, its indexes and the batch's counts, each with the partitions that its keys make."""

from collections.abc import Iterable

from shared.aws.dynamodb.batch_item import COUNT_SHARDS
from shared.aws.dynamodb.job_item import OPEN_SHARDS
from simulation.limits import limit
from simulation.throughput import Throughput
from simulation.units import units

#: A partition and the units that it takes.
Write = tuple[Throughput, float]


class Table:
    """One owner's jobs, of so many batches where they are members: one is the worst case for the indexes.

    The table's own keys are spread evenly, so it is limited as a whole: by what a table on demand takes at once. The
    index ``Open`` has eight partition keys, ``Recent`` as many as the owner has shards, ``ByBatch`` and the counts one
    a batch. No partition is split in the course of a run: keys that grow with time always meet in one half.
    """

    def __init__(self, listing_shards: int, *, batches: int = 1, warm: float = 0) -> None:
        """Begin as a new table, or as one that has had ``warm`` write units a second before."""
        patience = limit("throttle_patience")
        each = limit("partition_writes")
        self.whole = Throughput(min(limit("table_most"), max(limit("table_start"), 2 * warm)), patience)
        self.open = [Throughput(each, patience) for _ in range(OPEN_SHARDS)]
        self.recent = [Throughput(each, patience) for _ in range(listing_shards)]
        self.by_batch = [Throughput(each, patience) for _ in range(batches)]
        self.counts = [Throughput(each, patience) for _ in range(batches)]
        """All counts of a batch share its partition key."""
        self.write_units = 0.0
        self.read_units = 0.0

    def create(self, job: int, at: float, *, is_bulk: bool) -> float | None:
        """Write a new record; return when it is written, None when the table is throttled."""
        cost = units()
        writes: list[Write] = [
            (self.whole, cost.member_create if is_bulk else cost.create),
            (_of(self.open, job), cost.open_create),
            (_of(self.recent, job), cost.listed),
        ]
        return self._write([*writes, (_of(self.by_batch, job), cost.listed)] if is_bulk else writes, at)

    def claim(self, job: int, at: float) -> float | None:
        """Take a job."""
        return self._write([(self.whole, units().claim), (_of(self.open, job), units().open_move)], at)

    def commit(self, job: int, at: float, *, is_bulk: bool) -> float | None:
        """Write the end of a job."""
        cost = units()
        writes: list[Write] = [
            (self.whole, cost.member_commit if is_bulk else cost.commit),
            (_of(self.open, job), cost.open_end),
        ]
        return self._write([*writes, (_of(self.counts, job), cost.count)] if is_bulk else writes, at)

    def put_off(self, job: int, at: float) -> float | None:
        """Write a job back, with another due time."""
        return self._write([(self.whole, units().commit), (_of(self.open, job), units().open_move)], at)

    def read(self) -> None:
        """Read one record."""
        self.read_units += units().read

    def partitions(self) -> dict[str, list[Throughput]]:
        """Return all partitions by what they belong to."""
        return {
            "Images, whole table": [self.whole],
            "Open": self.open,
            "Recent": self.recent,
            "ByBatch": self.by_batch,
            f"Batches, {COUNT_SHARDS} counts of one batch": self.counts,
        }

    def _write(self, writes: Iterable[Write], at: float) -> float | None:
        served = at
        for partition, cost in writes:
            moment = partition.take(at, cost)
            if moment is None:
                return None
            self.write_units += cost
            served = max(served, moment)
        return served + limit("table_latency")


def _of(partitions: list[Throughput], job: int) -> Throughput:
    return partitions[job % len(partitions)]
