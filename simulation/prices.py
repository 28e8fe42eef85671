"""AWS prices with their sources, for US East (N. Virginia) without free tiers.

The prices were read on 2026-11-22 from stored copies. AWS's pages load prices by script, so some prices come from other
sites.
"""

from dataclasses import dataclass
from typing import Final

READ_ON: Final = "2026-11-22"


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one unit in dollars."""

    dollars: float
    unit: str
    source: str
    #: False if the price was not read on this page. The page is then only where the price can be found.
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
    "storage": Price(0.023, "GB-month", "https://deepeshsoni.com/archives/256"),
    "alarm_metric": Price(
        0.10,
        "metric of an alarm per month; an anomaly band counts as two more",
        "https://aws.amazon.com/cloudwatch/pricing/",
        confirmed=False,
    ),
    "metric": Price(
        0.30,
        "custom metric with a value, per month (by the hour)",
        "https://aws.amazon.com/cloudwatch/pricing/",
        confirmed=False,
    ),
    "log": Price(
        0.50,
        "GB ingested",
        "https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/ (June 2026)",
    ),
    "download": Price(
        0.09, "GB to the internet", "https://awsforengineers.com/blog/aws-api-gateway-pricing-explained (May 2025)"
    ),
}
