"""How many images per second each setting and quota allows. This is computed without a simulation."""

import json
import statistics
from dataclasses import dataclass

from shared.aws.dynamodb.job_item import OPEN_SHARDS
from simulation.cost import STATUS_REQUESTS
from simulation.durations import STEP_TIMES_FILE
from simulation.limits import get_limit
from simulation.settings import Settings
from simulation.units import measure_units

#: Rate of the busiest hour divided by the mean rate of the day (assumed).
PEAK_FACTOR = 3
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Bound:
    """A setting or quota, the highest rate that it allows, and how to raise it."""

    name: str
    images_per_second: float
    remedy: str


def compute_bounds(settings: Settings) -> list[Bound]:
    """Return the bounds on single images and on the members of one batch, in increasing order of their rates."""
    units = measure_units()
    writes = units.create + units.claim + units.commit
    worker = compute_invocation_rate(settings)
    transfer = (get_limit("s3_min_latency") + get_limit("s3_max_latency")) / 2
    create_seconds = _step_time("post_api") + transfer + get_limit("table_latency") + get_limit("queue_latency")
    status_seconds = _step_time("post_api") + get_limit("table_latency")
    # Concurrent Lambda invocations that a rate of one image per second needs.
    concurrency = create_seconds + STATUS_REQUESTS * status_seconds + 1 / worker
    per_partition = get_limit("partition_writes")
    bounds = [
        Bound(
            "`ThrottleRate`",
            settings.throttle_rate / (1 + STATUS_REQUESTS),
            "raise it, up to the account's quota of 10,000",
        ),
        Bound(
            "API Gateway account quota",
            get_limit("gateway_rate") / (1 + STATUS_REQUESTS),
            "fewer status requests per image; ask AWS",
        ),
        Bound("`InteractiveConcurrency`", settings.interactive_concurrency * worker, "raise it, up to 1,000"),
        Bound("Concurrency of one mapping", 1_000 * worker, "provisioned pollers instead of MaximumConcurrency"),
        Bound("Account concurrency", get_limit("account_concurrency") / concurrency, "ask AWS for tens of thousands"),
        Bound(
            "New on-demand table",
            get_limit("table_initial") / writes,
            "wait (it doubles within 30 minutes) or warm it",
        ),
        Bound("Quota of one table", get_limit("table_max") / writes, "ask AWS"),
        Bound(
            "Index `Open`",
            OPEN_SHARDS * per_partition / (units.open_create + units.open_move + units.open_end),
            "increase `OPEN_SHARDS` in the code",
        ),
        Bound(
            "Index `Recent`, one owner",
            settings.listing_shards * per_partition / units.listed,
            "`ListingShards`, up to 64",
        ),
        Bound("Index `ByBatch`, one batch", per_partition / units.listed, "use several batches"),
        Bound("Counters of one batch", per_partition / units.count, "use several batches"),
        Bound(
            "S3 PUT, one prefix",
            get_limit("s3_put_rate"),
            "S3 splits prefixes automatically; inform AWS before a peak",
        ),
        Bound("S3 GET, one prefix", get_limit("s3_get_rate"), "as for PUT"),
    ]
    return sorted(bounds, key=lambda bound: bound.images_per_second)


def compute_invocation_rate(settings: Settings) -> float:
    """Return how many images per second one worker invocation processes if its SQS batches are full."""
    record = statistics.mean(_step_times("render")) + _step_time("record_worker")
    transfers = get_limit("s3_min_latency") + get_limit("s3_max_latency")
    # The time per record depends on the child processes or on the transfers, whichever take longer.
    per_record = max(record / settings.children, (transfers + record) / settings.max_concurrency)
    seconds = 2 * get_limit("queue_latency") + transfers + settings.batch_size * per_record
    return settings.batch_size / seconds


def compute_peak_rate(images_per_day: float) -> float:
    """Return the images per second of the busiest hour, for a number of images per day."""
    return images_per_day / DAY * PEAK_FACTOR


def _step_time(name: str) -> float:
    return float(json.loads(STEP_TIMES_FILE.read_text("utf-8"))[name])


def _step_times(name: str) -> list[float]:
    return [float(each) for each in json.loads(STEP_TIMES_FILE.read_text("utf-8"))[name]]
