"""Composition root of the API Lambda: settings, clients and stores, once per execution environment.

The functions that routes name in ``Depends`` are here; a test replaces them in ``dependency_overrides``.
"""

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache, partial
from typing import Annotated

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler.depends import Depends
from aws_lambda_powertools.utilities.data_classes.api_gateway_proxy_event import APIGatewayProxyEvent
from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

from api.batches.use_cases import Hall
from api.dead_letters.use_cases import Office
from api.http.links import Links
from api.jobs.imports import Dock
from api.jobs.job_spec import Library
from api.jobs.lifecycle import Desk
from api.jobs.submission import Intake
from api.presets.use_cases import find_preset
from api.uploads.use_cases import Ramp
from api.webhooks.use_cases import Switchboard, usable_webhook
from shared.aws.clients import make_clients, make_presigner
from shared.aws.dynamodb.asset_table import AssetTable
from shared.aws.dynamodb.batch_members import BatchMembers
from shared.aws.dynamodb.batch_table import BatchTable
from shared.aws.dynamodb.deletion_log import DeletionLog
from shared.aws.dynamodb.delivery_table import DeliveryTable
from shared.aws.dynamodb.job_indexes import DeadLetterIndex
from shared.aws.dynamodb.job_listing import JobListing
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.dynamodb.preset_table import PresetTable
from shared.aws.dynamodb.request_log import RequestLog
from shared.aws.dynamodb.webhook_secrets import WebhookSecrets
from shared.aws.dynamodb.webhook_table import WebhookTable
from shared.aws.s3.asset_store import AssetStore
from shared.aws.s3.image_store import ImageStore
from shared.aws.s3.source_store import SourceStore
from shared.aws.sqs import JobQueues, SqsQueue
from shared.clock import Clock, utc_now
from shared.jobs.job import ANONYMOUS
from shared.observability import make_logger
from shared.pipeline.limits import Limits
from shared.settings import SAME_HOST, ApiSettings


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Where the API keeps things."""

    settings: ApiSettings
    jobs: JobTable
    listing: JobListing
    batches: BatchTable
    members: BatchMembers
    images: ImageStore
    sources: SourceStore
    queues: JobQueues
    requests: RequestLog
    deletions: DeletionLog
    dead: DeadLetterIndex
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
        """Return the limits that the worker holds images to."""
        return Limits(
            max_bytes=self.settings.max_raw_bytes,
            max_pixels=self.settings.max_pixels,
            max_side=self.settings.max_side,
            max_frames=self.settings.max_frames,
            max_total_pixels=self.settings.max_total_pixels,
        )

    def library(self, owner: str) -> Library:
        """Return what a caller may refer to by name."""
        return Library(
            find_preset=partial(find_preset, self.presets, owner),
            find_asset=partial(self.assets.get, owner),
            find_webhook=lambda name: usable_webhook(name, owner, self.switchboard()),
        )

    def switchboard(self) -> Switchboard:
        """Return what webhooks work with."""
        return Switchboard(
            webhooks=self.webhooks,
            secrets=self.webhook_secrets,
            deliveries=self.deliveries,
            queue=self.webhook_queue,
            clock=self.clock,
            is_on=self.settings.notifications == "on",
            allow_internal=self.settings.webhook_targets == "any",
        )

    def intake(self) -> Intake:
        """Return what a submission works with."""
        return Intake(
            jobs=self.jobs,
            images=self.images,
            queues=self.queues,
            clock=self.clock,
            due_after=timedelta(seconds=self.settings.redispatch_seconds),
            retention=timedelta(days=self.settings.retention_days),
        )

    def ramp(self, links: Links | None = None) -> Ramp:
        """Return what direct uploads work with; with ``links``, forms that this request's caller can send."""
        return Ramp(
            jobs=self.jobs,
            images=self.images_for(links) if links else self.images,
            queues=self.queues,
            clock=self.clock,
            lifetime=timedelta(seconds=self.settings.upload_seconds),
            max_bytes=self.settings.max_raw_bytes,
            due_after=timedelta(seconds=self.settings.redispatch_seconds),
            retention=timedelta(days=self.settings.retention_days),
        )

    def dock(self) -> Dock:
        """Return what imports work with."""
        return Dock(
            jobs=self.jobs,
            sources=self.sources,
            queues=self.queues,
            own_bucket=self.settings.image_bucket,
            open_buckets=frozenset(filter(None, self.settings.import_buckets.split(","))),
            max_bytes=self.settings.max_raw_bytes,
            due_after=timedelta(seconds=self.settings.redispatch_seconds),
            retention=timedelta(days=self.settings.retention_days),
        )

    def hall(self) -> Hall:
        """Return what batches work with."""
        return Hall(
            batches=self.batches,
            members=self.members,
            ramp=self.ramp(),
            dock=self.dock(),
            desk=self.desk(),
            clock=self.clock,
            retention=timedelta(days=self.settings.retention_days),
        )

    def desk(self) -> Desk:
        """Return what cancelling, retrying and deleting work with."""
        return Desk(
            jobs=self.jobs,
            images=self.images,
            queues=self.queues,
            deletions=self.deletions,
            due_after=timedelta(seconds=self.settings.redispatch_seconds),
        )

    def office(self) -> Office:
        """Return what an operator works with."""
        return Office(
            desk=self.desk(),
            dead=self.dead,
            listing=self.listing,
            images=self.images,
            clock=self.clock,
        )

    def images_for(self, links: Links) -> ImageStore:
        """Return the images, with links that the caller of this request can follow."""
        if self.settings.public_endpoint_url != SAME_HOST:
            return self.images
        return self.images.with_presigner(_presigner(links.origin))


