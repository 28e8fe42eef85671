"""Rules between template parameters that CloudFormation can't express, because it can't calculate."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from infra.faults import SetupFault

#: AWS advises a visibility timeout of six function timeouts, so that throttled batches can be retried.
VISIBILITY_FACTOR = 6
#: DynamoDB removes an expired record within two days; one more for the day's rounding in S3.
TTL_LAG_DAYS = 3

NETWORK = ("VpcId", "VpcSubnetIds", "VpcRouteTableIds")
OWN_NAME = ("UiDomain", "UiCertificateArn")


def check(values: Mapping[str, str], known: AbstractSet[str]) -> None:
    """Refuse unknown names and values that contradict each other.

    ``values`` are those that will be in force, defaults included. What concerns one parameter alone
    (type, range, pattern) is left to CloudFormation. Raises SetupFault.
    """
    unknown = sorted(values.keys() - known)
    if unknown:
        raise SetupFault(f"The template has no parameter {unknown[0]}; docs/settings.md lists them.")
    complaint = next(_contradictions(values), None)
    if complaint:
        raise SetupFault(complaint)


def _contradictions(values: Mapping[str, str]) -> Iterator[str]:
    """Say what breaks a rule, in the order of the parameters."""
    timeout, window = _number(values, "WorkerTimeout"), _number(values, "BatchingWindowSeconds")
    visibility = _number(values, "QueueVisibilityTimeout")
    least = VISIBILITY_FACTOR * timeout + window
    if values["LoginDomain"] and values["ApiAuth"] != "cognito":
        yield "LoginDomain is the address of Cognito's login page: it needs ApiAuth=cognito."
    if len({bool(values[name]) for name in OWN_NAME}) > 1:
        yield f"{' and '.join(OWN_NAME)} belong together: CloudFront takes no name without its certificate."
    if (values["UiDomain"] or values["UiLogBucket"]) and values["UiCloudFront"] != "true":
        yield "UiDomain and UiLogBucket are CloudFront's: they need UiCloudFront=true."
    if values["UiCloudFront"] == values["PublicUi"] == "true":
        yield "PublicUi opens the page's bucket and UiCloudFront keeps it closed: choose one of them."
    if visibility < least:
        yield (
            f"QueueVisibilityTimeout is {visibility} but must be at least {least} "
            f"({VISIBILITY_FACTOR} x WorkerTimeout + BatchingWindowSeconds)."
        )
    if _number(values, "RecordSeconds") >= timeout:
        yield f"RecordSeconds must be below WorkerTimeout ({timeout}), or the worker never starts a record."
    if _number(values, "RenderSeconds") >= _number(values, "RecordSeconds"):
        yield f"RenderSeconds must be below RecordSeconds ({values['RecordSeconds']}): a record takes transfers too."
    kept = _number(values, "RetentionDays") + TTL_LAG_DAYS
    if _number(values, "ObjectDays") < kept:
        yield f"ObjectDays must be at least {kept} (RetentionDays + {TTL_LAG_DAYS}), or links outlive their objects."
    if len({bool(values[name]) for name in NETWORK}) > 1:
        yield f"{', '.join(NETWORK)} belong together: give all of them, or none for functions outside any VPC."


def _number(values: Mapping[str, str], name: str) -> int:
    try:
        return int(values[name])
    except ValueError as error:
        raise SetupFault(f"{name} must be a whole number, not {values[name]!r}.") from error
