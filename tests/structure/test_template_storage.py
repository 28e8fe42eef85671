"""Rules for the buckets and tables of the template, and for their encryption."""

from typing import Any

import pytest
from support.template_facts import (
    DEFAULTS,
    RESOURCES,
    of_type,
    properties,
    require_tls,
)

from shared.jobs import object_keys


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
    require_tls(properties("ImageBucketPolicy")["PolicyDocument"])


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
    require_tls({"Statement": [statements["TlsIsRequired"]]})


def test_cors_allows_only_signed_uploads_and_downloads() -> None:
    """Cors allows only signed uploads and downloads."""
    (rule,) = properties("ImageBucket")["CorsConfiguration"]["CorsRules"]
    assert set(rule["AllowedMethods"]) == {"GET", "HEAD", "POST", "PUT", "DELETE"}
    assert rule["ExposedHeaders"] == ["ETag"], "a browser completes a multipart upload with the ETag of each part"


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


def _key_schema(table: dict[str, Any]) -> list[str]:
    by_type = {line["KeyType"]: line["AttributeName"] for line in table["KeySchema"]}
    return [by_type[kind] for kind in ("HASH", "RANGE") if kind in by_type]
