"""What AWS allows: each figure with its source and the day on which it was read.

The sources were read from stored copies, whose age varies. ``assumed`` marks what no page of AWS states.
"""

from dataclasses import dataclass
from typing import Final

READ_ON: Final = "2026-11-22"
DOCS: Final = "https://docs.aws.amazon.com"
POST: Final = "https://repost.aws/knowledge-center"


@dataclass(frozen=True, slots=True)
class Limit:
    """One figure."""

    value: float
    unit: str
    source: str
    note: str = ""
    #: Whether it is ours, because no page was found that states it.
    assumed: bool = False


LIMITS: Final = {
    "gateway_rate": Limit(
        10_000,
        "requests/s",
        f"{DOCS}/apigateway/latest/developerguide/limits.html",
        "of the account; 2,500 in some regions",
    ),
    "gateway_burst": Limit(
        5_000, "requests", f"{DOCS}/apigateway/latest/developerguide/limits.html", "1,250 in some regions"
    ),
    "account_concurrency": Limit(
        1_000, "invocations", f"{DOCS}/lambda/latest/dg/gettingstarted-limits.html", "a new account may have less"
    ),
    "environments": Limit(
        1_000,
        "environments in 10 s",
        f"{DOCS}/lambda/latest/dg/scaling-behavior.html",
        "for each function; refilled all the time",
    ),
    "mapping_start": Limit(5, "batches at a time", f"{DOCS}/lambda/latest/dg/services-sqs-scaling.html"),
    "mapping_growth": Limit(
        300,
        "batches at a time, a minute",
        f"{DOCS}/lambda/latest/dg/services-sqs-scaling.html",
        "while messages are available; how fast it shrinks is not stated, and taken to be the same",
    ),
    "mapping_most": Limit(
        1_250,
        "batches at a time",
        f"{DOCS}/lambda/latest/dg/services-sqs-scaling.html",
        "older copies of the page say 1,000; MaximumConcurrency takes at most 1,000",
    ),
    "provisioned_growth": Limit(
        1_000,
        "batches at a time, a minute",
        "https://aws.amazon.com/blogs/aws/aws-lambda-enhances-sqs-processing-with-new-provisioned-mode-3x-faster-scaling-16x-higher-capacity",
    ),
    "provisioned_each": Limit(
        10,
        "batches at a time, a poller",
        f"{DOCS}/lambda/latest/dg/services-sqs-parameters.html",
        "and 1 MB/s; 2 to 2,000 pollers",
    ),
    "queue_in_flight": Limit(
        120_000,
        "messages",
        f"{DOCS}/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html",
        "approximately",
    ),
    "store_puts": Limit(
        3_500,
        "requests/s",
        f"{POST}/s3-object-key-naming-pattern",
        "for each partitioned prefix; splitting may take an hour",
    ),
    "store_gets": Limit(5_500, "requests/s", f"{POST}/s3-object-key-naming-pattern", "for each partitioned prefix"),
    "store_least_latency": Limit(
        0.1,
        "s",
        f"{DOCS}/AmazonS3/latest/userguide/optimizing-performance.html",
        "100 to 200 ms; found quoted, not on the page itself",
    ),
    "store_most_latency": Limit(0.2, "s", f"{DOCS}/AmazonS3/latest/userguide/optimizing-performance.html", "as above"),
    "table_start": Limit(
        4_000,
        "write units/s",
        f"{DOCS}/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html",
        "a new table on demand",
    ),
    "table_doubling": Limit(
        1_800,
        "s",
        f"{POST}/on-demand-table-throttling-dynamodb",
        "twice the last peak at once; more than that only after so long",
    ),
    "table_most": Limit(
        40_000,
        "write units/s",
        f"{DOCS}/amazondynamodb/latest/developerguide/ServiceQuotas.html",
        "for each table; can be raised",
    ),
    "partition_writes": Limit(
        1_000, "write units/s", f"{POST}/on-demand-table-throttling-dynamodb", "for each partition of a table or index"
    ),
    "partition_reads": Limit(3_000, "read units/s", f"{POST}/on-demand-table-throttling-dynamodb"),
    "table_latency": Limit(
        0.005,
        "s",
        f"{DOCS}/amazondynamodb/latest/developerguide/Introduction.html",
        '"single-digit milliseconds": the middle of it',
        assumed=True,
    ),
    "queue_latency": Limit(
        0.015, "s", "", "of one send or receive, and of a message's way to the function", assumed=True
    ),
    "cold_start": Limit(1.0, "s", "", "imports (at most 0.6 s, DESIGN) and the first child", assumed=True),
    "environment_life": Limit(600, "s", "", "for which an idle environment is kept", assumed=True),
    "throttle_patience": Limit(2.0, "s", "", "for which botocore's three tries bear throttling", assumed=True),
    "fault_seconds": Limit(1.0, "s", "", "that three failing tries of one call take, with their pauses", assumed=True),
}


def limit(name: str) -> float:
    """Return the value of one figure. Raises KeyError."""
    return LIMITS[name].value
