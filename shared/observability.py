"""Logs and metrics: JSON lines and CloudWatch's embedded metric format, both on standard output.

Only the composition roots create loggers and write logs. No log line has image bytes, links, credentials or file
names. ``docs/runbook.md`` lists the metrics and shows how to find the log lines of one job.
"""

from threading import Lock

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

NAMESPACE = "Safelight"

_metrics_lock = Lock()


def make_logger(service: str) -> Logger:
    """Create the JSON logger of a Lambda. ``POWERTOOLS_LOG_LEVEL`` sets its level."""
    return Logger(service=service, use_rfc3339=True)


def make_metrics() -> Metrics:
    """Create the metrics of a Lambda, in the namespace of the dashboard and the alarms.

    Their only dimension is ``service``, the stack's name prefix from ``POWERTOOLS_SERVICE_NAME``. All Lambdas have the
    same value, so one metric counts the jobs that fail in the worker and those that fail as dead letters. ``ColdStart``
    also has the dimension ``function_name``.
    """
    return Metrics(namespace=NAMESPACE)


def add_metric(metrics: Metrics, name: str, value: float, unit: MetricUnit = MetricUnit.Count) -> None:
    """Add a value to a metric, from any thread of an invocation. The library's own method is not safe for threads."""
    with _metrics_lock:
        metrics.add_metric(name, unit, value)


def write_metrics(metrics: Metrics) -> None:
    """Write the metrics of an invocation, if it has any, without the library's warning about none.

    CloudWatch charges for each metric that has a value in a month. A scheduled function mostly finds nothing to do.
    """
    if metrics.metric_set:
        metrics.flush_metrics()
