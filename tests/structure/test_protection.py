"""What holds data is encrypted, closed, asked by TLS alone and not lost by mistake: every resource, of any name.

The template is read as a deployment on AWS has it, by its defaults, and with the parameters that change these things.
"""

import json
from typing import Any

import pytest
from support.resolved_template import TEMPLATE, Resolver

KEY = "arn:aws:kms:eu-west-1:123456789012:key/1"
#: With the queue of watched buckets.
WATCHED = {"ImportBuckets": "ours", "WatchBuckets": "ours"}
DEFAULT = Resolver(**WATCHED)
KEYED = Resolver(KmsKeyArn=KEY, **WATCHED)
UNPROTECTED = Resolver(ProtectData="false", **WATCHED)
PLAIN = Resolver(RequireTls="false", **WATCHED)
TRACED = Resolver(Tracing="true")
LOGGED = Resolver(AccessLogs="true")
#: Tables that need no protection, and why.
SHORT_LIVED = {"IdempotencyTable": "what it remembers is worth nothing after a day"}
#: Buckets whose content needs no key of one's own, and why.
PUBLIC = {"UiBucket": "the page's files are public, and a key of one's own would keep CloudFront out"}


def of_type(kind: str) -> list[str]:
    """Name the resources of a type."""
    return [name for name, each in TEMPLATE["Resources"].items() if each["Type"] == kind]


def of(stack: Resolver, name: str) -> dict[str, Any]:
    """Return the properties of a resource that this stack has."""
    found = stack.resource(name)
    assert found is not None, f"there is no {name} in this stack"
    return found


def refusals(stack: Resolver, kind: str, member: str, name: str) -> list[Any]:
    """Return what the policies of a resource deny to plain HTTP."""
    policies = [found for each in of_type(kind) if (found := stack.resource(each)) is not None]
    ours = [
        each for each in policies if f"<{name}>" in (each[member] if isinstance(each[member], list) else [each[member]])
    ]
    return [
        statement["Resource"]
        for policy in ours
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    ]


