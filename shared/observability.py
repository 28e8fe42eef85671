"""Logs and metrics: JSON lines and CloudWatch's embedded metric format, both on standard output.

Only the composition roots create loggers and write logs. No log line has image bytes, links, credentials or file
names. ``docs/runbook.md`` lists the metrics and shows how to find the log lines of one job.
"""

from aws_lambda_powertools import Logger, Metrics

NAMESPACE = "Safelight"


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
