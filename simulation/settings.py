"""The deployment's settings that the model follows: the defaults of the template itself."""

from dataclasses import dataclass
from typing import Self

from infra.deployment import template
from worker.app import LOOKAHEAD
from worker.sandbox.budget import count_children

#: Fields and the parameters whose defaults they are.
STATED = {
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
    """Times in seconds, memory in MiB."""

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
    #: Provisioned pollers of the bulk mapping; None for the mode that the template has.
    pollers: int | None = None
    #: Records of a delivery whose transfers go on beside those that are rendered; a constant of the worker.
    lookahead: int = LOOKAHEAD
    #: Overdue jobs that the reconciler moves at a time; the code moves one.
    reconcilers: int = 1

    @classmethod
    def of_template(cls, **changes: int) -> Self:
        """Take the template's defaults, but for ``changes``."""
        defaults = template.parameter_defaults(template.load())
        return cls(**{name: int(defaults[parameter]) for name, parameter in STATED.items()} | changes)

    @property
    def children(self) -> int:
        """Return how many images one invocation renders at a time."""
        return count_children(memory_mib=self.worker_memory, processors=8)

    @property
    def side_by_side(self) -> int:
        """Return how many records one invocation has under way."""
        return self.children + self.lookahead
