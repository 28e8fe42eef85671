"""Rules for the roles and policies of the template."""

import re
from typing import Any

import pytest
from support.template_facts import (
    MOVERS,
    RESOURCES,
    ROLES,
    ROOT,
    actions,
    allowed,
    of_type,
    properties,
    resources,
    statements,
)


def test_no_role_both_reads_and_writes_secrets() -> None:
    """The API cannot read a webhook's secret, the sender cannot change one."""
    rights: dict[str, set[str]] = {}
    for role in ROLES:
        for statement in statements(role):
            if {"Fn::GetAtt": ["WebhookSecretTable", "Arn"]} in resources(statement):
                rights.setdefault(role, set()).update(actions(statement))
    assert rights == {
        "ApiRole": {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"},
        "WebhookRole": {"dynamodb:GetItem"},
    }


def test_functions_that_end_jobs_can_update_counts() -> None:
    """A member is counted in the same transaction, which needs both tables."""
    for role in MOVERS:
        tables = {
            resource["Fn::GetAtt"][0]
            for statement in statements(role)
            if "dynamodb:UpdateItem" in actions(statement)
            for resource in resources(statement)
        }
        assert {"JobTable", "BatchTable"} <= tables


@pytest.mark.parametrize("role", ROLES)
def test_roles_name_their_actions_and_resources(role: str) -> None:
    """No wildcard action, no resource outside the stack."""
    for statement in statements(role):
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in actions(statement)), statement
        for resource in resources(statement):
            assert resource != "*"
            assert isinstance(resource, dict), "a literal ARN is not this stack's"


def test_no_role_scans_or_changes_the_stack() -> None:
    """No role can read a whole table, delete a resource or change permissions."""
    forbidden = re.compile(r":(Delete(?!Message|Object$|Item$)|Scan|Put\w*Policy|Create(?!LogStream))")
    assert not [action for role in ROLES for action in allowed(role) if forbidden.search(action)]


@pytest.mark.parametrize(
    ("role", "deleted"),
    [
        (
            "ApiRole",
            {
                "raw/*",
                "processed/*",
                "assets/*",
                "JobTable",
                "BatchTable",
                "IdempotencyTable",
                "LibraryTable",
                "WebhookTable",
                "WebhookSecretTable",
            },
        ),
        ("WorkerRole", {"processed/*", "raw/direct/*", "raw/bulk/*", "raw/import/*", "raw/pinned/*"}),
        ("UploadRole", set()),
        ("DeadLetterRole", set()),
        ("ReconcilerRole", {"raw/*", "processed/*", "JobTable"}),
        ("WalkerRole", {"BatchTable"}),
        ("NotifierRole", set()),
        ("WebhookRole", set()),
    ],
)
def test_each_function_deletes_only_what_it_must(role: str, deleted: set[str]) -> None:
    """The API deletes jobs and assets, the reconciler finishes deletions, the worker deletes its own late outputs."""
    targets = {
        resource["Fn::GetAtt"][0] if "Fn::GetAtt" in resource else resource["Fn::Sub"].partition("/")[2]
        for statement in statements(role)
        if {"s3:DeleteObject", "dynamodb:DeleteItem"} & set(actions(statement))
        for resource in resources(statement)
    }
    assert targets == deleted


@pytest.mark.parametrize(
    ("role", "prefixes"),
    [
        ("ApiRole", ["processed/*", "dead-letters/*", "assets/*", "raw/direct/*", "raw/bulk/*", "raw/pinned/*"]),
        ("ReconcilerRole", ["raw/direct/*", "raw/bulk/*", "raw/pinned/*", "processed/*"]),
    ],
)
def test_listing_is_limited_to_needed_prefixes(role: str, prefixes: list[str]) -> None:
    """For deletion, dead letters and direct uploads."""
    (statement,) = [each for each in statements(role) if "s3:ListBucket" in actions(each)]
    assert statement["Condition"] == {"StringLike": {"s3:prefix": prefixes}}


