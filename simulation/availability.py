"""What availability follows from the parts: AWS's service level agreements, and what a try more makes of them.

Read on 2026-11-22 from stored copies. An agreement promises money back, not answers, so this is a reading of them.
"""

import math
from dataclasses import dataclass
from typing import Final

from shared.aws.clients import MAX_ATTEMPTS

CLOUDONAUT: Final = "https://cloudonaut.io/aws-sla-are-you-able-to-keep-your-availability-promise (2019)"
#: Monthly uptime of each service, and where it was read.
PROMISED: Final = {
    "API Gateway": (0.9995, f"{CLOUDONAUT}, https://github.com/mikaelvesavuori/cloud-sla"),
    "Lambda": (0.9995, f"{CLOUDONAUT}, https://www.amazonaws.cn/en/lambda/sla/historical/ningxia (2021)"),
    "S3": (0.999, "https://aws.amazon.com/s3/sla/historical/ (2019)"),
    "DynamoDB": (0.9999, "https://dynobase.dev/dynamodb-sla (2022)"),
    "SQS": (0.999, "https://github.com/o7g8/messaging-overview"),
}


@dataclass(frozen=True, slots=True)
class Path:
    """What a caller wants, and the services that must answer."""

    name: str
    #: Called once: the caller would have to try again.
    direct: tuple[str, ...]
    #: Called by our functions, which try three times.
    retried: tuple[str, ...]


PATHS: Final = (
    Path("`POST /v1/jobs`", ("API Gateway", "Lambda"), ("S3", "DynamoDB")),
    Path("`POST /v1/uploads`", ("API Gateway", "Lambda"), ("DynamoDB",)),
    Path("`GET /v1/jobs/{id}`", ("API Gateway", "Lambda"), ("DynamoDB",)),
    Path("fetching a result by its link", ("S3",), ()),
)


def if_outages(path: Path) -> float:
    """Return the availability where every fault is an outage: no try helps that falls into the same one."""
    return math.prod(PROMISED[service][0] for service in (*path.direct, *path.retried))


def if_scattered(path: Path, tries: int = 1) -> float:
    """Return the availability where faults hit single calls, and the caller makes so many tries."""
    once = math.prod(PROMISED[service][0] for service in path.direct)
    within = math.prod(1 - (1 - PROMISED[service][0]) ** MAX_ATTEMPTS for service in path.retried)
    return float(1 - (1 - once * within) ** tries)
