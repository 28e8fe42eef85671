"""Dependencies of the API Lambda: settings, clients and stores, created once per execution environment.

Tests replace ``get_dependencies`` with the resolver's ``dependency_overrides``.
"""

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache
from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.utilities.data_classes.api_gateway_proxy_event import APIGatewayProxyEvent
from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

from api.http.gateway_event import GRANT, IS_OPEN, OPEN_PATH
from api.http.links import Links
from shared.aws.clients import make_clients, make_presigner
from shared.aws.dynamodb.asset_table import AssetTable
from shared.aws.dynamodb.batch_members import BatchMembers
from shared.aws.dynamodb.batch_table import BatchTable
from shared.aws.dynamodb.idempotency.deletion_log import DeletionLog
from shared.aws.dynamodb.idempotency.request_log import RequestLog
from shared.aws.dynamodb.idempotency.token_buckets import TokenBuckets
from shared.aws.dynamodb.idempotency.token_table import TokenTable
from shared.aws.dynamodb.job_indexes import DeadLetterIndex
from shared.aws.dynamodb.job_listing import JobListing
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.dynamodb.owner_quotas import OwnerQuotas
from shared.aws.dynamodb.preset_table import PresetTable
from shared.aws.dynamodb.walks.batch_operations import BatchOperations
from shared.aws.dynamodb.watches.watch_objects import WatchObjects
from shared.aws.dynamodb.watches.watch_table import WatchTable
from shared.aws.dynamodb.webhooks.delivery_table import DeliveryTable
from shared.aws.dynamodb.webhooks.webhook_secrets import WebhookSecrets
from shared.aws.dynamodb.webhooks.webhook_table import WebhookTable
from shared.aws.s3.asset_store import AssetStore
from shared.aws.s3.image_store import ImageStore
from shared.aws.s3.source_store import SourceStore
from shared.aws.sqs import JobQueues, SqsQueue
from shared.clock import Clock, utc_now
from shared.errors import TokenInvalid
from shared.jobs.job import ANONYMOUS
from shared.jobs.upload_token import UploadToken
from shared.observability import make_logger
from shared.pipeline.limits import Limits
from shared.settings import SAME_HOST, ApiSettings


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Settings, clients and stores that the use cases of the API need."""

    settings: ApiSettings
    jobs: JobTable
    listing: JobListing
    batches: BatchTable
    batch_operations: BatchOperations
    members: BatchMembers
    watches: WatchTable
    watch_objects: WatchObjects
    images: ImageStore
    sources: SourceStore
    queues: JobQueues
    requests: RequestLog
    token_buckets: TokenBuckets
    tokens: TokenTable
    deletions: DeletionLog
    dead_letters: DeadLetterIndex
    presets: PresetTable
    assets: AssetTable
    asset_images: AssetStore
    webhooks: WebhookTable
    webhook_secrets: WebhookSecrets
    deliveries: DeliveryTable
    webhook_queue: SqsQueue
    clock: Clock

    @property
    def limits(self) -> Limits:
        """Return the limits that the worker checks."""
        return self.settings.limits()

    @property
    def due_after(self) -> timedelta:
        """Return how long a job can wait before the reconciler requeues it."""
        return timedelta(seconds=self.settings.redispatch_seconds)

    @property
    def retention(self) -> timedelta:
        """Return how long jobs and batches are kept before they expire."""
        return timedelta(days=self.settings.retention_days)

    def links_for(self, event: BaseProxyEvent) -> Links:
        """Return a factory of links to this API, with the scheme and host of the request.

        Links in a response to an upload token can be used with the token.
        """
        prefix = self.settings.api_path_prefix
        is_open = event.raw_event.get(IS_OPEN, False)
        return Links.for_request(event, prefix + OPEN_PATH if prefix and is_open else prefix)

    def images_for(self, links: Links) -> ImageStore:
        """Return the image store whose links contain a host that the caller can reach."""
        if self.settings.public_endpoint_url != SAME_HOST:
            return self.images
        return self.images.with_presigner(_presigner(links.origin))


@cache
def get_dependencies() -> Dependencies:
    """Return the dependencies of this execution environment."""
    settings = ApiSettings.read(os.environ)
    clients = make_clients(settings.aws_call_seconds)
    quotas = OwnerQuotas.of(clients, settings)
    tokens = TokenTable(clients.dynamodb, settings.idempotency_table, unknown_bytes=settings.max_raw_bytes)
    listing = JobListing(clients.dynamodb, settings.job_table, listing_shards=settings.listing_shards)
    batches = BatchTable.of(clients, settings, quotas)
    return Dependencies(
        settings=settings,
        jobs=JobTable.of(clients, settings, quotas, tokens),
        listing=listing,
        batches=batches,
        batch_operations=BatchOperations(clients.dynamodb, settings.batch_table),
        members=BatchMembers(clients.dynamodb, settings.job_table, listing),
        watches=WatchTable(clients.dynamodb, settings.batch_table),
        watch_objects=WatchObjects(clients.dynamodb, settings.batch_table, batches),
        images=ImageStore(
            clients.s3,
            settings.image_bucket,
            presigner=_presigner("" if settings.public_endpoint_url == SAME_HOST else settings.public_endpoint_url),
        ),
        sources=SourceStore(clients.s3, settings.image_bucket),
        queues=JobQueues.of(
            clients.sqs, settings.job_queue_url, settings.bulk_queue_url, is_fair=settings.has_fair_queues
        ),
        requests=RequestLog(clients.dynamodb, settings.idempotency_table),
        token_buckets=TokenBuckets(clients.dynamodb, settings.idempotency_table),
        tokens=tokens,
        deletions=DeletionLog(clients.dynamodb, settings.idempotency_table),
        dead_letters=DeadLetterIndex(clients.dynamodb, settings.job_table),
        presets=PresetTable(clients.dynamodb, settings.library_table),
        assets=AssetTable(clients.dynamodb, settings.library_table),
        asset_images=AssetStore(clients.s3, settings.image_bucket),
        webhooks=WebhookTable(clients.dynamodb, settings.webhook_table),
        webhook_secrets=WebhookSecrets(clients.dynamodb, settings.webhook_secret_table),
        deliveries=DeliveryTable(clients.dynamodb, settings.webhook_table),
        webhook_queue=SqsQueue(clients.sqs, settings.webhook_queue_url, is_fair=settings.has_fair_queues),
        clock=utc_now,
    )


#: Cached, because creating a client takes longer than signing. Bounded, because a caller can send any ``Host``.
_presigner = lru_cache(maxsize=8)(make_presigner)


def caller(event: BaseProxyEvent) -> str:
    """Return the caller's identity, which the gateway has verified. Headers and bodies are not trusted.

    All sessions of a role are the same caller, because clients choose the session name at the end of the ARN. A request
    with an upload token is one of the token's owner. Raises TokenInvalid if neither the gateway nor
    ``api.tokens.access`` has verified the request.
    """
    if (grant := granted(event)) is not None:
        return grant.owner
    if event.raw_event.get(IS_OPEN):
        raise TokenInvalid
    context = APIGatewayProxyEvent(event.raw_event).request_context
    claims = (context.authorizer.raw_event if context.authorizer else {}).get("claims") or {}
    if subject := claims.get("sub"):
        return f"sub:{subject}"
    if arn := context.identity.user_arn:
        return "iam:" + re.sub(r"(:assumed-role/[^/]+)/.*", r"\1", arn)
    if key_id := context.identity.api_key_id:
        return f"key:{key_id}"
    return ANONYMOUS


def granted(event: BaseProxyEvent) -> UploadToken | None:
    """Return the verified upload token of a request, or None if it has none."""
    grant: UploadToken | None = event.raw_event.get(GRANT)
    return grant


def requester(event: BaseProxyEvent) -> str:
    """Return who makes a request: the upload token, or the caller. What one has sent, another must not find."""
    grant = granted(event)
    return f"token:{grant.id}" if grant is not None else caller(event)


@cache
def get_logger() -> Logger:
    """Return the API's logger."""
    return make_logger("api")


#: Types of route parameters that the resolver fills in.
Deps = Annotated[Dependencies, Depends(get_dependencies)]
Log = Annotated[Logger, Depends(get_logger)]