@pytest.mark.parametrize(
    ("role", "prefixes"),
    [
        ("ApiRole", ["raw/*", "assets/*"]),
        ("WorkerRole", ["processed/*", "raw/import/*", "raw/pinned/*"]),
        ("DeadLetterRole", ["dead-letters/*"]),
    ],
)
def test_each_function_writes_below_its_own_prefix(role: str, prefixes: list[str]) -> None:
    """The API writes raw images, the worker outputs and copies, the dead-letter function dead letters."""
    writable = [
        resource["Fn::Sub"].partition("/")[2]
        for statement in statements(role)
        if "s3:PutObject" in actions(statement)
        for resource in resources(statement)
    ]
    assert writable == prefixes


def test_only_the_api_and_the_walker_create_jobs() -> None:
    """No other role has PutItem on the table."""
    creators = [
        role
        for role in ROLES
        for statement in statements(role)
        if "dynamodb:PutItem" in actions(statement) and {"Fn::GetAtt": ["JobTable", "Arn"]} in resources(statement)
    ]
    assert creators == ["ApiRole", "WalkerRole"]


def test_roles_allow_exactly_the_calls_of_the_code() -> None:
    """Each call in shared.aws is allowed to a role, and no role allows anything else."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "shared" / "aws").rglob("*.py"))
    named = re.findall(r"\b_?client\.([a-z0-9_]+)\(", source) + re.findall(r'get_paginator\("([a-z0-9_]+)"\)', source)
    called = {name.title().replace("_", "") for name in named} - {"GeneratePresignedUrl", "GetPaginator"}
    # S3 asks for another permission than the call's name says.
    named_otherwise = {
        "DeleteObjects": "DeleteObject",
        "ListObjectsV2": "ListBucket",
        "ListObjectVersions": "ListBucketVersions",
        "HeadObject": "GetObject",
        "CopyObject": "PutObject",
        "CreateMultipartUpload": "PutObject",
        "CompleteMultipartUpload": "PutObject",
        "ListParts": "ListMultipartUploadParts",
        "ListMultipartUploads": "ListBucketMultipartUploads",
        "SendMessageBatch": "SendMessage",
        "PublishBatch": "Publish",
    }
    called = {named_otherwise.get(name, name) for name in called}
    if "TransactWriteItems" in called:  # IAM asks for what is inside, and that is PutItem alone
        called = called - {"TransactWriteItems"} | {"PutItem"}
    by_the_platform = {  # Lambda itself uses these, or S3 decides by them how to answer
        *("logs:CreateLogStream", "logs:PutLogEvents"),
        *("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
        *("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams"),
    }
    watching = {
        each for statement in properties("WatchPolicy")["PolicyDocument"]["Statement"] for each in actions(statement)
    }
    granted = watching.union(*map(allowed, ROLES)) - by_the_platform
    assert {action.partition(":")[2] for action in granted} == called


#: On the roles of all functions, each under a condition.
OPTIONAL_POLICIES = {"TracingPolicy", "NetworkPolicy", "KeyPolicy"}


@pytest.mark.parametrize("policy", sorted(OPTIONAL_POLICIES))
def test_optional_permissions_depend_on_their_parameter(policy: str) -> None:
    """Tracing, VPC and key add their own actions to all roles."""
    condition = RESOURCES[policy]["Condition"]
    for role in ROLES:
        assert {"Fn::If": [condition, {"Ref": policy}, {"Ref": "AWS::NoValue"}]} in properties(role)[
            "ManagedPolicyArns"
        ]
    for statement in properties(policy)["PolicyDocument"]["Statement"]:
        assert not any("*" in action for action in actions(statement))


def test_imports_read_only_the_given_buckets() -> None:
    """Only the API, the worker and the walker, and only for reading."""
    assert RESOURCES["ImportPolicy"]["Condition"] == "ImportIsWanted"
    attached = {"Fn::If": ["ImportIsWanted", {"Ref": "ImportPolicy"}, {"Ref": "AWS::NoValue"}]}
    readers = [role for role in ROLES if attached in properties(role)["ManagedPolicyArns"]]
    assert readers == ["ApiRole", "WorkerRole", "WalkerRole"]
    for statement in properties("ImportPolicy")["PolicyDocument"]["Statement"]:
        assert set(actions(statement)) <= {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"}
        names = statement["Resource"]["Fn::Split"][1]["Fn::Sub"][1]["Names"]["Fn::Join"][1]
        assert names == {"Fn::Split": [",", {"Ref": "ImportBuckets"}]}


def test_only_the_walker_watches_the_given_buckets() -> None:
    """It lists them and receives their events. It writes no object anywhere, so it can't start a loop."""
    attached = {"Fn::If": ["WatchIsWanted", {"Ref": "WatchPolicy"}, {"Ref": "AWS::NoValue"}]}
    assert [role for role in ROLES if attached in properties(role)["ManagedPolicyArns"]] == ["WalkerRole"]
    events, listing = properties("WatchPolicy")["PolicyDocument"]["Statement"]
    assert resources(events) == [{"Fn::GetAtt": ["WatchQueue", "Arn"]}]
    assert actions(listing) == ["s3:ListBucketVersions"]
    names = listing["Resource"]["Fn::Split"][1]["Fn::Sub"][1]["Names"]["Fn::Join"][1]
    assert names == {"Fn::Split": [",", {"Ref": "WatchBuckets"}]}
    assert "s3:PutObject" not in allowed("WalkerRole")


