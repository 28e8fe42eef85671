"""boto3 clients with the time-outs and retries that fit inside a Lambda invocation."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from shared.version import VERSION

if TYPE_CHECKING:  # the stubs are a development dependency
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

#: Calls in all, the first included. botocore backs off between them with jitter.
MAX_ATTEMPTS = 3
#: Spares almost half of what botocore itself takes of a call: it would put its user agent together twice for each, and
#: compare every value with the service's model, which the type checker and the service do too.
LEAN = Config(user_agent=f"safelight/{VERSION} boto3/{boto3.__version__}", parameter_validation=False)


@dataclass(frozen=True, slots=True)
class Clients:
    """One client for each service; the endpoint comes from ``AWS_ENDPOINT_URL`` where that is set."""

    s3: "S3Client"
    dynamodb: "DynamoDBClient"
    sqs: "SQSClient"


def make_clients(call_seconds: int, *, connections: int = 10) -> Clients:
    """Make the clients. One try of a call may take ``call_seconds``.

    botocore's own time-out of 60 seconds outlives most function time-outs, so a hanging service would
    kill the invocation instead of failing the call.
    """
    config = _config(call_seconds, connections)
    # All from boto3's default session: a session of its own parses every service model anew, 60 ms for S3 alone.
    return Clients(
        s3=make_s3_client(config),
        dynamodb=boto3.client("dynamodb", config=config),
        sqs=boto3.client("sqs", config=config),
    )


@dataclass(frozen=True, slots=True)
class NotifierClients:
    """What telling of a job's end takes."""

    sns: "SNSClient"
    sqs: "SQSClient"


@dataclass(frozen=True, slots=True)
class WebhookClients:
    """What deliveries to webhooks take."""

    dynamodb: "DynamoDBClient"
    sqs: "SQSClient"


def make_notifier_clients(call_seconds: int) -> NotifierClients:
    """Make the clients of the notifier, with the time-outs of :func:`make_clients`."""
    config = _config(call_seconds)
    return NotifierClients(sns=boto3.client("sns", config=config), sqs=boto3.client("sqs", config=config))


def make_webhook_clients(call_seconds: int) -> WebhookClients:
    """Make the clients of the webhook function, with the time-outs of :func:`make_clients`."""
    config = _config(call_seconds)
    return WebhookClients(dynamodb=boto3.client("dynamodb", config=config), sqs=boto3.client("sqs", config=config))


def make_presigner(endpoint_url: str) -> "S3Client":
    """Make an S3 client whose links point at the endpoint that a caller can reach.

    The signature covers the host, so a link can't be redirected afterwards. An empty ``endpoint_url``
    means S3's own: virtual style makes botocore name the region's host there, while its default for links is
    the global one, which redirects for a new bucket outside us-east-1.
    """
    config = Config(s3={"addressing_style": "path" if endpoint_url else "virtual"}).merge(LEAN)
    return make_s3_client(config, endpoint_url or None)


def make_s3_client(config: Config, endpoint_url: str | None = None) -> "S3Client":
    """Make an S3 client that signs with version 4, which every engine checks."""
    signing = Config(signature_version="s3v4")
    return boto3.client("s3", config=config.merge(signing), endpoint_url=endpoint_url)


def _config(call_seconds: int, connections: int = 10) -> Config:
    return Config(
        connect_timeout=min(call_seconds, 3),
        read_timeout=call_seconds,
        retries={"total_max_attempts": MAX_ATTEMPTS, "mode": "standard"},
        max_pool_connections=connections,
    ).merge(LEAN)
