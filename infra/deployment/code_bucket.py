"""The bucket of a stack's Lambda zips, and of its template if it is too long for a request."""

import base64
import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.deployment.packaging import Package
from infra.errors import SetupError
from infra.sessions import Clients

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import BucketLocationConstraintType
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_NOT_THERE = frozenset({"404", "NoSuchBucket", "NoSuchKey", "NotFound"})
_FORBIDDEN = frozenset({"403", "AccessDenied", "Forbidden"})
_FOREIGN = (
    "The bucket {bucket} belongs to another account, or you are not allowed to list it. Check your permissions, or "
    "deploy with another NamePrefix."
)
#: The only region that S3 does not accept as a location constraint.
_FIRST_REGION = "us-east-1"


def bucket_name(clients: Clients, prefix: str) -> str:
    """Return the name of the bucket. Each stack has its own bucket, so deleting one stack does not affect another."""
    account = clients.sts.get_caller_identity()["Account"]
    return f"{prefix}-code-{account}-{clients.region}"


def upload_packages(clients: Clients, bucket: str, packages: Iterable[Package]) -> None:
    """Upload the packages that are not in the bucket yet, and create the bucket if necessary.

    The key of a package contains a hash of its content. An object with the same key but another size or checksum is
    replaced. Raises SetupError if the bucket belongs to another account.
    """
    _ensure(clients, bucket)
    for package in packages:
        if not _contains(clients, bucket, package):
            clients.s3.put_object(
                Bucket=bucket,
                Key=package.key,
                Body=package.data,
                ContentType="application/zip",
                ChecksumAlgorithm="SHA256",
                ChecksumSHA256=_checksum(package.data),
            )


def upload_template(clients: Clients, bucket: str, body: str) -> str:
    """Upload a template that is too long for a request, and return its URL."""
    key = f"templates/{hashlib.sha256(body.encode()).hexdigest()[:32]}.yaml"
    clients.s3.put_object(Bucket=bucket, Key=key, Body=body.encode(), ContentType="application/yaml")
    return f"{clients.s3.meta.endpoint_url}/{bucket}/{key}"


def empty_bucket(clients: Clients, bucket: str) -> None:
    """Delete every version of every object in the bucket. Do nothing if the bucket does not exist.

    Raises SetupError if S3 refuses to delete an object.
    """
    try:
        for page in clients.s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            found: list[ObjectIdentifierTypeDef] = [
                {"Key": line["Key"], "VersionId": line["VersionId"]}
                for line in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
            ]
            if found:
                answer = clients.s3.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})
                # S3 lists objects that it could not delete here, with status 200.
                for failed in answer.get("Errors", ())[:1]:
                    reason = failed.get("Message") or failed.get("Code")
                    raise SetupError(f"s3://{bucket}/{failed.get('Key')} could not be deleted: {reason}. Try again.")
    except ClientError as error:
        if error.response["Error"]["Code"] not in _NOT_THERE:
            raise


def delete_bucket(clients: Clients, bucket: str) -> None:
    """Empty and delete the bucket. Idempotent. Raises SetupError if the bucket belongs to another account."""
    if _bucket_exists(clients, bucket):
        empty_bucket(clients, bucket)
        clients.s3.delete_bucket(Bucket=bucket)


def _ensure(clients: Clients, bucket: str) -> None:
    if not _bucket_exists(clients, bucket):
        _create(clients, bucket)
    # Also for an existing bucket: an earlier run may have been interrupted right after the creation.
    clients.s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )


def _create(clients: Clients, bucket: str) -> None:
    try:
        if clients.region == _FIRST_REGION:
            clients.s3.create_bucket(Bucket=bucket)
        else:
            location: BucketLocationConstraintType = clients.region  # type: ignore[assignment]
            clients.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": location})
    except clients.s3.exceptions.BucketAlreadyOwnedByYou:
        return  # another deployment has created it in the meantime
    except clients.s3.exceptions.BucketAlreadyExists as error:
        raise SetupError(_FOREIGN.format(bucket=bucket)) from error


def _bucket_exists(clients: Clients, bucket: str) -> bool:
    try:
        clients.s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _NOT_THERE:
            return False
        if code in _FORBIDDEN:
            raise SetupError(_FOREIGN.format(bucket=bucket)) from error
        raise
    return True


def _contains(clients: Clients, bucket: str, package: Package) -> bool:
    """Return True if the bucket contains the package, with its size and checksum."""
    try:
        found = clients.s3.head_object(Bucket=bucket, Key=package.key, ChecksumMode="ENABLED")
    except ClientError as error:
        if error.response["Error"]["Code"] in _NOT_THERE:
            return False
        raise
    return (found["ContentLength"], found.get("ChecksumSHA256")) == (len(package.data), _checksum(package.data))


def _checksum(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()
