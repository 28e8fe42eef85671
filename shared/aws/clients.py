"""boto3 clients with timeouts and retries that fit inside a Lambda invocation."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import boto3
from botocore.config import Config
from botocore.utils import determine_content_length

from shared.version import VERSION

if TYPE_CHECKING:  # the stubs are a development dependency
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

#: Tries of a call, including the first. botocore waits between them with jitter.
MAX_ATTEMPTS = 3
#: Settings that save almost half of botocore's CPU time per call. By default, botocore builds the user agent twice for
#: each call, and validates the parameters, which the type checker and the service also validate.
LEAN = Config(user_agent=f"safelight/{VERSION} boto3/{boto3.__version__}", parameter_validation=False)

#: Bodies of this many bytes or more are sent only after S3 has agreed to read them, as with the AWS SDK for Go
#: (``ContinueHeaderThresholdBytes``). botocore waits for S3 before it sends any body, even of one byte.
EXPECT_BYTES: Final = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Clients:
    """The clients of the Lambdas that read or write jobs. ``AWS_ENDPOINT_URL`` sets their endpoint."""

    s3: "S3Client"
    dynamodb: "DynamoDBClient"
    sqs: "SQSClient"


def make_clients(call_seconds: int, *, connections: int = 10) -> Clients:
    """Create the clients with a timeout of ``call_seconds`` per try.

    botocore's default of 60 seconds exceeds the timeout of most Lambdas, so a service that hangs would end the
    invocation instead of failing the call.
    """
    config = _config(call_seconds, connections)
    # Use boto3's default session: a new session parses every service model again, which takes 60 ms for S3 alone.
    return Clients(
        s3=make_s3_client(config),
        dynamodb=boto3.client("dynamodb", config=config),
        sqs=boto3.client("sqs", config=config),
    )


@dataclass(frozen=True, slots=True)
class NotifierClients:
    """The clients of the notifier."""

    sns: "SNSClient"
    sqs: "SQSClient"


@dataclass(frozen=True, slots=True)
class WebhookClients:
    """The clients of the webhook Lambda."""

    dynamodb: "DynamoDBClient"
    sqs: "SQSClient"


def make_notifier_clients(call_seconds: int) -> NotifierClients:
    """Create the clients of the notifier, with the timeouts of :func:`make_clients`."""
    config = _config(call_seconds)
    return NotifierClients(sns=boto3.client("sns", config=config), sqs=boto3.client("sqs", config=config))


def make_webhook_clients(call_seconds: int) -> WebhookClients:
    """Create the clients of the webhook Lambda, with the timeouts of :func:`make_clients`."""
    config = _config(call_seconds)
    return WebhookClients(dynamodb=boto3.client("dynamodb", config=config), sqs=boto3.client("sqs", config=config))


def make_presigner(endpoint_url: str) -> "S3Client":
    """Create an S3 client that signs links for an endpoint that callers can reach.

    The signature covers the host, so the host of a link can't be changed later. An empty ``endpoint_url`` means S3's
    own endpoint, with virtual-hosted-style links, which contain the host of the region. By default, links contain the
    global host, which redirects requests for new buckets outside us-east-1.
    """
    return make_s3_client(LEAN, endpoint_url or None, "path" if endpoint_url else "virtual")


def make_s3_client(
    config: Config, endpoint_url: str | None = None, style: Literal["auto", "path", "virtual"] = "auto"
) -> "S3Client":
    """Create an S3 client that uses signature version 4, which all engines check, and the host of its region.

    In us-east-1, boto3's default is S3's global host, but the policies of the web page do not allow this host.

    The client hashes no bytes twice: a signature does not cover the body, because each stored object has a SHA-256
    checksum, which the signature covers and S3 compares. Bytes that are read are compared with the digest of the job.
    It sends bodies below ``EXPECT_BYTES`` in one round trip.
    """
    s3 = Config(
        signature_version="s3v4",
        s3={
            "addressing_style": style,
            "us_east_1_regional_endpoint": "regional",
            "payload_signing_enabled": False,
        },
        response_checksum_validation="when_required",
    )
    client = boto3.client("s3", config=config.merge(s3), endpoint_url=endpoint_url)
    client.meta.events.register_last("before-call.s3", _send_small_bodies_at_once)
    return client


def _send_small_bodies_at_once(params: dict[str, Any], **_: Any) -> None:  # noqa: ANN401 - botocore's event
    if (determine_content_length(params.get("body")) or 0) < EXPECT_BYTES:
        params["headers"].pop("Expect", None)


def _config(call_seconds: int, connections: int = 10) -> Config:
    return Config(
        connect_timeout=min(call_seconds, 3),
        read_timeout=call_seconds,
        retries={"total_max_attempts": MAX_ATTEMPTS, "mode": "standard"},
        max_pool_connections=connections,
    ).merge(LEAN)
