"""The code bucket on moto: its owner and the content of its zips are verified."""

import gzip
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from infra.deployment import code_bucket, page
from infra.deployment.packaging import Package
from infra.errors import SetupError
from infra.sessions import Clients, aws_clients, require_own_buckets

ACCOUNT = "123456789012"
PACKAGE = Package("api", b"the zip")
BUCKET = "code-bucket"
Calls = list[tuple[str, Mapping[str, Any]]]


@pytest.fixture
def clients() -> Iterator[Clients]:
    """Clients of an account on moto."""
    with mock_aws():
        yield aws_clients(None, "eu-west-1")


@pytest.fixture
def calls(clients: Clients) -> Calls:
    """All calls of S3, with the parameters that are sent."""
    seen: Calls = []
    clients.s3.meta.events.register(
        "before-parameter-build.s3", lambda params, model, **_: seen.append((model.name, dict(params)))
    )
    return seen


def test_every_call_names_the_expected_owner(clients: Clients, calls: Calls) -> None:
    """All calls of a deployment and of its removal, except CreateBucket, which has no such parameter."""
    code_bucket.upload_packages(clients, BUCKET, [PACKAGE])
    code_bucket.upload_template(clients, BUCKET, "Resources: {}")
    page.publish(clients, BUCKET, {"index.html": page.File(b"<html>", "text/html", page.REVALIDATE)})
    code_bucket.delete_bucket(clients, BUCKET)
    assert {name for name, _ in calls} == {
        *("HeadBucket", "CreateBucket", "PutPublicAccessBlock", "HeadObject", "PutObject", "ListObjectsV2"),
        *("DeleteObject", "ListObjectVersions", "DeleteObjects", "DeleteBucket"),
    }
    assert {name for name, params in calls if params.get("ExpectedBucketOwner") != ACCOUNT} == {"CreateBucket"}


def test_scripts_of_the_page_are_stored_compressed(clients: Clients) -> None:
    """S3 does not compress. The same file is not uploaded again, and images stay as they are."""
    code_bucket.upload_packages(clients, BUCKET, [PACKAGE])
    script, picture = b"const one = 1;\n" * 100, b"\xff\xd8\xff" * 100
    files = {
        "main.js": page.File(script, page.TYPES[".js"], page.CACHE_FOREVER),
        "sample.jpg": page.File(picture, page.TYPES[".jpg"], page.CACHE_FOREVER),
    }
    assert page.publish(clients, BUCKET, files) == len(files)
    stored = clients.s3.get_object(Bucket=BUCKET, Key="main.js")
    data = stored["Body"].read()
    assert stored["ContentEncoding"] == "gzip"
    assert gzip.decompress(data) == script
    assert len(data) < len(script)
    unchanged = clients.s3.get_object(Bucket=BUCKET, Key="sample.jpg")
    assert "ContentEncoding" not in unchanged
    assert unchanged["Body"].read() == picture
    assert page.publish(clients, BUCKET, files) == 0


def test_every_operation_with_an_expected_owner_gets_it() -> None:
    """Also calls that the deployment does not make yet."""
    with mock_aws():
        s3 = require_own_buckets(boto3.client("s3"), boto3.client("sts"))
        for name in s3.meta.service_model.operation_names:
            model = s3.meta.service_model.operation_model(name)
            params: dict[str, Any] = {}
            s3.meta.events.emit(f"provide-client-params.s3.{name}", params=params, model=model)
            has_owner = model.input_shape is not None and "ExpectedBucketOwner" in model.input_shape.members
            assert params == ({"ExpectedBucketOwner": ACCOUNT} if has_owner else {}), name


@pytest.mark.parametrize(("operation", "code"), [("HeadBucket", "403"), ("CreateBucket", "BucketAlreadyExists")])
def test_nothing_is_uploaded_to_the_bucket_of_another_account(
    operation: str, code: str, clients: Clients, calls: Calls
) -> None:
    """S3 refuses the expected owner, or somebody creates the bucket between two calls."""

    def refuse(**_: Any) -> None:
        error: Any = clients.s3.exceptions.from_code(code)
        raise error({"Error": {"Code": code, "Message": ""}}, operation)

    clients.s3.meta.events.register(f"before-call.s3.{operation}", refuse)
    with pytest.raises(SetupError, match="belongs to another account"):
        code_bucket.upload_packages(clients, BUCKET, [PACKAGE])
    assert {name for name, _ in calls} <= {"HeadBucket", "CreateBucket"}


def test_bucket_of_an_interrupted_run_is_closed(clients: Clients) -> None:
    """A bucket that exists gets its public access block."""
    code_bucket.upload_packages(clients, BUCKET, [])
    clients.s3.delete_public_access_block(Bucket=BUCKET)
    code_bucket.upload_packages(clients, BUCKET, [])
    found = clients.s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert set(found.values()) == {True}


@pytest.mark.parametrize("stored", [b"another", b"the zip that is longer", b""])
def test_zip_with_other_content_is_replaced(stored: bytes, clients: Clients) -> None:
    """The key of an object proves nothing about its content."""
    code_bucket.upload_packages(clients, BUCKET, [])
    clients.s3.put_object(Bucket=BUCKET, Key=PACKAGE.key, Body=stored, ChecksumAlgorithm="SHA256")
    code_bucket.upload_packages(clients, BUCKET, [PACKAGE])
    assert clients.s3.get_object(Bucket=BUCKET, Key=PACKAGE.key)["Body"].read() == PACKAGE.data


def test_zip_without_checksum_is_replaced(clients: Clients, calls: Calls) -> None:
    """One with its checksum is not uploaded again."""
    code_bucket.upload_packages(clients, BUCKET, [])
    clients.s3.put_object(Bucket=BUCKET, Key=PACKAGE.key, Body=PACKAGE.data, ChecksumAlgorithm="CRC32")
    calls.clear()
    code_bucket.upload_packages(clients, BUCKET, [PACKAGE])
    code_bucket.upload_packages(clients, BUCKET, [PACKAGE])
    assert [name for name, _ in calls].count("PutObject") == 1


def test_foreign_bucket_is_not_deleted(clients: Clients, calls: Calls) -> None:
    """Neither its objects."""

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadBucket")

    clients.s3.meta.events.register("before-call.s3.HeadBucket", refuse)
    with pytest.raises(SetupError, match="belongs to another account"):
        code_bucket.delete_bucket(clients, BUCKET)
    assert [name for name, _ in calls] == ["HeadBucket"]
