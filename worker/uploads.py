"""Upload function: it forwards S3's events of direct uploads to the job queues, with the owner's message group.

S3 sends its events without a group. SQS treats each message without a group as a separate tenant, so a million uploads
of one owner would look like one upload each of a million owners, and would delay the other owners. The owner of an
upload is only in the job record.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.aws.clients import make_clients
from shared.aws.dynamodb.job_listing import MAX_PAGE, JobListing
from shared.aws.sqs import JobQueues, Message
from shared.errors import BadMessage, ServiceError
from shared.initialization import prepare
from shared.jobs.object_keys import is_bulk_key
from shared.jobs.s3_events import split_s3_event
from shared.observability import make_logger, make_metrics
from shared.settings import UploadSettings
from shared.sqs_batch import process_together

#: Tenant of uploads whose job no longer exists. The worker deletes their objects.
NOBODY = ""

logger = make_logger("uploads")
metrics = make_metrics()


@dataclass(frozen=True, slots=True)
class Arrival:
    """An uploaded object of a job."""

    #: Position of its record among the records of the invocation.
    record: int
    job_id: str
    is_bulk: bool
    #: S3 event of this object alone.
    body: str


@dataclass(frozen=True, slots=True)
class UploadEvents:
    """Forwards S3's events to the job queues."""

    listing: JobListing
    bucket: str
    queues: JobQueues

    def forward(self, records: Sequence[SQSRecord]) -> list[Exception | None]:
        """Forward each object of the S3 events to the queue of its job. Return the error of each record, or None.

        Objects that belong to no job are logged and skipped. The error is BadMessage if the record is not an S3 event,
        and ServiceError if a service fails. SQS delivers a record with an error again. Forwarding an object twice is
        safe.
        """
        errors: list[Exception | None] = [None] * len(records)
        arrivals: list[Arrival] = []
        for position, record in enumerate(records):
            try:
                arrivals += self._read(position, record.body)
            except BadMessage as error:
                errors[position] = error
        try:
            owners = self._find_owners({each.job_id for each in arrivals})
        except ServiceError as error:
            return _merge_errors(errors, {each.record: error for each in arrivals})
        for is_bulk, queue in ((False, self.queues.interactive), (True, self.queues.bulk)):
            chosen = [each for each in arrivals if each.is_bulk is is_bulk]
            sent = queue.send_all([Message(each.body, owners.get(each.job_id, NOBODY)) for each in chosen])
            failed = {each.record: error for each, error in zip(chosen, sent, strict=True) if error is not None}
            errors = _merge_errors(errors, failed)
        return errors

    def _read(self, position: int, body: str) -> Iterator[Arrival]:
        """Yield the objects of a record that belong to jobs. Raises BadMessage if the record is not an S3 event."""
        events = split_s3_event(body)
        if events is None:
            raise BadMessage
        for upload, event in events:
            message = upload.to_message(self.bucket)
            if message is None:
                metrics.add_metric("ArrivalsUnknown", MetricUnit.Count, 1)
                logger.warning("Object that no job awaits", extra={"key": upload.key[:200]})
                continue
            yield Arrival(position, message.job_id, is_bulk_key(upload.key), event)

    def _find_owners(self, job_ids: Iterable[str]) -> dict[str, str]:
        """Return the owners of jobs. Jobs without a record are left out."""
        ids = sorted(job_ids)
        pages = (ids[start : start + MAX_PAGE] for start in range(0, len(ids), MAX_PAGE))
        return {job.id: job.owner for page in pages for job in self.listing.fetch(page)}


def _merge_errors(errors: Sequence[Exception | None], more: Mapping[int, Exception]) -> list[Exception | None]:
    """Return the errors by position, with more errors at the positions that have none."""
    return [error or more.get(position) for position, error in enumerate(errors)]


@cache
def get_upload_events() -> UploadEvents:
    """Build the UploadEvents object from the settings, once per execution environment."""
    settings = UploadSettings.read(os.environ)
    clients = make_clients(settings.aws_call_seconds)
    queues = JobQueues.of(
        clients.sqs, settings.job_queue_url, settings.bulk_queue_url, is_fair=settings.has_fair_queues
    )
    listing = JobListing(clients.dynamodb, settings.job_table, listing_shards=settings.listing_shards)
    return UploadEvents(listing, settings.image_bucket, queues)


prepare(get_upload_events, os.environ)


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:  # noqa: ARG001 - required by Lambda
    """Forward the S3 events of one SQS batch and return the records that SQS must deliver again."""
    events = get_upload_events()
    metrics.add_metric("UploadEventsReceived", MetricUnit.Count, len(event.get("Records", ())))
    return process_together(event, events.forward, logger)
