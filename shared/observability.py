"""Logs and metrics: JSON lines and CloudWatch's embedded metric format, both on standard output.

Made by the composition roots and handed on; nothing below them logs. No log line carries bytes,
links or credentials, and file names stay out of it altogether. ``docs/runbook.md`` lists the metrics and
tells how the lines of one job are found.
"""

from aws_lambda_powertools import Logger, Metrics

NAMESPACE = "Safelight"


def make_logger(service: str) -> Logger:
    """Make the JSON logger of one Lambda; the level comes from ``POWERTOOLS_LOG_LEVEL``."""
    return Logger(service=service, use_rfc3339=True)


def make_metrics() -> Metrics:
    """Make the metrics of one Lambda, in the namespace that dashboard and alarms read.

    Their one dimension is ``service``, the stack's name prefix from ``POWERTOOLS_SERVICE_NAME``: the same for
    all functions, so that jobs which fail in the worker and jobs which fail as dead letters are one number.
    ``ColdStart`` alone has ``function_name`` too.
    """
    return Metrics(namespace=NAMESPACE)