@cache
def get_dependencies() -> Dependencies:
    """Put the API together from its settings."""
    settings = ApiSettings.read(os.environ)
    clients = make_clients(settings.aws_call_seconds)
    listing = JobListing(clients.dynamodb, settings.job_table, listing_shards=settings.listing_shards)
    return Dependencies(
        settings=settings,
        jobs=JobTable.of(clients, settings),
        listing=listing,
        batches=BatchTable(
            clients.dynamodb,
            settings.batch_table,
            job_table=settings.job_table,
            bucket=settings.image_bucket,
            listing_shards=settings.listing_shards,
        ),
        members=BatchMembers(clients.dynamodb, settings.job_table, listing),
        images=ImageStore(
            clients.s3,
            settings.image_bucket,
            presigner=_presigner("" if settings.public_endpoint_url == SAME_HOST else settings.public_endpoint_url),
        ),
        sources=SourceStore(clients.s3, settings.image_bucket),
        queues=JobQueues.of(clients.sqs, settings.job_queue_url, settings.bulk_queue_url),
        requests=RequestLog(clients.dynamodb, settings.idempotency_table),
        deletions=DeletionLog(clients.dynamodb, settings.idempotency_table),
        dead=DeadLetterIndex(clients.dynamodb, settings.job_table),
        presets=PresetTable(clients.dynamodb, settings.library_table),
        assets=AssetTable(clients.dynamodb, settings.library_table),
        asset_images=AssetStore(clients.s3, settings.image_bucket),
        webhooks=WebhookTable(clients.dynamodb, settings.webhook_table),
        webhook_secrets=WebhookSecrets(clients.dynamodb, settings.webhook_secret_table),
        deliveries=DeliveryTable(clients.dynamodb, settings.webhook_table),
        webhook_queue=SqsQueue(clients.sqs, settings.webhook_queue_url),
        clock=utc_now,
    )


# Making a client takes longer than signing with it; callers use few hosts, and may claim any.
_presigner = lru_cache(maxsize=8)(make_presigner)


def caller(event: BaseProxyEvent) -> str:
    """Return who calls, as the gateway has verified it; never what a header or body claims.

    A role is one caller however many sessions it has: the session name, which ends the ARN of an assumed
    role, is chosen by whoever assumes it and changes all the time.
    """
    context = APIGatewayProxyEvent(event.raw_event).request_context
    claims = (context.authorizer.raw_event if context.authorizer else {}).get("claims") or {}
    if subject := claims.get("sub"):
        return f"sub:{subject}"
    if arn := context.identity.user_arn:
        return "iam:" + re.sub(r"(:assumed-role/[^/]+)/.*", r"\1", arn)
    if key_id := context.identity.api_key_id:
        return f"key:{key_id}"
    return ANONYMOUS


@cache
def logger() -> Logger:
    """Return the API's logger."""
    return make_logger("api")


#: Parameters of a route, filled in by the resolver.
Deps = Annotated[Dependencies, Depends(get_dependencies)]
Log = Annotated[Logger, Depends(logger)]
