"""Rules between template parameters, and the parameters of a local stack."""

import pytest

from infra import local_stack
from infra.deployment import parameters, template
from infra.errors import SetupError

TEMPLATE = template.load_template()
KNOWN = template.parameter_names(TEMPLATE)
GOOD = template.parameter_defaults(TEMPLATE)
VPC = {"VpcId": "vpc-1", "VpcSubnetIds": "subnet-1", "VpcRouteTableIds": "rtb-1"}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"WorkerTimeout": "61", "QueueVisibilityTimeout": "365"}, "at least 366"),
        ({"BatchingWindowSeconds": "31"}, "at least 391"),
        ({"RecordSeconds": "60"}, "RecordSeconds must be below"),
        ({"RenderSeconds": "20"}, "RenderSeconds must be below"),
        ({"ObjectDays": "32"}, "ObjectDays must be at least 33"),
        ({"VpcId": "vpc-1"}, "belong together"),
        ({"VpcSubnetIds": "subnet-1", "VpcRouteTableIds": "rtb-1"}, "belong together"),
        ({"VpcEndpointSubnetIds": "subnet-1"}, "VpcEndpointSubnetIds needs VpcId"),
        (VPC | {"VpcEndpointSecurityGroupId": "sg-1"}, "existing as VpcSqsEndpoint or VpcSnsEndpoint"),
        ({"LoginDomain": "pictures"}, "needs ApiAuth=cognito"),
        ({"UiCloudFront": "true", "UiDomain": "pictures.example.com"}, "belong together"),
        (
            {"UiDomain": "pictures.example.com", "UiCertificateArn": "arn:aws:acm:us-east-1:1:certificate/1"},
            "need UiCloud",
        ),
        ({"UiLogBucket": "logs"}, "need UiCloudFront=true"),
        ({"UiCloudFront": "true", "PublicUi": "true"}, "choose one"),
        ({"WorkerTimeout": "a minute"}, "whole number"),
        ({"OwnerOpenJobs": "99"}, "OwnerOpenJobs must be 0 or at least 100"),
        ({"OwnerDailyBytes": "1000"}, "OwnerDailyBytes must be 0 or at least MaxRawBytes"),
        ({"WatchBuckets": "ours"}, "WatchBuckets has ours, which must be in ImportBuckets too"),
        ({"WatchBuckets": "one,two", "ImportBuckets": "one,three"}, "WatchBuckets has two"),
        ({"Color": "red"}, "no parameter Color"),
    ],
)
def test_contradictions_are_refused(change: dict[str, str], complaint: str) -> None:
    """Values that CloudFormation accepts but the pipeline cannot use are refused by name."""
    with pytest.raises(SetupError, match=complaint):
        parameters.check_parameters(GOOD | change, KNOWN)


def test_the_exact_limit_is_allowed() -> None:
    """Six timeouts and the batching window are enough."""
    parameters.check_parameters(GOOD | {"QueueVisibilityTimeout": "360"}, KNOWN)


@pytest.mark.parametrize("processors", [None, 1, 2, 11, 64, 5000])
def test_local_parameters_are_valid_on_any_machine(processors: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Concurrency is a value that the template allows, for any number of processors."""
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    values = local_stack.local_parameters()
    parameters.check_parameters(GOOD | values, KNOWN)
    for name in ("InteractiveConcurrency", "BulkConcurrency"):
        assert values[name] in TEMPLATE["Parameters"][name]["AllowedValues"]
        assert 2 <= int(values[name]) <= max(2, processors or 1)
