"""The scenarios: what clients send, and what is set differently from the template."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from simulation.jobs import Poison
from simulation.world import Load

DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One run."""

    title: str
    load: Load
    #: Settings other than the template's.
    changes: Mapping[str, int] = field(default_factory=dict)
    most: float = DAY
    #: Of the gauges, seconds.
    period: float = 10

    def smaller(self, factor: int) -> "Scenario":
        """Return this scenario with less of what is only counted, for a quick look; times and rates stay."""
        load = self.load
        seconds = load.seconds if load.outages else load.seconds / factor
        return replace(
            self,
            load=replace(load, bulk=load.bulk // factor, backlog=load.backlog // factor, seconds=seconds),
        )


MINUTE = 60.0
SCENARIOS = {
    "million": Scenario(
        title="a million at once",
        load=Load(bulk=1_000_000),
    ),
    "million_wide": Scenario(
        title="a million at once, 500 deliveries at a time, 8 batches",
        load=Load(bulk=1_000_000, batches=8, warm=10_000),
        changes={"bulk_concurrency": 500},
    ),
    "day": Scenario(
        title="200 a second (an hour of the day)",
        load=Load(rate=200, seconds=60 * MINUTE),
    ),
    "outage": Scenario(
        title="S3 away for ten minutes: 50 a second, 60,000 in the bulk queue",
        load=Load(rate=50, seconds=30 * MINUTE, backlog=60_000, outages=((1 * MINUTE, 11 * MINUTE),)),
    ),
    "outage_wide": Scenario(
        title="the same, 500 bulk deliveries at a time",
        load=Load(rate=50, seconds=30 * MINUTE, backlog=60_000, outages=((1 * MINUTE, 11 * MINUTE),)),
        changes={"bulk_concurrency": 500},
        period=5,
    ),
    "poison": Scenario(
        title="1 % of pictures kill their child",
        load=Load(backlog=100_000, poison=(Poison.KILLS_CHILD, 0.01)),
    ),
    "killers": Scenario(
        title="1 % of pictures kill the worker (were there no sandbox)",
        load=Load(backlog=100_000, poison=(Poison.KILLS_WORKER, 0.01)),
    ),
    "backlog": Scenario(
        title="100,000 in the bulk queue",
        load=Load(backlog=100_000),
    ),
    "backlog_ahead": Scenario(
        title="the same, nine records fetched ahead instead of three",
        load=Load(backlog=100_000),
        changes={"lookahead": 9},
    ),
    "alone": Scenario(
        title="20 a second, alone",
        load=Load(rate=20, seconds=10 * MINUTE),
    ),
    "beside": Scenario(
        title="20 a second, beside 200,000 in bulk",
        load=Load(rate=20, seconds=10 * MINUTE, bulk=200_000),
    ),
}
