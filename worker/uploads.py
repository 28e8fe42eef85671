"""Upload function: it forwards S3's events of direct uploads to the job queues, with the owner's message group.

S3 sends its events without a group. SQS treats each message without a group as a separate tenant, so a million uploads
of one owner would look like one upload each of a million owners, and would delay the other owners. The owner of an
upload is only in the job record.
"""

import os
from dataclasses import dataclass
from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.aws.clients import make_clients
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.sqs import JobQueues
from shared.errors import BadMessage, JobNotFound
from shared.initialization import prepare
from shared.jobs.object_keys import is_bulk_key
from shared.jobs.s3_events import split_s3_event
from shared.observability import add_metric, make_logger, make_metrics
from shared.settings import UploadSettings
from shared.sqs_batch import process_records

#: Events that are forwarded concurrently. The clients have the same number of connections.
MAX_CONCURRENCY = 10
#: Tenant of uploads whose job no longer exists. The worker deletes their objects.
NOBODY = ""

logger = make_logger("uploads")
metrics = make_metrics()
#: Powertools metrics are not thread-safe, and several threads process records.


@dataclass(frozen=True, slots=True)
class UploadEvents:
    """Forwards S3's events to the job queues."""

    jobs: JobTable
    bucket: str
    queues: JobQueues

    def process_record(self, record: SQSRecord, context: LambdaContext) -> None:  # noqa: ARG002 - required by process_records
        """Forward each object of one S3 event to the queue of its job.

        Objects that belong to no job are logged and skipped. Raises BadMessage if the record is not an S3 event, and
        ServiceError if a service fails. After an error, SQS delivers the record again. Forwarding an object twice is
        safe.
        """
        events = split_s3_event(record.body)
        if events is None:
            raise BadMessage
        for upload, body in events:
            message = upload.to_message(self.bucket)
            if message is None:
                add_metric(metrics, "ArrivalsUnknown", 1)
                logger.warning("Object that no job awaits", extra={"key": upload.key[:200]})
                continue
            logger.thread_safe_append_keys(job_id=message.job_id)
            queue = self.queues.bulk if is_bulk_key(upload.key) else self.queues.interactive
            queue.send(body, tenant=self._find_owner(message.job_id))

    def _find_owner(self, job_id: str) -> str:
        try:
            return self.jobs.get(job_id, deleted=True).owner
        except JobNotFound:
            return NOBODY


@cache
def get_upload_events() -> UploadEvents:
    """Build the UploadEvents object from the settings, once per execution environment."""
    settings = UploadSettings.read(os.environ)
    clients = make_clients(settings.aws_call_seconds, connections=MAX_CONCURRENCY)
    queues = JobQueues.of(
        clients.sqs, settings.job_queue_url, settings.bulk_queue_url, is_fair=settings.has_fair_queues
    )
    return UploadEvents(JobTable.of(clients, settings), settings.image_bucket, queues)


prepare(get_upload_events, os.environ)


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Forward the S3 events of one SQS batch and return the records that SQS must deliver again."""
    events = get_upload_events()
    metrics.add_metric("UploadEventsReceived", MetricUnit.Count, len(event.get("Records", ())))
    return process_records(event, context, events.process_record, logger, max_concurrency=MAX_CONCURRENCY)
