"""Rules that the template must keep."""

import hashlib
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cfnlint.api import lint_file
from pydantic import BaseModel
from samtranslator.translator.transform import transform  # type: ignore[import-untyped]

from infra.deployment import parameters, template
from infra.deployment.wheels import PYTHON_VERSION
from notifier.webhooks import RECORD_TIME
from shared.errors import error_classes
from shared.jobs import object_keys
from shared.settings import (
    ApiSettings,
    DeadLetterSettings,
    NotifierSettings,
    ReconcilerSettings,
    UploadSettings,
    WalkerSettings,
    WebhookSettings,
    WorkerSettings,
)
from shared.webhooks.delivery import MAX_TRIES, RETRY_DELAYS
from shared.webhooks.event import JOB_EVENTS

ROOT = Path(__file__).parents[2]
SETTINGS_PAGE = ROOT / "docs" / "settings.md"
TEMPLATE = template.load_template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
DEFAULTS = template.parameter_defaults(TEMPLATE)
MAPPINGS = ("InteractiveMapping", "BulkMapping", "UploadMapping", "WatchMapping", "DeadLetterMapping")
JOB_QUEUES = ("JobQueue", "BulkQueue")
#: Queues whose dead letters are those of jobs.
SOURCES = (*JOB_QUEUES, "UploadQueue")
QUEUES = (
    *(*SOURCES, "WatchQueue", "DeadLetterQueue", "EventDeadLetterQueue"),
    *("WebhookQueue", "WebhookDeadLetterQueue"),
)
#: Roles of the functions that move jobs.
MOVERS = ("ApiRole", "WorkerRole", "DeadLetterRole", "ReconcilerRole", "WalkerRole")
ROLES = (
    *("ApiRole", "WorkerRole", "UploadRole", "DeadLetterRole", "ReconcilerRole", "WalkerRole"),
    *("NotifierRole", "WebhookRole"),
)
FUNCTIONS: dict[str, type[BaseModel]] = {
    "ApiFunction": ApiSettings,
    "WorkerFunction": WorkerSettings,
    "UploadFunction": UploadSettings,
    "DeadLetterFunction": DeadLetterSettings,
    "ReconcilerFunction": ReconcilerSettings,
    "WalkerFunction": WalkerSettings,
    "NotifierFunction": NotifierSettings,
    "WebhookFunction": WebhookSettings,
}
API_TYPES = tuple(
    f"AWS::ApiGateway::{name}" for name in ("RestApi", "Resource", "Method", "GatewayResponse", "Authorizer")
)


def properties(logical_id: str) -> dict[str, Any]:
    """Return the properties of one resource."""
    found: dict[str, Any] = RESOURCES[logical_id]["Properties"]
    return found


def of_type(*types: str) -> dict[str, Any]:
    """Pick the resources of these types."""
    return {name: resource for name, resource in RESOURCES.items() if resource["Type"] in types}


def number(value: Any) -> int:
    """Resolve a literal, a parameter or a look-up in Counts by the template's defaults."""
    if isinstance(value, dict) and "Ref" in value:
        return int(DEFAULTS[value["Ref"]])
    if isinstance(value, dict):
        mapping, key, member = value["Fn::FindInMap"]
        return int(TEMPLATE["Mappings"][mapping][str(number(key))][member])
    return int(value)


