"""Logs and metrics: JSON lines and CloudWatch's embedded metric format, both on standard output.

Made by the composition roots and handed on; nothing below them logs. No log line carries bytes,
links or credentials, and file names stay out of it altogether.
"""

from aws_lambda_powertools import Logger, Metrics

NAMESPACE = "Safelight"


def make_logger(service: str) -> Logger:
    """Make the JSON logger of one Lambda; the level comes from ``POWERTOOLS_LOG_LEVEL``."""
    return Logger(service=service, use_rfc3339=True)


def make_metrics(service: str) -> Metrics:
    """Make the metrics of one Lambda, in the namespace that the dashboard reads."""
    return Metrics(namespace=NAMESPACE, service=service)
