"""AWS limits and latencies with their sources.

The sources were read from stored copies of varying age. ``assumed`` marks figures that no AWS page states.
"""

from dataclasses import dataclass
from typing import Final

READ_ON: Final = "2026-11-22"
DOCS: Final = "https://docs.aws.amazon.com"
POST: Final = "https://repost.aws/knowledge-center"


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit or latency, with its source."""

    value: float
    unit: str
    source: str
    note: str = ""
    #: True if no page was found that states the figure.
    assumed: bool = False


LIMITS: Final = {
    "gateway_rate": Limit(
        10_000,
        "requests/s",
        f"{DOCS}/apigateway/latest/developerguide/limits.html",
        "per account; 2,500 in some regions",
    ),
    "gateway_burst": Limit(
        5_000, "requests", f"{DOCS}/apigateway/latest/developerguide/limits.html", "1,250 in some regions"
    ),
    "account_concurrency": Limit(
        1_000, "invocations", f"{DOCS}/lambda/latest/dg/gettingstarted-limits.html", "a new account may have less"
    ),
    "environments": Limit(
        1_000,
        "environments per 10 s",
        f"{DOCS}/lambda/latest/dg/scaling-behavior.html",
        "per function; refilled continuously",
    ),
    "mapping_initial": Limit(5, "concurrent batches", f"{DOCS}/lambda/latest/dg/services-sqs-scaling.html"),
    "mapping_growth": Limit(
        300,
        "concurrent batches per minute",
        f"{DOCS}/lambda/latest/dg/services-sqs-scaling.html",
        "while messages are available; the same rate is assumed for shrinking",
    ),
    "mapping_max": Limit(
        1_250,
        "concurrent batches",
        f"{DOCS}/lambda/latest/dg/services-sqs-scaling.html",
        "older copies of the page say 1,000; MaximumConcurrency allows at most 1,000",
    ),
    "provisioned_growth": Limit(
        1_000,
        "concurrent batches per minute",
        "https://aws.amazon.com/blogs/aws/aws-lambda-enhances-sqs-processing-with-new-provisioned-mode-3x-faster-scaling-16x-higher-capacity",
    ),
    "provisioned_per_poller": Limit(
        10,
        "concurrent batches per poller",
        f"{DOCS}/lambda/latest/dg/services-sqs-parameters.html",
        "and 1 MB/s; 2 to 10,000 pollers (API_ProvisionedPollerConfig); excludes MaximumConcurrency",
    ),
    "queue_in_flight": Limit(
        120_000,
        "messages",
        f"{DOCS}/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html",
        "approximately",
    ),
    "noisy_share": Limit(
        0.1,
        "of the messages in flight",
        f"{DOCS}/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html",
        "above it, a tenant of a fair queue is noisy; approximately",
    ),
    "noisy_in_flight": Limit(
        30,
        "messages",
        f"{DOCS}/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html",
        "in flight, from which a tenant can be noisy; approximately",
    ),
    "s3_put_rate": Limit(
        3_500,
        "requests/s",
        f"{POST}/s3-object-key-naming-pattern",
        "per partitioned prefix; splitting may take an hour",
    ),
    "s3_get_rate": Limit(5_500, "requests/s", f"{POST}/s3-object-key-naming-pattern", "per partitioned prefix"),
    "s3_min_latency": Limit(
        0.1,
        "s",
        f"{DOCS}/AmazonS3/latest/userguide/optimizing-performance.html",
        "100 to 200 ms; quoted elsewhere, not on the page itself",
    ),
    "s3_max_latency": Limit(0.2, "s", f"{DOCS}/AmazonS3/latest/userguide/optimizing-performance.html", "as above"),
    "table_initial": Limit(
        4_000,
        "write units/s",
        f"{DOCS}/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html",
        "new on-demand table",
    ),
    "table_doubling": Limit(
        1_800,
        "s",
        f"{POST}/on-demand-table-throttling-dynamodb",
        "twice the previous peak immediately, more only after this time",
    ),
    "table_max": Limit(
        40_000,
        "write units/s",
        f"{DOCS}/amazondynamodb/latest/developerguide/ServiceQuotas.html",
        "per table; can be raised",
    ),
    "partition_writes": Limit(
        1_000, "write units/s", f"{POST}/on-demand-table-throttling-dynamodb", "per partition of a table or index"
    ),
    "partition_reads": Limit(3_000, "read units/s", f"{POST}/on-demand-table-throttling-dynamodb"),
    "table_latency": Limit(
        0.005,
        "s",
        f"{DOCS}/amazondynamodb/latest/developerguide/Introduction.html",
        '"single-digit milliseconds", middle value',
        assumed=True,
    ),
    "queue_latency": Limit(0.015, "s", "", "one send or receive, or a message's way to the function", assumed=True),
    "cold_start": Limit(1.0, "s", "", "imports (at most 0.6 s) and the first child process", assumed=True),
    "environment_lifetime": Limit(600, "s", "", "how long an idle environment is kept", assumed=True),
    "throttle_retry_time": Limit(
        2.0, "s", "", "how long botocore's three attempts retry throttled calls", assumed=True
    ),
    "fault_seconds": Limit(1.0, "s", "", "three failing attempts of one call, with their pauses", assumed=True),
}


def get_limit(name: str) -> float:
    """Return the value of a limit or latency. Raises KeyError if the name is unknown."""
    return LIMITS[name].value
