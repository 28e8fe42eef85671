"""What a run costs, by what was used; and what its images cost afterwards."""

from simulation.prices import PRICES
from simulation.world import World

#: Requests that ask for the state of one single image; a bulk client's are a few for a hundred.
LOOKS = 2
BULK_LOOKS = 0.05
#: Of all functions for one job, and the metrics in them: an assumption.
LOG_BYTES = 4_000
RAW_BYTES = 1_000_000
#: Of a photograph and of its default result: ``docs/benchmarks.md``.
PROCESSED_BYTES = 250_000
#: ``ObjectDays``.
KEPT_MONTHS = 33 / 30
GB = 1e9


def cost(world: World) -> dict[str, float]:
    """Return dollars for each service, of the run itself."""
    bulk = sum(world.jobs.is_bulk)
    looks = LOOKS * (len(world.jobs) - bulk) + BULK_LOOKS * bulk
    functions = (world.api, world.worker, world.small)
    requests = world.asked.requests + looks
    used: dict[str, list[tuple[str, float]]] = {
        "API Gateway": [("gateway", requests)],
        "Lambda": [
            ("invocation", sum(function.invocations for function in functions) + looks),
            ("gib_second", sum(function.gib_seconds for function in functions)),
        ],
        "SQS": [("queue", world.interactive.requests + world.bulk.requests + world.dead.requests)],
        "DynamoDB": [("write", world.table.write_units), ("read", world.table.read_units + looks)],
        "S3": [
            ("put", world.store.raw_puts.units + world.store.processed_puts.units),
            ("get", world.store.raw_gets.units),
        ],
        "CloudWatch Logs": [("log", len(world.jobs) * LOG_BYTES / GB)],
    }
    return {service: sum(PRICES[name].dollars * count for name, count in lines) for service, lines in used.items()}


def afterwards() -> dict[str, float]:
    """Return dollars for each image after the run: kept as long as the template says, fetched once."""
    return {
        "kept for 33 days": (RAW_BYTES + PROCESSED_BYTES) / GB * KEPT_MONTHS * PRICES["kept"].dollars,
        "result fetched over the internet": PROCESSED_BYTES / GB * PRICES["out"].dollars,
    }
