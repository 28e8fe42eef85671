"""Availability of requests, computed from the AWS service level agreements and the number of retries.

The agreements were read on 2026-11-22 from stored copies. They promise refunds, not an availability.
"""

import math
from dataclasses import dataclass
from typing import Final

from shared.aws.clients import MAX_ATTEMPTS

CLOUDONAUT: Final = "https://cloudonaut.io/aws-sla-are-you-able-to-keep-your-availability-promise (2019)"
#: Monthly uptime of each service and its source.
AGREEMENTS: Final = {
    "API Gateway": (0.9995, f"{CLOUDONAUT}, https://github.com/mikaelvesavuori/cloud-sla"),
    "Lambda": (0.9995, f"{CLOUDONAUT}, https://www.amazonaws.cn/en/lambda/sla/historical/ningxia (2021)"),
    "S3": (0.999, "https://aws.amazon.com/s3/sla/historical/ (2019)"),
    "DynamoDB": (0.9999, "https://dynobase.dev/dynamodb-sla (2022)"),
    "SQS": (0.999, "https://github.com/o7g8/messaging-overview"),
}


@dataclass(frozen=True, slots=True)
class RequestPath:
    """A request and the services that it needs."""

    name: str
    #: Services that are called once per request. If they fail, only the caller can retry.
    direct: tuple[str, ...]
    #: Services that our functions call and retry.
    retried: tuple[str, ...]


REQUEST_PATHS: Final = (
    RequestPath("`POST /v1/jobs`", ("API Gateway", "Lambda"), ("S3", "DynamoDB")),
    RequestPath("`POST /v1/uploads`", ("API Gateway", "Lambda"), ("DynamoDB",)),
    RequestPath("`GET /v1/jobs/{id}`", ("API Gateway", "Lambda"), ("DynamoDB",)),
    RequestPath("Download of a result by its link", ("S3",), ()),
)


def compute_outage_availability(path: RequestPath) -> float:
    """Return the availability if every fault is an outage, so that retries do not help."""
    return math.prod(AGREEMENTS[service][0] for service in (*path.direct, *path.retried))


def compute_scattered_availability(path: RequestPath, attempts: int = 1) -> float:
    """Return the availability if faults affect single calls and the caller makes at most ``attempts`` attempts."""
    direct = math.prod(AGREEMENTS[service][0] for service in path.direct)
    retried = math.prod(1 - (1 - AGREEMENTS[service][0]) ** MAX_ATTEMPTS for service in path.retried)
    return float(1 - (1 - direct * retried) ** attempts)
