"""Composition root of the API Lambda: settings, clients and stores, once per execution environment.

The functions that routes name in ``Depends`` are here; a test replaces them in ``dependency_overrides``.
"""

import os
import re
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, lru_cache, partial

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes.api_gateway_proxy_event import APIGatewayProxyEvent
from aws_lambda_powertools.utilities.data_classes.common import BaseProxyEvent

from api.batching import Hall
from api.choosing import Library
from api.importing import Dock
from api.lifecycle import Desk
from api.links import Links
from api.presets import find_preset
from api.redriving import Office
from api.submission import Intake
from api.uploading import Ramp
from shared.aws.asset_store import AssetStore
from shared.aws.asset_table import AssetTable
from shared.aws.batch_members import BatchMembers
from shared.aws.batch_table import BatchTable
from shared.aws.clients import make_clients, make_presigner
from shared.aws.dead_letters import DeadLetters
from shared.aws.image_store import ImageStore
from shared.aws.job_listing import JobListing
from shared.aws.job_queue import JobQueue
from shared.aws.job_table import JobTable
from shared.aws.lanes import Lanes
from shared.aws.preset_table import PresetTable
from shared.aws.request_log import RequestLog
from shared.aws.source_store import SourceStore
from shared.clock import Clock, utc_now
from shared.jobs import ANONYMOUS
from shared.limits import Limits
from shared.observability import make_logger
from shared.settings import SAME_HOST, ApiSettings


@dataclass(frozen=True, slots=True)
class Stores:
    """Where the API keeps things."""

    settings: ApiSettings
    jobs: JobTable
    listing: JobListing
    batches: BatchTable
    members: BatchMembers
    images: ImageStore
    sources: SourceStore
    lanes: Lanes
    requests: RequestLog
    dead: DeadLetters
    presets: PresetTable
    assets: AssetTable
    asset_images: AssetStore
    clock: Clock

    @property
    def limits(self) -> Limits:
        """Return the limits that the worker holds pictures to."""
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
        )

    def intake(self) -> Intake:
        """Return what a submission works with."""
        return Intake(
            jobs=self.jobs,
            images=self.images,
            lanes=self.lanes,
            clock=self.clock,
            due_after=timedelta(seconds=self.settings.redispatch_seconds),
            keep_for=timedelta(days=self.settings.retention_days),
        )

    def ramp(self, links: Links | None = None) -> Ramp:
        """Return what direct uploads work with; with ``links``, forms that this request's caller can send."""
        return Ramp(
            jobs=self.jobs,
            images=self.images_for(links) if links else self.images,
            lanes=self.lanes,
            clock=self.clock,
            lifetime=timedelta(seconds=self.settings.upload_seconds),
            max_bytes=self.settings.max_raw_bytes,
            due_after=timedelta(seconds=self.settings.redispatch_seconds),
            keep_for=timedelta(days=self.settings.retention_days),
        )

    def dock(self) -> Dock:
        """Return what imports work with."""
        return Dock(
            jobs=self.jobs,
            sources=self.sources,
            lanes=self.lanes,
            own_bucket=self.settings.image_bucket,
            open_buckets=frozenset(filter(None, self.settings.import_buckets.split(","))),
            max_bytes=self.settings.max_raw_bytes,
            due_after=timedelta(seconds=self.settings.redispatch_seconds),
            keep_for=timedelta(days=self.settings.retention_days),
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
            keep_for=timedelta(days=self.settings.retention_days),
        )

    def desk(self) -> Desk:
        """Return what cancelling, retrying and deleting work with."""
        return Desk(
            jobs=self.jobs,
            images=self.images,
            lanes=self.lanes,
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
        return self.images.signing_with(_presigner(links.origin))


@cache
def stores() -> Stores:
    """Put the API together from its settings."""
    settings = ApiSettings.read(os.environ)
    clients = make_clients(settings.aws_call_seconds)
    listing = JobListing(clients.dynamodb, settings.job_table, listing_shards=settings.listing_shards)
    return Stores(
        settings=settings,
        jobs=JobTable(
            clients.dynamodb,
            settings.job_table,
            batch_table=settings.batch_table,
            bucket=settings.image_bucket,
            listing_shards=settings.listing_shards,
        ),
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
        lanes=Lanes(
            interactive=JobQueue(clients.sqs, settings.job_queue_url),
            bulk=JobQueue(clients.sqs, settings.bulk_queue_url),
        ),
        requests=RequestLog(clients.dynamodb, settings.idempotency_table),
        dead=DeadLetters(clients.dynamodb, settings.job_table),
        presets=PresetTable(clients.dynamodb, settings.library_table),
        assets=AssetTable(clients.dynamodb, settings.library_table),
        asset_images=AssetStore(clients.s3, settings.image_bucket),
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
