"""Compute the costs of an idle deployment and of a thousand images, for the tables of docs/deploy.md.

Prices and their sources are in ``simulation.prices``. The numbers of units come from the template and from
tests/faults/test_cost.py. Assumptions are marked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from infra.deployment.template import load_template
from simulation.prices import PRICES

DOLLARS: Final = {name: price.dollars for name, price in PRICES.items()}
MONTH_SECONDS: Final = 30 * 86_400
#: Lambda sends five concurrent long polls of 20 s each to each queue (AWS, Using Lambda with Amazon SQS).
POLLERS, POLL_SECONDS = 5, 20
_RESOURCES: Final = load_template()["Resources"].values()
_TYPES: Final = [resource["Type"] for resource in _RESOURCES]
ALARMS: Final = _TYPES.count("AWS::CloudWatch::Alarm")
#: Metrics that every job emits, with its events: of the API (2), the worker (7), the notifier (3); and ``ColdStart`` of
#: three functions. See docs/runbook.md.
JOB_METRICS: Final = 2 + 7 + 3 + 3
#: Share of invocations that start an environment, and its seconds of INIT, which AWS charges since August 2025
#: (https://aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase/). Both are assumed.
COLD_SHARE, INIT_SECONDS = 0.01, 1.0


def count_alarm_metrics() -> int:
    """Return the number of metrics that the alarms of the template watch. An anomaly band counts as two more."""
    total = 0
    for resource in _RESOURCES:
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            parts = resource["Properties"].get("Metrics", [{"MetricStat": {}}])
            total += sum("MetricStat" in part for part in parts)
            total += 2 * sum("ANOMALY_DETECTION_BAND" in str(part.get("Expression")) for part in parts)
    return total


#: A mapping with a starting position reads a stream. These reads are free.
QUEUES: Final = sum(
    resource["Type"] == "AWS::Lambda::EventSourceMapping" and "StartingPosition" not in resource["Properties"]
    for resource in _RESOURCES
)


@dataclass(frozen=True)
class Line:
    """One line of a bill: its label, the units used and the basis."""

    label: str
    units: Mapping[str, float]
    basis: str

    @property
    def dollars(self) -> float:
        """Return the cost in dollars."""
        return sum(DOLLARS[unit] * count for unit, count in self.units.items())


IDLE: Final = (
    Line(
        "SQS",
        {"queue": QUEUES * POLLERS * MONTH_SECONDS / POLL_SECONDS},
        f"five long polls at a time for each of the {QUEUES} queues that Lambda polls",
    ),
    Line(
        "Alarms",
        {"alarm_metric": count_alarm_metrics()},
        f"{ALARMS} alarms on {count_alarm_metrics()} metrics with `Monitoring=full`, fewer with `basic`",
    ),
    Line(
        "Reconciler",
        {
            "invocation": MONTH_SECONDS / 60,
            "gib_second": MONTH_SECONDS / 60 * 1.0 * 0.2,
            "read": MONTH_SECONDS / 60 * 8,
            "log": MONTH_SECONDS / 60 * 1e-6,
        },
        "finds overdue jobs once a minute: eight short queries, 0.2 s per run (assumed)",
    ),
    Line(
        "Walker",
        {
            "invocation": MONTH_SECONDS / 60,
            "gib_second": MONTH_SECONDS / 60 * 1.0 * 0.1,
            "read": MONTH_SECONDS / 60,
            "log": MONTH_SECONDS / 60 * 1e-6,
        },
        "looks for operations on batches once a minute: a query, 0.1 s assumed",
    ),
    Line(
        "Deferred webhooks",
        {
            "invocation": MONTH_SECONDS / 60,
            "gib_second": MONTH_SECONDS / 60 * 0.5 * 0.1,
            "read": MONTH_SECONDS / 60,
            "log": MONTH_SECONDS / 60 * 1e-6,
        },
        "once a minute: a query, 0.1 s assumed",
    ),
)
IMAGES: Final = 1000
BUSY: Final = (
    Line(
        "API Gateway",
        {"gateway": 3},
        "three requests per image: create a job, read its status, get a link to the result",
    ),
    Line("Lambda, API", {"invocation": 3, "gib_second": 3 * 0.1}, "1 GiB, 0.1 s per request (assumed)"),
    Line("Lambda, worker", {"invocation": 1, "gib_second": 2 * 0.7}, "2 GiB, 0.7 s assumed, one image per invocation"),
    Line(
        "Lambda, cold starts",
        {"gib_second": COLD_SHARE * INIT_SECONDS * (3 * 1 + 1 * 2)},
        f"{INIT_SECONDS:.0f} s of INIT in {COLD_SHARE:.0%} of the invocations (assumed)",
    ),
    Line("DynamoDB", {"write": 3 * 2 + 5, "read": 3}, "three writes of 2 KB, five index writes"),
    Line("S3", {"put": 2, "get": 2}, "raw and processed, each written and read once"),
    Line("SQS", {"queue": 3}, "one message per image: sent, received, deleted"),
    Line("Logs", {"log": 4e-6}, "4 KB assumed"),
    Line(
        "Storage", {"storage": 1.25e-3 * 33 / 30}, "raw image (1 MB) and processed image (0.25 MB, assumed) for 33 days"
    ),
    Line("Traffic", {"download": 0.25e-3}, "one download of the result over the internet"),
)


def format_table(lines: Iterable[Line], factor: float, head: str) -> str:
    """Return the lines and their total as a Markdown table."""
    bill = tuple(lines)
    rows = [f"| {line.label} | {line.dollars * factor:.3f} | {line.basis} |" for line in bill]
    total = f"| **total** | **{sum(line.dollars for line in bill) * factor:.2f}** | |"
    return "\n".join([f"| {head} | US$ | Basis |", "| --- | ---: | --- |", *rows, total])


def main() -> None:
    """Print both tables, and the fee for metrics in a month in which jobs run in every hour."""
    print(format_table(IDLE, 1, "Per month, idle"), format_table(BUSY, IMAGES, "1,000 images of 1 MB"), sep="\n\n")
    fee = JOB_METRICS * DOLLARS["metric"]
    print(f"\n{JOB_METRICS} custom metrics, if jobs run in every hour of the month: {fee:.2f} US$")


if __name__ == "__main__":
    main()
