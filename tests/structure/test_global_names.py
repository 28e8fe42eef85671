"""Names that are unique in an account or in a partition, not only in a region."""

from typing import Any, Final

import pytest
from support.resolved_template import TEMPLATE, Resolver

EVERYTHING: Final = {
    "AccessLogs": "true",
    "ApiAuth": "cognito",
    "ImportBuckets": "ours",
    "WatchBuckets": "ours",
    "KmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/1",
    "LoginDomain": "ours",
    "Reviewer": "true",
    "Tracing": "true",
    "UiCloudFront": "true",
    "VpcId": "vpc-1",
    "VpcSubnetIds": "subnet-1",
    "VpcRouteTableIds": "rtb-1",
}
#: The property that names a resource, for each type whose names are not regional. Without it, CloudFormation generates
#: a name.
NAMED_BY: Final = {
    "AWS::CloudFront::Distribution": "Name",
    "AWS::CloudFront::OriginAccessControl": "Name",
    "AWS::CloudFront::ResponseHeadersPolicy": "Name",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::S3::Bucket": "BucketName",
}
#: Services without global names: a name is unique in an account and a region.
REGIONAL: Final = frozenset(
    {
        *("ApiGateway", "Cognito", "DynamoDB", "EC2", "Events", "Lambda", "Logs", "SNS", "SQS", "Serverless"),
    }
)
#: Types of other services that are regional or have no name.
REGIONAL_TYPES: Final = frozenset(
    {"AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm", "AWS::S3::BucketPolicy"}
)
#: Resources whose name is the same in every stack, and why.
FIXED: Final = {"ReviewerUser": "the name of the user is part of the interface, so one stack per account can have it"}


def _name(resource: str, region: str) -> Any:
    properties = Resolver(**EVERYTHING, **{"AWS::Region": region}).resource(resource) or {}
    config: dict[str, Any] = next((value for name, value in properties.items() if name.endswith("Config")), {})
    return (properties | config).get(NAMED_BY[TEMPLATE["Resources"][resource]["Type"]])


def _of_global_type() -> list[str]:
    return [name for name, each in TEMPLATE["Resources"].items() if each["Type"] in NAMED_BY]


def test_the_scope_of_every_name_is_known() -> None:
    """A new type of resource must be added to one of the lists."""
    kinds = {each["Type"] for each in TEMPLATE["Resources"].values()}
    unknown = {each for each in kinds - NAMED_BY.keys() - REGIONAL_TYPES if each.split("::")[1] not in REGIONAL}
    assert unknown == set()


@pytest.mark.parametrize("resource", _of_global_type())
def test_stacks_in_two_regions_have_different_global_names(resource: str) -> None:
    """With the same prefix: the name contains the region, or CloudFormation generates it."""
    name = _name(resource, "eu-west-1")
    if resource in FIXED:
        assert name == _name(resource, "us-east-1") == "instructor-review"
    else:
        assert name is None or name != _name(resource, "us-east-1")


def test_two_prefixes_have_different_global_names() -> None:
    """In one region."""
    for resource in _of_global_type():
        if resource not in FIXED and _name(resource, "eu-west-1") is not None:
            assert "safelight" in _name(resource, "eu-west-1")