def test_no_role_writes_to_a_bucket_that_can_be_watched() -> None:
    """Objects are written only to the image bucket, which no watch can have. So no watch can see its own results."""
    policies = [
        *(each for role in ROLES for each in statements(role)),
        *(each for policy in of_type("AWS::IAM::ManagedPolicy").values() for each in _list_statements(policy)),
    ]
    writers = [each for each in policies if {"s3:PutObject", "s3:CopyObject", "s3:*"} & {*actions(each)}]
    assert writers
    for statement in writers:
        for resource in resources(statement):
            assert resource["Fn::Sub"].startswith("${ImageBucket.Arn}/"), resource


def _list_statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = policy["Properties"]["PolicyDocument"]["Statement"]
    return [each for each in found if "Fn::If" not in each]


def test_only_s3_for_the_watched_buckets_sends_events() -> None:
    """Of this account. Another account could otherwise make jobs of objects that it names."""
    sending, _ = properties("WatchQueuePolicy")["PolicyDocument"]["Statement"]
    assert (sending["Principal"], sending["Action"]) == ({"Service": "s3.amazonaws.com"}, "sqs:SendMessage")
    assert sending["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    named = sending["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Split"][1]["Fn::Sub"][1]["Names"]["Fn::Join"][1]
    assert named == {"Fn::Split": [",", {"Ref": "WatchBuckets"}]}


def test_there_are_no_other_managed_policies() -> None:
    """Besides these and the reviewers'."""
    own = OPTIONAL_POLICIES | {"ImportPolicy", "WatchPolicy"}
    assert of_type("AWS::IAM::ManagedPolicy").keys() == own | {"ReviewerPolicy"}
    attached = {each["Fn::If"][1]["Ref"] for role in ROLES for each in properties(role)["ManagedPolicyArns"]}
    assert attached == own, "managed by the template, never by AWS"
    assert not of_type("AWS::IAM::Policy")


def test_reviewers_can_only_read() -> None:
    """Neither password nor keys, and at most ten policies."""
    assert properties("ReviewerUser").keys() == {"UserName", "Groups"}
    assert not of_type("AWS::IAM::AccessKey")
    policies = of_type("AWS::IAM::ManagedPolicy").values()
    attached = [each for each in policies if "Groups" in each["Properties"]]
    assert 0 < len(attached) <= 10
    reading = re.compile(r"\w+:(Get|List|Describe|Filter|Query|Scan|StartQuery)|apigateway:GET$|kms:Decrypt$")
    told = properties("ReviewerPolicy")["PolicyDocument"]["Statement"]
    for statement in (each.get("Fn::If", [None, each])[1] for each in told):
        for action in actions(statement):
            assert reading.match(action), action
            assert "*" not in action
    named = {action.split(":")[0] for each in told for action in actions(each.get("Fn::If", [None, each])[1])}
    assert {"lambda", "apigateway", "s3", "logs", "cloudwatch", "dynamodb"} <= named
    assert all(RESOURCES[each]["Condition"] == "ReviewerIsWanted" for each in RESOURCES if each.startswith("Reviewer"))