def statements(role: str) -> list[dict[str, Any]]:
    """List the statements of a role's own policies."""
    policies = properties(role)["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def actions(statement: dict[str, Any]) -> list[str]:
    """List what a statement allows, whichever way it is written."""
    listed = statement["Action"]
    return [listed] if isinstance(listed, str) else listed


def resources(statement: dict[str, Any]) -> list[Any]:
    """List what a statement is about."""
    listed = statement["Resource"]
    return listed if isinstance(listed, list) else [listed]


def allowed(role: str) -> set[str]:
    """Collect every action that a role has."""
    return {action for statement in statements(role) for action in actions(statement)}


def environment(function: str) -> dict[str, Any]:
    """Return the environment variables of a function."""
    found: dict[str, Any] = properties(function)["Environment"]["Variables"]
    return found


def test_cfn_lint_finds_nothing() -> None:
    """The template passes cfn-lint, also after the SAM transform."""
    assert lint_file(template.TEMPLATE) == []


def test_the_transform_adds_no_resources() -> None:
    """SAM creates no role, API or mapping of its own."""
    plain = transform(template.load_template(), {}, _NoPolicies())
    kinds = {name: resource["Type"] for name, resource in plain["Resources"].items()}
    expected = {name: resource["Type"].replace("Serverless", "Lambda") for name, resource in RESOURCES.items()}
    assert kinds == expected


def test_the_template_uses_no_yaml_aliases() -> None:
    """CloudFormation does not support anchors and aliases."""
    text = template.TEMPLATE.read_text(encoding="utf-8")
    assert not re.findall(r":\s+[&*][A-Za-z]", text)


def test_every_parameter_is_described_and_bounded() -> None:
    """Each parameter has a description and limits."""
    for name, declared in TEMPLATE["Parameters"].items():
        assert declared["Description"], name
        bounds = {"AllowedValues", "AllowedPattern", "MinValue", "MinLength"}
        assert bounds & declared.keys(), name
        assert ("MinValue" in declared) == ("MaxValue" in declared), name


def test_parameter_defaults_are_consistent() -> None:
    """The defaults pass the rules of a deployment."""
    parameters.check_parameters(DEFAULTS, template.parameter_names(TEMPLATE))


@pytest.mark.parametrize("queue", JOB_QUEUES)
@pytest.mark.parametrize("mapping", MAPPINGS[:2])
def test_visibility_is_six_function_timeouts(queue: str, mapping: str) -> None:
    """Plus the batching window."""
    timeout = number(properties("WorkerFunction")["Timeout"])
    window = number(properties(mapping)["MaximumBatchingWindowInSeconds"])
    assert number(properties(queue)["VisibilityTimeout"]) >= parameters.VISIBILITY_FACTOR * timeout + window


@pytest.mark.parametrize(
    ("kind", "function"), [("DeadLetter", "DeadLetter"), ("Upload", "Upload"), ("Watch", "Walker")]
)
def test_other_visibilities_are_six_function_timeouts(kind: str, function: str) -> None:
    """Those of the dead-letter queue and of the queues of S3's events."""
    timeout = number(properties(f"{function}Function")["Timeout"])
    assert number(properties(f"{kind}Queue")["VisibilityTimeout"]) >= parameters.VISIBILITY_FACTOR * timeout


def test_the_lease_is_the_function_timeout() -> None:
    """A redelivery finds the claim expired."""
    assert environment("WorkerFunction")["LEASE_SECONDS"] == properties("WorkerFunction")["Timeout"]


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_one_bad_record_does_not_fail_its_batch(mapping: str) -> None:
    """Each mapping uses partial batch responses and limits its own concurrency."""
    assert properties(mapping)["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert number(properties(mapping)["ScalingConfig"]["MaximumConcurrency"]) >= 2


@pytest.mark.parametrize("function", [each for each in FUNCTIONS if each != "ApiFunction"])
def test_no_reserved_concurrency(function: str) -> None:
    """Reserved concurrency would use up the receives of throttled batches; mappings limit concurrency instead."""
    assert "ReservedConcurrentExecutions" not in properties(function)


@pytest.mark.parametrize("count", ["MaxReceiveCount", "InteractiveConcurrency", "BulkConcurrency", "BatchSize"])
def test_every_allowed_count_is_in_the_mapping(count: str) -> None:
    """Every allowed count is in the mapping."""
    declared = TEMPLATE["Parameters"][count]
    assert declared["Type"] == "String", "LocalStack would make a number of the key"
    assert set(declared["AllowedValues"]) <= TEMPLATE["Mappings"]["Counts"].keys()


@pytest.mark.parametrize("queue", SOURCES)
def test_dead_letters_are_kept_longer_than_messages(queue: str) -> None:
    """A message's age counts from its first send."""
    source = properties(queue)
    assert number(source["RedrivePolicy"]["maxReceiveCount"]) >= 5
    kept = number(properties("DeadLetterQueue")["MessageRetentionPeriod"])
    assert kept == 14 * 24 * 3600
    assert kept > number(source["MessageRetentionPeriod"])


def test_only_the_job_queues_may_use_the_dead_letter_queue() -> None:
    """The allowed names are those of the job queues."""
    admitted = properties("DeadLetterQueue")["RedriveAllowPolicy"]["sourceQueueArns"]
    names = [arn["Fn::Sub"].rsplit(":", 1)[-1] for arn in admitted]
    assert names == [properties(queue)["QueueName"]["Fn::Sub"] for queue in SOURCES]
    assert all(properties(queue)["RedriveAllowPolicy"] == {"redrivePermission": "denyAll"} for queue in SOURCES)


@pytest.mark.parametrize("queue", QUEUES)
def test_queues_are_encrypted_and_need_tls(queue: str) -> None:
    """Queues are encrypted and need tls."""
    assert properties(queue)["SqsManagedSseEnabled"] == {"Fn::If": ["KeyIsOurs", {"Ref": "AWS::NoValue"}, True]}
    policy = properties(f"{queue}Policy")
    assert policy["Queues"] == [{"Ref": queue}]
    _assert_refuses_plain_http(policy["PolicyDocument"])


def test_direct_uploads_notify_their_queue() -> None:
    """Each upload prefix has its queue, no other object sends an event, and only S3 may send it.

    With FairQueues, the events go to the upload function, which adds the owner's group.
    """
    told = properties("ImageBucket")["NotificationConfiguration"]["QueueConfigurations"]
    queues = {each["Filter"]["S3Key"]["Rules"][0]["Value"]: each["Queue"]["Fn::If"] for each in told}
    fair = {"Fn::GetAtt": ["UploadQueue", "Arn"]}
    assert queues == {
        object_keys.DIRECT_PREFIX: ["QueuesAreFair", fair, {"Fn::GetAtt": ["JobQueue", "Arn"]}],
        object_keys.BULK_PREFIX: ["QueuesAreFair", fair, {"Fn::GetAtt": ["BulkQueue", "Arn"]}],
    }
    assert RESOURCES["ImageBucket"]["DependsOn"] == [f"{queue}Policy" for queue in SOURCES]
    for queue in SOURCES:
        (allowing,) = [
            statement
            for statement in properties(f"{queue}Policy")["PolicyDocument"]["Statement"]
            if statement.get("Effect") == "Allow"
        ]
        assert allowing["Principal"] == {"Service": "s3.amazonaws.com"}
        assert allowing["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_bucket_is_private_and_encrypted() -> None:
    """All four public access blocks, no ACLs, encryption, no plain HTTP."""
    bucket = properties("ImageBucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    rule = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
    assert rule["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": {"Fn::If": ["KeyIsOurs", "aws:kms", "AES256"]},
        "KMSMasterKeyID": {"Fn::If": ["KeyIsOurs", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]},
    }
    _assert_refuses_plain_http(properties("ImageBucketPolicy")["PolicyDocument"])


def test_the_page_bucket_is_encrypted() -> None:
    """And has no ACLs."""
    bucket = properties("UiBucket")
    assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    rule = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"


def test_the_page_bucket_is_private_by_default() -> None:
    """With PublicUi, everyone can read objects and nothing else."""
    assert DEFAULTS["PublicUi"] == "false"
    blocked = properties("UiBucket")["PublicAccessBlockConfiguration"]
    by_choice = {"Fn::If": ["UiIsPublic", False, True]}
    assert blocked == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": True,
        "BlockPublicPolicy": by_choice,
        "RestrictPublicBuckets": by_choice,
    }
    declared = properties("UiBucketPolicy")["PolicyDocument"]["Statement"]
    statements = {condition: given for condition, given, _ in (each["Fn::If"] for each in declared)}
    assert statements.keys() == {"UiIsPublic", "UiHasDistribution", "TlsIsRequired"}
    public = statements["UiIsPublic"]
    assert (public["Effect"], public["Action"], public["Principal"]) == ("Allow", "s3:GetObject", "*")
    _assert_refuses_plain_http({"Statement": [statements["TlsIsRequired"]]})


def test_cors_allows_only_signed_uploads_and_downloads() -> None:
    """Cors allows only signed uploads and downloads."""
    (rule,) = properties("ImageBucket")["CorsConfiguration"]["CorsRules"]
    assert set(rule["AllowedMethods"]) == {"GET", "HEAD", "POST", "PUT", "DELETE"}
    assert rule["ExposedHeaders"] == ["ETag"], "a browser completes a multipart upload with the ETag of each part"


def test_preflight_needs_no_credentials() -> None:
    """OPTIONS has no authorization and goes to the function."""
    preflight = properties("ApiPreflightMethod")
    assert (preflight["HttpMethod"], preflight["AuthorizationType"]) == ("OPTIONS", "NONE")
    assert preflight["Integration"] == properties("ApiProxyMethod")["Integration"]
    assert preflight["ResourceId"] == properties("ApiProxyMethod")["ResourceId"]


def test_every_prefix_of_the_bucket_expires() -> None:
    """Each prefix that the code uses has a lifecycle rule."""
    rules = properties("ImageBucket")["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"] for rule in rules if rule.get("ExpirationInDays") == {"Ref": "ObjectDays"}}
    assert expiring == {object_keys.RAW_PREFIX, object_keys.PROCESSED_PREFIX, object_keys.DEAD_LETTER_PREFIX}
    assert object_keys.ASSET_PREFIX not in expiring, "what a caller keeps has no age"
    assert any("AbortIncompleteMultipartUpload" in rule for rule in rules)


def test_the_table_has_its_keys_and_indexes() -> None:
    """As in the data model, on demand and encrypted."""
    table = properties("JobTable")
    assert _key_schema(table) == ["ID"]
    indexes = {index["IndexName"]: index for index in table["GlobalSecondaryIndexes"]}
    assert {name: _key_schema(index) for name, index in indexes.items()} == {
        "Open": ["OpenShard", "DueAt"],
        "ByBatch": ["BatchID", "ID"],
        "Recent": ["OwnerShard", "ID"],
        "Dead": ["DeadShard", "DeadReason"],
    }
    assert all(index["Projection"] == {"ProjectionType": "KEYS_ONLY"} for index in indexes.values())
    assert {line["AttributeType"] for line in table["AttributeDefinitions"]} == {"S"}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"]["SSEEnabled"] is True
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ExpiresAt", "Enabled": True}


def test_the_stream_of_finished_jobs_reaches_the_notifier() -> None:
    """From its beginning, filtered by exactly the terminal statuses.

    A failed batch is retried in halves for half a day; then its position goes to a queue.
    """
    stream = {"Fn::If": ["NotificationsAreOn", {"StreamViewType": "NEW_IMAGE"}, {"Ref": "AWS::NoValue"}]}
    assert properties("JobTable")["StreamSpecification"] == stream
    mapping = properties("NotifierMapping")
    assert RESOURCES["NotifierMapping"]["Condition"] == "NotificationsAreOn"
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == -1
    assert 6 * 3600 <= mapping["MaximumRecordAgeInSeconds"] < 24 * 3600, "a stream keeps its records for a day"
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"] == ["EventDeadLetterQueue", "Arn"]
    (chosen,) = mapping["FilterCriteria"]["Filters"]
    pattern = json.loads(chosen["Pattern"])
    assert pattern["eventName"] == ["MODIFY"]
    assert set(pattern["dynamodb"]["NewImage"]["Status"]["S"]) == {status.value for status in JOB_EVENTS}


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


def test_the_webhook_tables_have_their_keys() -> None:
    """By owner; the log expires, and both tables are encrypted."""
    assert _key_schema(properties("WebhookTable")) == ["Owner", "Entry"]
    assert _key_schema(properties("WebhookSecretTable")) == ["Owner", "Name"]
    (index,) = properties("WebhookTable")["GlobalSecondaryIndexes"]
    assert (index["IndexName"], _key_schema(index)) == ("Deferred", ["DeferredBy", "ResumeAt"])
    assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}
    assert properties("WebhookTable")["TimeToLiveSpecification"] == {"AttributeName": "ExpiresAt", "Enabled": True}
    for table in ("WebhookTable", "WebhookSecretTable"):
        assert properties(table)["SSESpecification"]["SSEEnabled"] is True


def test_delivery_messages_outlive_all_attempts() -> None:
    """In age and in receives."""
    queue = properties("WebhookQueue")
    longest = sum(RETRY_DELAYS, timedelta()) * 1.2
    assert queue["MessageRetentionPeriod"] > longest.total_seconds()
    assert queue["RedrivePolicy"]["maxReceiveCount"] > 2 * MAX_TRIES
    assert queue["VisibilityTimeout"] >= parameters.VISIBILITY_FACTOR * properties("WebhookFunction")["Timeout"]
    assert RECORD_TIME.total_seconds() < properties("WebhookFunction")["Timeout"]
    assert TEMPLATE["Parameters"]["WebhookTargets"]["Default"] == "public"


def test_the_idempotency_table_expires() -> None:
    """On demand and encrypted."""
    table = properties("IdempotencyTable")
    assert _key_schema(table) == ["ID"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"]["SSEEnabled"] is True
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ExpiresAt", "Enabled": True}


def test_the_batch_table_has_its_keys() -> None:
    """A batch and its counts share a partition, an index finds an owner's batches, and all items expire."""
    table = properties("BatchTable")
    assert _key_schema(table) == ["ID", "Part"]
    indexes = {index["IndexName"]: _key_schema(index) for index in table["GlobalSecondaryIndexes"]}
    assert indexes == {"ByOwner": ["Owner", "ID"]}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"]["SSEEnabled"] is True
    assert table["TimeToLiveSpecification"] == {"AttributeName": "ExpiresAt", "Enabled": True}


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


def test_the_library_table_has_its_keys() -> None:
    """By owner and name, on demand and encrypted."""
    table = properties("LibraryTable")
    assert _key_schema(table) == ["Owner", "Entry"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"]["SSEEnabled"] is True
    assert "TimeToLiveSpecification" not in table


@pytest.mark.parametrize(
    "data", ["ImageBucket", "JobTable", "LibraryTable", "BatchTable", "WebhookTable", "WebhookSecretTable"]
)
def test_no_update_destroys_data(data: str) -> None:
    """If an update replaces the bucket or a table, the old one is kept."""
    assert RESOURCES[data]["UpdateReplacePolicy"] == "Retain"


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


@pytest.mark.parametrize(("function", "settings"), FUNCTIONS.items())
def test_functions_get_exactly_their_settings(function: str, settings: type[BaseModel]) -> None:
    """And the variables of Powertools."""
    own = {name for name in environment(function) if not name.startswith("POWERTOOLS_")}
    assert own == {name.upper() for name in settings.model_fields}


def test_the_settings_page_is_complete() -> None:
    """docs/settings.md has a row for every parameter, with its default, and every variable of another name."""
    page = SETTINGS_PAGE.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", page, re.MULTILINE))
    parameters = TEMPLATE["Parameters"].keys()
    variables = {name for function in FUNCTIONS for name in environment(function)}
    alike = {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper() for name in parameters}
    assert parameters | (variables - alike) <= rows.keys() <= parameters | variables
    for name, default in DEFAULTS.items():
        assert f"| `{default}` |" in f"{rows[name]}|" if default else "| empty |" in f"{rows[name]}|", name


def test_functions_have_their_own_log_groups() -> None:
    """With a retention."""
    for function in FUNCTIONS:
        stem = function.removesuffix("Function")
        group = properties(f"{stem}LogGroup")
        assert group["LogGroupName"]["Fn::Sub"] == f"/aws/lambda/{properties(function)['FunctionName']['Fn::Sub']}"
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
        assert RESOURCES[function]["DependsOn"] == f"{stem}LogGroup"


def test_zips_are_built_for_the_runtime() -> None:
    """The wheels are for the Python of the functions."""
    assert {properties(function)["Runtime"] for function in FUNCTIONS} == {f"python{PYTHON_VERSION}"}


def test_binary_types_do_not_include_text() -> None:
    """They are listed one by one."""
    types = properties("RestApi")["BinaryMediaTypes"]
    assert "text/plain" not in types
    assert not any("*" in each for each in types)
    assert "multipart/form-data" in types


#: Seconds in the gateway's own refusals. A daily quota takes longer.
RETRY_AFTER = {
    "THROTTLED": "'1'",
    "QUOTA_EXCEEDED": "'3600'",
    "INTEGRATION_FAILURE": "'1'",
    "INTEGRATION_TIMEOUT": "'5'",
}


@pytest.mark.parametrize("answer", of_type("AWS::ApiGateway::GatewayResponse"))
def test_gateway_responses_are_problem_documents(answer: str) -> None:
    """With a documented code."""
    declared = properties(answer)
    document = json.loads(declared["ResponseTemplates"]["application/json"])
    assert {"type", "title", "status", "detail", "code", "retriable", "request_id"} <= document.keys()
    assert str(document["status"]) == declared["StatusCode"]
    headers = {
        "gatewayresponse.header.Content-Type": "'application/problem+json'",
        "gatewayresponse.header.Access-Control-Allow-Origin": "'*'",
    }
    if declared["StatusCode"] in {"429", "503"}:
        headers["gatewayresponse.header.Access-Control-Expose-Headers"] = "'Retry-After'"
        headers["gatewayresponse.header.Retry-After"] = RETRY_AFTER[declared["ResponseType"]]
    assert declared["ResponseParameters"] == headers
    known = {each.code: each for each in error_classes()}
    assert document["code"] in known
    assert document["title"] == known[document["code"]].title
    assert document["retriable"] == known[document["code"]].retriable


def test_a_change_of_the_api_is_deployed() -> None:
    """Deployments are named after a hash of the API, so a change creates a new snapshot."""
    shown = json.dumps(of_type(*API_TYPES), sort_keys=True)
    digest = hashlib.sha256(shown.encode()).hexdigest()[:8]
    deployments = of_type("AWS::ApiGateway::Deployment")
    expected = {f"Api{way}Deployment{digest}" for way in ("Signed", "Keyed", "Token", "Open")}
    assert deployments.keys() == expected, f"rename the deployments in the template so that they end in {digest}"


@pytest.mark.parametrize("deployment", of_type("AWS::ApiGateway::Deployment"))
def test_a_deployment_depends_on_all_methods_and_responses(deployment: str) -> None:
    """A deployment depends on all methods and responses."""
    waits = set(RESOURCES[deployment]["DependsOn"])
    assert waits == of_type("AWS::ApiGateway::Method", "AWS::ApiGateway::GatewayResponse").keys()


def test_each_api_auth_has_its_deployment() -> None:
    """So a change of ApiAuth creates a new snapshot."""
    conditions = {resource["Condition"] for resource in of_type("AWS::ApiGateway::Deployment").values()}
    tested = {json.dumps(TEMPLATE["Conditions"][name]) for name in conditions}
    values = TEMPLATE["Parameters"]["ApiAuth"]["AllowedValues"]
    assert tested == {json.dumps({"Fn::Equals": [{"Ref": "ApiAuth"}, value]}) for value in values}


def test_the_api_requires_signatures_by_default() -> None:
    """Only ApiAuth=none requires nothing."""
    assert DEFAULTS["ApiAuth"] == "iam"
    for method in of_type("AWS::ApiGateway::Method").values():
        asked = method["Properties"]
        if asked["HttpMethod"] == "OPTIONS":
            continue  # a browser's question, which has no credentials
        if asked["ResourceId"] == {"Ref": "ApiTokenProxyResource"}:
            assert asked["AuthorizationType"] == "NONE"  # the function checks the upload token
            continue
        otherwise = {"Fn::If": ["AuthIsCognito", "COGNITO_USER_POOLS", "NONE"]}
        assert asked["AuthorizationType"] == {"Fn::If": ["AuthIsIam", "AWS_IAM", otherwise]}
        assert asked["AuthorizerId"]["Fn::If"][:2] == ["AuthIsCognito", {"Ref": "ApiAuthorizer"}]
        assert asked["ApiKeyRequired"] == {"Fn::If": ["AuthIsApiKey", True, False]}


def test_every_api_auth_has_limits() -> None:
    """The stage limits all callers together; the usage plan limits each key."""
    (everything,) = properties("ApiStage")["MethodSettings"]
    assert (everything["HttpMethod"], everything["ResourcePath"]) == ("*", "/*")
    assert everything["ThrottlingRateLimit"] == {"Ref": "ThrottleRate"}
    plan = properties("CallerPlan")
    assert plan["Throttle"] == {"RateLimit": {"Ref": "KeyRate"}, "BurstLimit": {"Ref": "KeyBurst"}}
    assert plan["Quota"] == {"Limit": {"Ref": "KeyDailyQuota"}, "Period": "DAY"}


def test_users_cannot_sign_up() -> None:
    """Only an administrator creates users, and the pool does not reveal who exists."""
    assert properties("CallerPool")["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert properties("CallerPoolClient")["PreventUserExistenceErrors"] == "ENABLED"


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


@pytest.mark.parametrize("function", FUNCTIONS)
def test_functions_can_run_in_a_vpc(function: str) -> None:
    """In its subnets, with TLS egress only and endpoints for their services."""
    wanted, config, otherwise = properties(function)["VpcConfig"]["Fn::If"]
    assert (wanted, otherwise) == ("VpcIsWanted", {"Ref": "AWS::NoValue"})
    assert config["SecurityGroupIds"] == [{"Fn::GetAtt": ["FunctionSecurityGroup", "GroupId"]}]
    assert not properties("FunctionSecurityGroup").get("SecurityGroupIngress")
    assert {rule["FromPort"] for rule in properties("FunctionSecurityGroup")["SecurityGroupEgress"]} == {443}
    kinds = {
        re.findall(r"Region}\.(\w+)'", str(each["Properties"]["ServiceName"]))[0]: each["Properties"]["VpcEndpointType"]
        for each in of_type("AWS::EC2::VPCEndpoint").values()
    }
    assert kinds == {"s3": "Gateway", "dynamodb": "Gateway", "sqs": "Interface", "sns": "Interface"}


@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("AWS::DynamoDB::Table", ("SSESpecification", "KMSMasterKeyId")),
        ("AWS::SQS::Queue", ("KmsMasterKeyId",)),
        ("AWS::SNS::Topic", ("KmsMasterKeyId",)),
        ("AWS::Logs::LogGroup", ("KmsKeyId",)),
        ("AWS::Serverless::Function", ("KmsKeyArn",)),
    ],
)
def test_kms_key_encrypts_everything(kind: str, where: tuple[str, ...]) -> None:
    """Without KmsKeyArn, each service uses its own key."""
    for name, resource in of_type(kind).items():
        value = resource["Properties"]
        for part in where:
            value = value[part]
        assert value == {"Fn::If": ["KeyIsOurs", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]}, name


@pytest.mark.parametrize("group", of_type("AWS::Logs::LogGroup"))
def test_every_log_group_has_a_retention(group: str) -> None:
    """Every log group has a retention."""
    assert properties(group)["RetentionInDays"] == {"Ref": "LogRetentionDays"}


class _NoPolicies:
    """The template names no AWS managed policy, so SAM needs no list of them."""

    def load(self) -> dict[str, str]:
        return {}


def _key_schema(table: dict[str, Any]) -> list[str]:
    by_type = {line["KeyType"]: line["AttributeName"] for line in table["KeySchema"]}
    return [by_type[kind] for kind in ("HASH", "RANGE") if kind in by_type]


def _assert_refuses_plain_http(document: dict[str, Any]) -> None:
    told = [statement.get("Fn::If", [None, statement])[1] for statement in document["Statement"]]
    assert any(
        statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for statement in told
    )
