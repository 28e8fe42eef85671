"""What AWS asks for, US East (N. Virginia), without free tiers: each price with the page on which it was read.

Read on 2026-11-22 from stored copies. AWS's own pages show prices only to scripts, so that some come from others.
"""

from dataclasses import dataclass
from typing import Final

READ_ON: Final = "2026-11-22"


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for one unit."""

    dollars: float
    unit: str
    source: str
    #: Whether the page was read; else it is only where the price would be.
    confirmed: bool = True


MILLION: Final = 1e-6
PRICES: Final = {
    "gateway": Price(
        3.50 * MILLION,
        "request (REST, the first 333 million a month)",
        "https://docs.aws.amazon.com/whitepapers/latest/best-practices-api-gateway-private-apis-integration/cost-optimization.html",
    ),
    "invocation": Price(
        0.20 * MILLION, "invocation", "https://docs.aws.amazon.com/whitepapers/latest/how-aws-pricing-works/lambda.html"
    ),
    "gib_second": Price(
        0.0000166667,
        "GB-second (x86)",
        "https://docs.aws.amazon.com/whitepapers/latest/how-aws-pricing-works/lambda.html",
    ),
    "queue": Price(0.40 * MILLION, "request", "https://cloudburn.io/blog/amazon-sqs-pricing (March 2026)"),
    "write": Price(
        0.625 * MILLION, "write unit", "https://airbyte.com/data-engineering-resources/dynamodb-pricing (July 2025)"
    ),
    "read": Price(
        0.125 * MILLION, "read unit", "https://airbyte.com/data-engineering-resources/dynamodb-pricing (July 2025)"
    ),
    "put": Price(0.005 / 1_000, "PUT or POST", "https://aws.amazon.com/s3/pricing/", confirmed=False),
    "get": Price(0.0004 / 1_000, "GET", "https://aws.amazon.com/s3/pricing/", confirmed=False),
    "kept": Price(0.023, "GB and month", "https://deepeshsoni.com/archives/256"),
    "log": Price(
        0.50,
        "GB taken in",
        "https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/ (June 2026)",
    ),
    "out": Price(
        0.09, "GB to the internet", "https://awsforengineers.com/blog/aws-api-gateway-pricing-explained (May 2025)"
    ),
}
