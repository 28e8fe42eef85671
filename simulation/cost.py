"""The cost of a run, and the cost of storing and downloading its images afterwards."""

from simulation.deployment import Deployment
from simulation.prices import PRICES

#: Status requests per single image. A client that uploads a batch needs five requests per hundred images.
STATUS_REQUESTS = 2
BULK_STATUS_REQUESTS = 0.05
#: Bytes that all functions log for one job, including metrics (assumed).
LOG_BYTES = 4_000
RAW_BYTES = 1_000_000
#: Size in bytes of a photograph's result with the default pipeline, from ``docs/benchmarks.md``.
PROCESSED_BYTES = 250_000
#: ``ObjectDays`` of the template, in months.
STORAGE_MONTHS = 33 / 30
GB = 1e9


def compute_cost(deployment: Deployment) -> dict[str, float]:
    """Return the cost of a run in dollars, by service."""
    bulk = sum(deployment.jobs.is_bulk)
    status_requests = STATUS_REQUESTS * (len(deployment.jobs) - bulk) + BULK_STATUS_REQUESTS * bulk
    functions = (deployment.api_function, deployment.worker_function, deployment.maintenance_function)
    queues = (deployment.interactive, deployment.bulk, deployment.dead_letter_queue)
    table, bucket = deployment.table, deployment.bucket
    usage: dict[str, list[tuple[str, float]]] = {
        "API Gateway": [("gateway", deployment.counts.requests + status_requests)],
        "Lambda": [
            ("invocation", sum(function.invocations for function in functions) + status_requests),
            ("gib_second", sum(function.gib_seconds for function in functions)),
        ],
        "SQS": [("queue", sum(queue.requests for queue in queues))],
        "DynamoDB": [("write", table.write_units), ("read", table.read_units + status_requests)],
        "S3": [
            ("put", bucket.raw_puts.units + bucket.processed_puts.units),
            ("get", bucket.raw_gets.units),
        ],
        "CloudWatch Logs": [("log", len(deployment.jobs) * LOG_BYTES / GB)],
    }
    return {service: sum(PRICES[name].dollars * count for name, count in lines) for service, lines in usage.items()}


def compute_follow_up_cost() -> dict[str, float]:
    """Return the cost per image after the run in dollars, for storage and for one download."""
    return {
        "storage for 33 days": (RAW_BYTES + PROCESSED_BYTES) / GB * STORAGE_MONTHS * PRICES["storage"].dollars,
        "download of the result over the internet": PROCESSED_BYTES / GB * PRICES["download"].dollars,
    }
