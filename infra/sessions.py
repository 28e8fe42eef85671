"""boto3 clients for tooling: localstack-client for a local engine, plain boto3 for AWS."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from localstack_client.session import Session as LocalSession  # type: ignore[import-untyped]

from infra.errors import SetupError

if TYPE_CHECKING:  # the stubs are a development dependency
    from botocore.model import OperationModel
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sts import STSClient

LOCAL_REGION = "us-east-1"
#: Key ID and secret of the root user on every local engine. Engines that check signatures accept no other root user.
LOCAL_KEY = "test"
#: S3's host of the region. By default, boto3 uses the global host in us-east-1.
REGIONAL_S3 = Config(s3={"us_east_1_regional_endpoint": "regional"})
#: Requests to this machine must not go through the caller's proxy.
_LOCAL = Config(proxies={}, retries={"total_max_attempts": 2, "mode": "standard"}, s3={"addressing_style": "path"})
_DEFAULT_SESSION: Callable[[str], Any] = partial(boto3.client)
#: Variables that override the host given to localstack-client.
_DIVERTING = ("AWS_ENDPOINT_URL", "LOCALSTACK_HOST", "USE_SSL")


@dataclass(frozen=True, slots=True)
class Clients:
    """AWS clients of a deployment. ``s3`` reads and writes only buckets of the caller's own account."""

    cloudformation: "CloudFormationClient"
    s3: "S3Client"
    sts: "STSClient"
    region: str
    #: Returns a client for another service.
    connect: Callable[[str], Any] = _DEFAULT_SESSION


def local_session(endpoint_url: str) -> LocalSession:
    """Return a session like boto3's for a local engine. It ignores AWS settings in the environment."""
    with _unset(*_DIVERTING):
        return LocalSession(
            LOCAL_KEY, LOCAL_KEY, localstack_host=urlsplit(endpoint_url).netloc, region_name=LOCAL_REGION
        )


def local_clients(endpoint_url: str) -> Clients:
    """Return the clients for a local engine."""
    session = local_session(endpoint_url)
    sts = session.client("sts", config=_LOCAL)
    return Clients(
        cloudformation=session.client("cloudformation", config=_LOCAL),
        s3=require_own_buckets(local_s3(endpoint_url), sts),
        sts=sts,
        region=LOCAL_REGION,
        connect=partial(session.client, config=_LOCAL),
    )


def aws_clients(profile: str | None, region: str | None) -> Clients:
    """Return the clients for an AWS account. Raises SetupError if the profile or region is missing."""
    with translate_aws_errors():
        session = boto3.session.Session(profile_name=profile, region_name=region)
        if not session.region_name:
            raise SetupError("No region is set: pass --region or set AWS_DEFAULT_REGION.")
        sts = session.client("sts")
        return Clients(
            cloudformation=session.client("cloudformation"),
            s3=require_own_buckets(session.client("s3", config=REGIONAL_S3), sts),
            sts=sts,
            region=session.region_name,
            connect=partial(session.client),
        )


def local_s3(endpoint_url: str) -> "S3Client":
    """Return an S3 client for the buckets of all accounts on a local engine."""
    client: S3Client = local_session(endpoint_url).client("s3", config=_LOCAL)
    return client


def aws_s3() -> "S3Client":
    """Return an S3 client for the buckets of all AWS accounts. Raises SetupError if no region is set."""
    with translate_aws_errors():
        return boto3.session.Session().client("s3", config=REGIONAL_S3)


def require_own_buckets(s3: "S3Client", sts: "STSClient") -> "S3Client":
    """Make every call of a client name the caller's account as the expected owner of the bucket, and return the client.

    Names of buckets can be guessed, and everybody can create a bucket with a name that is free. S3 refuses a call with
    403 if the bucket belongs to another account.
    """

    @cache
    def get_account() -> str:
        return sts.get_caller_identity()["Account"]

    def add_owner(params: dict[str, Any], model: "OperationModel", **_: object) -> None:
        shape = model.input_shape
        if shape is not None and "ExpectedBucketOwner" in shape.members:  # not in CreateBucket and ListBuckets
            params.setdefault("ExpectedBucketOwner", get_account())

    s3.meta.events.register("provide-client-params.s3", add_owner)
    return s3


@contextmanager
def translate_aws_errors() -> Iterator[None]:
    """Translate the errors of boto3. Raises SetupError, with one sentence, for each of them."""
    try:
        yield
    except ClientError as error:
        details = error.response["Error"]
        raise SetupError(f"{error.operation_name} was refused: {details['Message']} ({details['Code']})") from error
    except BotoCoreError as error:
        raise SetupError(f"AWS cannot be reached with these settings: {error}") from error


@contextmanager
def _unset(*names: str) -> Iterator[None]:
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(kept)
