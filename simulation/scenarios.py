"""The scenarios. Each has a load, and the settings that differ from the template's defaults."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from simulation.deployment import Load
from simulation.jobs import Defect

DAY = 86_400
MINUTE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """The load and settings of one run."""

    title: str
    load: Load
    settings: Mapping[str, int] = field(default_factory=dict)
    max_seconds: float = DAY
    #: Seconds between samples of the gauges.
    period: float = 10

    def scale_down(self, factor: int) -> "Scenario":
        """Return this scenario with fewer images for a quick run. Rates and the times of outages stay the same."""
        load = self.load
        seconds = load.seconds if load.outages else load.seconds / factor
        return replace(
            self,
            load=replace(
                load,
                bulk=load.bulk // factor,
                backlog=load.backlog // factor,
                flood=load.flood // factor,
                seconds=seconds,
            ),
        )


#: One owner has a million jobs in each queue, and another owner sends ten to each.
_FLOOD = Load(flood=1_000_000, guests=10)
_OUTAGE = Load(rate=50, seconds=30 * MINUTE, backlog=60_000, outages=((1 * MINUTE, 11 * MINUTE),))

#: Scenarios of ``python -m simulation --fairness``.
FAIRNESS = {
    "alone": Scenario(title="Owner B alone", load=Load(guests=10)),
    "unfair": Scenario(
        title="Messages without groups (`FairQueues=off`)", load=_FLOOD, settings={"has_fair_queues": False}
    ),
    "ungrouped_uploads": Scenario(
        title="Groups, but S3's events of A's uploads directly in the bulk queue",
        load=_FLOOD,
        settings={"forwards_uploads": False},
    ),
    "fair": Scenario(title="All messages with groups (`FairQueues=on`)", load=_FLOOD),
}

SCENARIOS = {
    "million": Scenario(
        title="1,000,000 images in one batch",
        load=Load(bulk=1_000_000),
    ),
    "million_500": Scenario(
        title="1,000,000 images in 8 batches, `BulkConcurrency` 500",
        load=Load(bulk=1_000_000, batches=8, warm=10_000),
        settings={"bulk_concurrency": 500},
    ),
    "steady": Scenario(
        title="200 images per second for an hour",
        load=Load(rate=200, seconds=60 * MINUTE),
    ),
    "outage": Scenario(
        title="S3 outage of 10 minutes: 50 per second, 60,000 in the bulk queue",
        load=_OUTAGE,
    ),
    "outage_500": Scenario(
        title="S3 outage of 10 minutes, `BulkConcurrency` 500",
        load=_OUTAGE,
        settings={"bulk_concurrency": 500},
        period=5,
    ),
    "child_crashes": Scenario(
        title="1 % of images crash the child process",
        load=Load(backlog=100_000, defect=(Defect.CRASHES_CHILD, 0.01)),
    ),
    "worker_crashes": Scenario(
        title="1 % of images crash the worker (without a sandbox)",
        load=Load(backlog=100_000, defect=(Defect.CRASHES_WORKER, 0.01)),
    ),
    "backlog": Scenario(
        title="100,000 in the bulk queue",
        load=Load(backlog=100_000),
    ),
    "backlog_lookahead": Scenario(
        title="100,000 in the bulk queue, lookahead 9 instead of 3",
        load=Load(backlog=100_000),
        settings={"lookahead": 9},
    ),
    "interactive": Scenario(
        title="20 images per second",
        load=Load(rate=20, seconds=10 * MINUTE),
    ),
    "mixed": Scenario(
        title="20 images per second and 200,000 in bulk",
        load=Load(rate=20, seconds=10 * MINUTE, bulk=200_000),
    ),
}