@pytest.mark.parametrize("bucket", of_type("AWS::S3::Bucket"))
def test_every_bucket_is_private_encrypted_and_needs_tls(bucket: str) -> None:
    """By default, only this account reaches a bucket."""
    declared = of(DEFAULT, bucket)
    assert declared["PublicAccessBlockConfiguration"] == dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    assert declared["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (rule,) = declared["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    refused = refusals(DEFAULT, "AWS::S3::BucketPolicy", "Bucket", bucket)
    assert refused == [[f"<{bucket}.Arn>", f"<{bucket}.Arn>/*"]]


@pytest.mark.parametrize("bucket", of_type("AWS::S3::Bucket"))
def test_kms_key_encrypts_every_private_bucket(bucket: str) -> None:
    """With bucket keys."""
    (rule,) = of(KEYED, bucket)["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    by_default = rule["ServerSideEncryptionByDefault"]
    if bucket in PUBLIC:
        assert by_default == {"SSEAlgorithm": "AES256"}
        return
    assert by_default == {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
    assert rule["BucketKeyEnabled"] is True


@pytest.mark.parametrize("table", of_type("AWS::DynamoDB::Table"))
def test_every_table_is_encrypted_and_on_demand(table: str) -> None:
    """With KmsKeyArn if it is set."""
    assert of(DEFAULT, table)["SSESpecification"] == {"SSEEnabled": True}
    assert of(KEYED, table)["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}
    assert of(DEFAULT, table)["BillingMode"] == "PAY_PER_REQUEST"


@pytest.mark.parametrize("table", of_type("AWS::DynamoDB::Table"))
def test_protect_data_protects_every_table(table: str) -> None:
    """Deletion protection and point-in-time recovery; ProtectData=false turns both off."""
    if table in SHORT_LIVED:
        assert "TimeToLiveSpecification" in of(DEFAULT, table)
        return
    for stack, expected in ((DEFAULT, True), (UNPROTECTED, False)):
        declared = of(stack, table)
        assert declared["DeletionProtectionEnabled"] is expected
        assert declared["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": expected}


@pytest.mark.parametrize("queue", of_type("AWS::SQS::Queue"))
def test_every_queue_is_encrypted_bounded_and_needs_tls(queue: str) -> None:
    """Retention of at most 14 days, long polling, and no plain HTTP."""
    assert of(DEFAULT, queue)["SqsManagedSseEnabled"] is True
    assert of(KEYED, queue)["KmsMasterKeyId"] == KEY
    assert "SqsManagedSseEnabled" not in of(KEYED, queue), "SQS takes one of both"
    assert 0 < int(of(DEFAULT, queue)["MessageRetentionPeriod"]) <= 14 * 24 * 3600
    assert refusals(DEFAULT, "AWS::SQS::QueuePolicy", "Queues", queue) == [f"<{queue}.Arn>"]
    assert refusals(PLAIN, "AWS::SQS::QueuePolicy", "Queues", queue) == []


@pytest.mark.parametrize("topic", of_type("AWS::SNS::Topic"))
def test_every_topic_needs_tls(topic: str) -> None:
    """With KmsKeyArn if it is set."""
    assert refusals(DEFAULT, "AWS::SNS::TopicPolicy", "Topics", topic) == [f"<{topic}>"]
    assert of(KEYED, topic)["KmsMasterKeyId"] == KEY


@pytest.mark.parametrize("function", of_type("AWS::Serverless::Function"))
def test_every_function_has_its_own_role_and_log_group(function: str) -> None:
    """Only Lambda can assume the role, and the log group has a retention."""
    own = of(DEFAULT, function)
    others = [of(DEFAULT, each) for each in of_type("AWS::Serverless::Function") if each != function]
    assert own["Role"] not in [each["Role"] for each in others]
    (trust,) = of(DEFAULT, own["Role"].removeprefix("<").removesuffix(".Arn>"))["AssumeRolePolicyDocument"]["Statement"]
    assert (trust["Principal"], trust["Action"]) == ({"Service": "lambda.amazonaws.com"}, "sts:AssumeRole")
    name = own["FunctionName"]
    (group,) = [
        found
        for each in of_type("AWS::Logs::LogGroup")
        if (found := of(LOGGED, each))["LogGroupName"] == f"/aws/lambda/{name}"
    ]
    assert int(group["RetentionInDays"]) > 0


@pytest.mark.parametrize("function", of_type("AWS::Serverless::Function"))
def test_tracing_covers_every_function(function: str) -> None:
    """And the stage; without Tracing, no role may send traces."""
    assert of(DEFAULT, function)["Tracing"] == "PassThrough"
    assert of(TRACED, function)["Tracing"] == "Active"
    role = of(TRACED, function)["Role"].removeprefix("<").removesuffix(".Arn>")
    assert "<TracingPolicy>" in of(TRACED, role)["ManagedPolicyArns"]
    assert DEFAULT.resource("TracingPolicy") is None
    assert [of(stack, "ApiStage")["TracingEnabled"] for stack in (DEFAULT, TRACED)] == [False, True]


def test_access_logs_name_callers_and_outcomes() -> None:
    """As JSON without query strings; off by default, because API Gateway needs a role of the account."""
    assert "AccessLogSetting" not in of(DEFAULT, "ApiStage")
    assert DEFAULT.resource("AccessLogGroup") is None
    setting = of(LOGGED, "ApiStage")["AccessLogSetting"]
    assert setting["DestinationArn"] == "<AccessLogGroup.Arn>"
    fields = {"request_id", "time", "ip", "caller", "method", "path", "status"}
    assert fields <= json.loads(setting["Format"]).keys()
    assert "queryString" not in setting["Format"]
    assert of(LOGGED, "AccessLogGroup")["RetentionInDays"] == "30"


KEEPERS = (
    "AWS::S3::Bucket",
    "AWS::DynamoDB::Table",
    "AWS::SQS::Queue",
    "AWS::Logs::LogGroup",
)


@pytest.mark.parametrize("name", [name for kind in KEEPERS for name in of_type(kind)])
def test_every_data_resource_has_deletion_and_replacement_policies(name: str) -> None:
    """Every data resource has deletion and replacement policies."""
    declared = TEMPLATE["Resources"][name]
    assert declared["DeletionPolicy"] in {"Delete", "Retain"}
    assert declared["UpdateReplacePolicy"] in {"Delete", "Retain"}
    if declared["Type"] == "AWS::DynamoDB::Table" and name not in SHORT_LIVED:
        assert declared["UpdateReplacePolicy"] == "Retain"


def test_the_user_pool_is_protected() -> None:
    """As the tables are."""
    protected = Resolver(ApiAuth="cognito")
    assert of(protected, "CallerPool")["DeletionProtection"] == "ACTIVE"
    assert of(Resolver(ApiAuth="cognito", ProtectData="false"), "CallerPool")["DeletionProtection"] == "INACTIVE"


@pytest.mark.parametrize("exception", [*SHORT_LIVED, *PUBLIC])
def test_every_exception_names_an_existing_resource(exception: str) -> None:
    """Every exception names an existing resource."""
    assert exception in TEMPLATE["Resources"]
