"""What binds first: for each setting and quota, how many images a second it bears. Arithmetic, no simulation."""

import json
import statistics
from dataclasses import dataclass

from shared.aws.dynamodb.job_item import OPEN_SHARDS
from simulation.cost import LOOKS
from simulation.limits import limit
from simulation.settings import Settings
from simulation.times import MEASURED
from simulation.units import units

#: The busiest hour has so many times the mean of the day: an assumption.
PEAK = 3
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Bound:
    """One limit."""

    name: str
    #: A second, at most.
    pictures: float
    remedy: str


def bounds(settings: Settings) -> list[Bound]:
    """Return every bound on single images, and those on members of one batch, the tightest first."""
    cost = units()
    writes = cost.create + cost.claim + cost.commit
    worker = per_invocation(settings)
    transfer = (limit("store_least_latency") + limit("store_most_latency")) / 2
    asking = _measured("post_api") + transfer + limit("table_latency") + limit("queue_latency")
    looking = _measured("post_api") + limit("table_latency")
    concurrency = asking + LOOKS * looking + 1 / worker
    each = limit("partition_writes")
    found = [
        Bound("`ThrottleRate`", settings.throttle_rate / (1 + LOOKS), "raise it, up to the account's 10,000"),
        Bound("gateway's account quota", limit("gateway_rate") / (1 + LOOKS), "fewer looks a picture; ask AWS"),
        Bound("`InteractiveConcurrency`", settings.interactive_concurrency * worker, "raise it, up to 1,000"),
        Bound("concurrency of one mapping", 1_000 * worker, "provisioned pollers"),
        Bound("account's concurrency", limit("account_concurrency") / concurrency, "ask AWS: tens of thousands"),
        Bound(
            "a new table on demand",
            limit("table_start") / writes,
            "grows by itself, twofold in half an hour; or warm it",
        ),
        Bound("quota of one table", limit("table_most") / writes, "ask AWS"),
        Bound(
            "index `Open`",
            OPEN_SHARDS * each / (cost.open_create + cost.open_move + cost.open_end),
            "`OPEN_SHARDS` in the code: more of them",
        ),
        Bound("index `Recent`, one owner", settings.listing_shards * each / cost.listed, "`ListingShards`, up to 64"),
        Bound("index `ByBatch`, one batch", each / cost.listed, "more than one batch"),
        Bound("counts of one batch", each / cost.count, "more than one batch"),
        Bound("S3, PUT under one prefix", limit("store_puts"), "S3 divides prefixes by itself; ask AWS before a peak"),
        Bound("S3, GET under one prefix", limit("store_gets"), "the same"),
    ]
    return sorted(found, key=lambda bound: bound.pictures)


def per_invocation(settings: Settings) -> float:
    """Return how many images one worker invocation does in a second, with full batches."""
    record = statistics.mean(_list("render")) + _measured("record_worker")
    transfers = limit("store_least_latency") + limit("store_most_latency")
    # The child is busy, or all threads are in transfers: whichever takes longer for a record.
    each = max(record / settings.children, (transfers + record) / settings.side_by_side)
    seconds = 2 * limit("queue_latency") + transfers + settings.batch_size * each
    return settings.batch_size / seconds


def peak(pictures_a_day: float) -> float:
    """Return images a second in the busiest hour."""
    return pictures_a_day / DAY * PEAK


def _measured(name: str) -> float:
    return float(json.loads(MEASURED.read_text("utf-8"))[name])


def _list(name: str) -> list[float]:
    return [float(each) for each in json.loads(MEASURED.read_text("utf-8"))[name]]
