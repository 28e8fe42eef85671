"""The IAM policies of somebody who deploys Safelight, derived from AWS's schemas of the template's resource types.

A schema lists the permissions that CloudFormation needs, in the name of the caller, to create, read, update and delete
a resource (https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html, ``handlers``). A
schema covers all properties of a type. ``UNUSED`` are permissions for properties that the template does not set.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from support.strict_aws.declarations import declare
from support.strict_aws.deployment import EVERYTHING
from support.strict_aws.schemas import SCHEMAS, load_schema

#: Characters without spaces; https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
MAX_CHARACTERS: Final = 6144
CODE: Final = dict.fromkeys(("CodeBucket", "ApiCodeKey", "WorkerCodeKey", "NotifierCodeKey"), "x")
#: Permissions of the schemas that the template does not need, and why. A pattern excludes no permission to read, unless
#: it excludes a whole service: handlers may read properties that are not set.
UNUSED: Final[Mapping[str, str]] = {
    "*:*Kinesis*": "tables send no data to Kinesis",
    "cloudfront:*ConnectionGroup": "the distribution belongs to no tenant",
    "cloudfront:*StagingConfig": "there is no staging distribution",
    "cloudfront:GetVpcOrigin": "the page's bucket is not in a VPC",
    "cloudfront:updateDistribution": "the sign-in page has no domain of its own",
    "dynamodb:*Import*": "tables are created empty",
    "dynamodb:*Item": "tables have no replicas in other regions",
    "dynamodb:*Replica": "tables have no replicas in other regions",
    "dynamodb:Query": "tables have no replicas in other regions",
    "elasticfilesystem:*": "functions have no file system",
    "firehose:*": "log groups send no data to Firehose",
    "iam:CreateLoginProfile": "the reviewer has no password",
    "iam:*PermissionsBoundary": "roles and users have no boundary",
    "iam:*UserPolicy": "the reviewer has only the policy of the group",
    "iam:CreateServiceLinkedRole": "tables have no replicas; the sign-in page has no domain of its own",
    "iam:UpdateLoginProfile": "the reviewer has no password",
    "iam:PutGroupPolicy": "the group has only a managed policy",
    "kinesis:*": "tables send no data to Kinesis",
    "kms:ReEncrypt*": "users' messages are not sent by a function",
    "lambda:*CapacityProvider": "functions run on Lambda's own machines",
    "lambda:*CodeSigningConfig": "packages are not signed",
    "lambda:*ScalingConfig": "functions run on Lambda's own machines",
    "lambda:GetLayerVersion": "functions have no layers",
    "lambda:PublishVersion": "functions have no versions",
    "logs:*BearerTokenAuthentication": "log groups accept no bearer tokens",
    "logs:CreateLogDelivery": "log groups send no data elsewhere",
    "logs:CreateLogStream": "tables are created empty",
    "logs:DescribeLogStreams": "tables are created empty",
    "logs:PutLogEvents": "tables are created empty",
    "s3:*Abac": "buckets use no tags for access",
    "s3:*Accelerate*": "buckets have no transfer acceleration",
    "s3:*Analytics*": "buckets have no analytics",
    "s3:*IntelligentTiering*": "buckets have no tiers",
    "s3:*Inventory*": "buckets have no inventory",
    "s3:*Metadata*": "buckets have no metadata tables",
    "s3:GetObjectMetadata": "tables are created empty",
    "s3:*Metrics*": "buckets have no request metrics",
    "s3:*ObjectLock*": "objects can be deleted",
    "s3:*Replication*": "buckets have no replicas",
    "s3:*Website*": "buckets are no websites",
    "s3:PutObjectAcl": "buckets have no ACLs",
    "s3:REST.PUT.OBJECT": "log groups send no data elsewhere",
    "s3files:*": "functions have no file system",
    "s3tables:*": "buckets have no metadata tables",
    "vpc-lattice:*": "no endpoint leads to a service network",
    "vpce:*": "endpoints are in the region of their VPC",
}
#: IAM checks these resources; the name of a stack must begin with ``safelight``.
IAM_RESOURCES: Final = tuple(
    f"arn:*:iam::*:{each}"
    for each in ("role/safelight*", "policy/safelight*", "group/safelight*", "user/instructor-review")
)
#: Operations whose permission has another name. Others are named like their operation.
PERMISSIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "apigateway:GetAccount": ("apigateway:GET",),
    "s3:DeleteObjects": ("s3:DeleteObject", "s3:DeleteObjectVersion"),
    "s3:HeadBucket": ("s3:ListBucket",),
    "s3:HeadObject": ("s3:GetObject",),
    "s3:ListObjectVersions": ("s3:ListBucketVersions",),
    "s3:ListObjectsV2": ("s3:ListBucket",),
    "s3:PutPublicAccessBlock": ("s3:PutBucketPublicAccessBlock",),
    "sts:GetCallerIdentity": (),
}
#: Calls of ``infra/deployment``, as operations; tests/integration/test_deployer.py records them.
OWN_CALLS: Final = (
    *(
        f"cloudformation:{each}"
        for each in (
            *("CreateChangeSet", "DeleteChangeSet", "DescribeChangeSet", "ExecuteChangeSet", "DescribeStackEvents"),
            *("DescribeStacks", "ListStackResources", "DeleteStack", "ContinueUpdateRollback", "RollbackStack"),
        )
    ),
    *(
        f"s3:{each}"
        for each in (
            *("HeadBucket", "CreateBucket", "PutPublicAccessBlock", "HeadObject", "PutObject", "ListObjectsV2"),
            *("DeleteObject", "ListObjectVersions", "DeleteObjects", "DeleteBucket"),
        )
    ),
    *(f"dynamodb:{each}" for each in ("DescribeTable", "Scan", "UpdateTable")),
    "apigateway:GetAccount",
    "sts:GetCallerIdentity",
)
OWN_OPTIONAL_CALLS: Final = (
    *(f"cognito-idp:{each}" for each in ("DescribeUserPool", "ListUsers", "UpdateUserPool")),
    *(
        f"ec2:{each}"
        for each in (
            *("DescribeVpcEndpoints", "DescribeSubnets", "DescribeRouteTables", "DescribeSecurityGroups"),
            *("DescribeVpcEndpointServices", "DescribeVpcAttribute"),
        )
    ),
)


def build_policies() -> dict[str, dict[str, Any]]:
    """Return the policy that every deployment needs, and the one for optional parameters, by file name."""
    plain = [CODE | {"ApiAuth": auth, "AlarmEmail": "ops@example.com"} for auth in ("iam", "api-key", "none")]
    core = {each.kind for values in plain for each in declare(values).resources.values()}
    options = {each.kind for each in declare(CODE | EVERYTHING).resources.values()} - core
    needed = {*list_handler_permissions(core), *list_call_permissions(OWN_CALLS)}
    optional = {*list_handler_permissions(options), *list_call_permissions(OWN_OPTIONAL_CALLS)}
    of_key = {each for each in needed if each.startswith("kms:")}
    return {
        "deploy.json": build_policy(needed - of_key),
        "deploy-options.json": build_policy((optional - needed) | of_key),
    }


def list_handler_permissions(kinds: Iterable[str]) -> Iterator[str]:
    """Yield the permissions with which CloudFormation creates, reads, updates and deletes these types."""
    for kind in kinds:
        for verb in ("create", "read", "update", "delete"):
            handler = load_schema(kind).get("handlers", {}).get(verb, {})
            yield from (each for each in handler.get("permissions", []) if not find_reason(each))


def list_call_permissions(operations: Iterable[str]) -> Iterator[str]:
    """Yield the permissions of operations such as ``s3:HeadBucket``."""
    for operation in operations:
        yield from PERMISSIONS.get(operation, (operation,))


def find_reason(permission: str) -> str:
    """Return why the template does not need a permission, or an empty string."""
    is_read = re.match(r"[\w-]+:(Get|List|Describe)", permission)
    patterns = [each for each in UNUSED if not is_read or each.endswith(":*") or "*" not in each]
    return next((UNUSED[each] for each in patterns if fnmatchcase(permission, each)), "")


def build_policy(permissions: set[str]) -> dict[str, Any]:
    """Return a policy document that allows these permissions."""
    plain = sorted(each for each in permissions if not each.startswith("iam:"))
    iam = sorted(each for each in permissions if each.startswith("iam:") and each != "iam:PassRole")
    statements: list[dict[str, Any]] = [{"Effect": "Allow", "Action": plain, "Resource": "*"}]
    statements.append({"Effect": "Allow", "Action": iam, "Resource": [*IAM_RESOURCES]})
    if "iam:PassRole" in permissions:
        passed = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
        roles = IAM_RESOURCES[0]
        statements.append({"Effect": "Allow", "Action": "iam:PassRole", "Resource": roles, "Condition": passed})
    return {"Version": "2012-10-17", "Statement": statements}


def read_schema_date() -> str:
    """Return the date of cfn-lint's copy of the schemas, as YYYY-MM-DD."""
    told = json.loads((SCHEMAS / "version.json").read_text(encoding="utf-8"))
    return str(told["schema_date"])[:10]
