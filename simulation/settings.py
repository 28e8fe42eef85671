"""Settings of the simulated deployment. The defaults come from the CloudFormation template."""

from dataclasses import dataclass
from typing import Any, Self

from infra.deployment import template
from shared.parallel import MAX_CONCURRENCY
from worker.app import LOOKAHEAD
from worker.sandbox.budget import count_children

#: The template parameter of each field of ``Settings``.
PARAMETERS = {
    "throttle_rate": "ThrottleRate",
    "throttle_burst": "ThrottleBurst",
    "worker_timeout": "WorkerTimeout",
    "worker_memory": "WorkerMemory",
    "api_memory": "ApiMemory",
    "record_seconds": "RecordSeconds",
    "visibility": "QueueVisibilityTimeout",
    "batch_size": "BatchSize",
    "window": "BatchingWindowSeconds",
    "max_receives": "MaxReceiveCount",
    "interactive_concurrency": "InteractiveConcurrency",
    "bulk_concurrency": "BulkConcurrency",
    "redispatch": "RedispatchSeconds",
    "longest_redispatch": "LongestRedispatchSeconds",
    "max_dead_letters": "MaxDeadLetters",
    "listing_shards": "ListingShards",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of a deployment. Times are in seconds, and memory is in MiB."""

    throttle_rate: int
    throttle_burst: int
    worker_timeout: int
    worker_memory: int
    api_memory: int
    record_seconds: int
    visibility: int
    batch_size: int
    window: int
    max_receives: int
    interactive_concurrency: int
    bulk_concurrency: int
    redispatch: int
    longest_redispatch: int
    max_dead_letters: int
    listing_shards: int
    #: Maximum number of provisioned pollers of the bulk queue's mapping. None means that it has no provisioned pollers.
    pollers: int | None = None
    #: Number of records in transfer while others are rendered. In the worker, this is a constant.
    lookahead: int = LOOKAHEAD
    #: True if messages have their owner as group (``FairQueues``).
    has_fair_queues: bool = True
    #: True if S3's events of uploads also have a group, because the upload function forwards them.
    forwards_uploads: bool = True
    #: Number of overdue jobs that the reconciler requeues concurrently.
    reconcilers: int = MAX_CONCURRENCY

    @classmethod
    def from_template(cls, **changes: int) -> Self:
        """Return the template's defaults with ``changes`` applied."""
        defaults = template.parameter_defaults(template.load_template())
        values: dict[str, Any] = {name: int(defaults[parameter]) for name, parameter in PARAMETERS.items()}
        return cls(**values | changes)

    @property
    def children(self) -> int:
        """Return how many images one invocation renders concurrently."""
        return count_children(memory_mib=self.worker_memory, processors=8)

    @property
    def max_concurrency(self) -> int:
        """Return how many records one invocation processes concurrently."""
        return self.children + self.lookahead
