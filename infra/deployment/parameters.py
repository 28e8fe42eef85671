"""Rules between template parameters that CloudFormation cannot express."""

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from infra.errors import SetupError
from shared.jobs.batch import MAX_MEMBERS

#: AWS recommends a visibility timeout of six function timeouts, so that throttled batches can be retried.
VISIBILITY_FACTOR = 6
#: DynamoDB removes an expired item within two days. S3 rounds to whole days, which can add one more day.
TTL_LAG_DAYS = 3

NETWORK = ("VpcId", "VpcSubnetIds", "VpcRouteTableIds")
INTERFACE_ENDPOINTS = ("VpcSqsEndpoint", "VpcSnsEndpoint")
CUSTOM_DOMAIN = ("UiDomain", "UiCertificateArn")


def check_parameters(values: Mapping[str, str], known: AbstractSet[str]) -> None:
    """Check the names of template parameters and the rules between their values.

    ``values`` include the defaults. CloudFormation itself checks the type, range and pattern of each parameter.
    Raises SetupError if a name is unknown or a rule is broken.
    """
    unknown = sorted(values.keys() - known)
    if unknown:
        raise SetupError(f"The template has no parameter {unknown[0]}; docs/settings.md lists them.")
    problem = next(_contradictions(values), None)
    if problem:
        raise SetupError(problem)


def _contradictions(values: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each broken rule."""
    timeout, window = _number(values, "WorkerTimeout"), _number(values, "BatchingWindowSeconds")
    visibility = _number(values, "QueueVisibilityTimeout")
    least = VISIBILITY_FACTOR * timeout + window
    if values["LoginDomain"] and values["ApiAuth"] != "cognito":
        yield "LoginDomain is the domain of Cognito's login page: it needs ApiAuth=cognito."
    if len({bool(values[name]) for name in CUSTOM_DOMAIN}) > 1:
        yield f"{' and '.join(CUSTOM_DOMAIN)} belong together: CloudFront needs a certificate for a custom domain."
    if (values["UiDomain"] or values["UiLogBucket"]) and values["UiCloudFront"] != "true":
        yield "UiDomain and UiLogBucket configure CloudFront: they need UiCloudFront=true."
    if values["UiCloudFront"] == values["PublicUi"] == "true":
        yield "PublicUi opens the page's bucket and UiCloudFront keeps it private: choose one."
    if visibility < least:
        yield (
            f"QueueVisibilityTimeout is {visibility} but must be at least {least} "
            f"({VISIBILITY_FACTOR} x WorkerTimeout + BatchingWindowSeconds)."
        )
    if _number(values, "RecordSeconds") >= timeout:
        yield f"RecordSeconds must be below WorkerTimeout ({timeout}), or the worker never starts a record."
    if _number(values, "RenderSeconds") >= _number(values, "RecordSeconds"):
        yield f"RenderSeconds must be below RecordSeconds ({values['RecordSeconds']}): a record includes transfers."
    yield from _contradictory_limits(values)
    yield from _unreadable_buckets(values)
    kept = _number(values, "RetentionDays") + TTL_LAG_DAYS
    if _number(values, "ObjectDays") < kept:
        yield f"ObjectDays must be at least {kept} (RetentionDays + {TTL_LAG_DAYS}), or links outlive their objects."
    if len({bool(values[name]) for name in NETWORK}) > 1:
        yield f"{', '.join(NETWORK)} belong together: set all of them, or none to run outside a VPC."
    yield from _contradictory_endpoints(values)


def _contradictory_endpoints(values: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each parameter of endpoints that would have no effect."""
    kinds = {values[name] for name in INTERFACE_ENDPOINTS}
    if values["VpcEndpointSubnetIds"] and ("create" not in kinds or not values["VpcId"]):
        yield f"VpcEndpointSubnetIds needs VpcId and create as {' or '.join(INTERFACE_ENDPOINTS)}."
    if values["VpcEndpointSecurityGroupId"] and ("existing" not in kinds or not values["VpcId"]):
        yield f"VpcEndpointSecurityGroupId needs VpcId and existing as {' or '.join(INTERFACE_ENDPOINTS)}."


def _unreadable_buckets(values: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each watched bucket whose objects could not be imported."""
    for bucket in sorted({*values["WatchBuckets"].split(",")} - {*values["ImportBuckets"].split(",")} - {""}):
        yield f"WatchBuckets has {bucket}, which must be in ImportBuckets too: a watch imports its objects."


def _contradictory_limits(values: Mapping[str, str]) -> Iterator[str]:
    """Yield a sentence for each limit of an owner that valid requests could never keep."""
    if 0 < _number(values, "OwnerOpenJobs") < MAX_MEMBERS:
        yield f"OwnerOpenJobs must be 0 or at least {MAX_MEMBERS}: a request can create that many members of a batch."
    if 0 < _number(values, "OwnerDailyBytes") < _number(values, "MaxRawBytes"):
        yield "OwnerDailyBytes must be 0 or at least MaxRawBytes, or the largest images are never accepted."


def _number(values: Mapping[str, str], name: str) -> int:
    try:
        return int(values[name])
    except ValueError as error:
        raise SetupError(f"{name} must be a whole number, not {values[name]!r}.") from error
