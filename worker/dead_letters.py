"""Dead-letter function: it postpones or fails the job of each dead letter, and stores unreadable messages in S3."""

import json
import os
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.aws.clients import make_clients
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.image_store import ImageStore
from shared.aws.sqs import SqsQueue
from shared.clock import Clock, utc_now
from shared.errors import BadMessage, JobNotFound, LeaseHeld
from shared.initialization import prepare
from shared.jobs.message import JobMessage, decode_message
from shared.jobs.recovery import RecoveryPolicy, RecoveryStep, decide_dead_letter
from shared.jobs.s3_events import parse_s3_event
from shared.observability import make_logger, make_metrics
from shared.settings import DeadLetterSettings
from shared.sqs_batch import process_records

#: If a job changes while its dead letter is handled, the dead letter is handled again after this delay.
RETRY_DELAY = timedelta(seconds=1)

logger = make_logger("dead-letters")
metrics = make_metrics()


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Handles dead letters."""

    jobs: JobTable
    images: ImageStore
    queue: SqsQueue
    policy: RecoveryPolicy
    clock: Clock

    def process_record(self, record: SQSRecord, context: LambdaContext) -> None:  # noqa: ARG002 - required by process_records
        """Handle the jobs of one dead letter, or store the dead letter if it can't be read.

        Raises LeaseHeld if an attempt is still running. SQS then delivers the dead letter again when the lease ends.
        """
        try:
            messages = self._read_messages(record)
        except BadMessage:
            self._store(record)
            return
        for message in messages:
            logger.thread_safe_append_keys(job_id=message.job_id)
            try:
                self.handle_dead_letter(message, record)
            except JobNotFound:
                _log_stale("gone")

    def _read_messages(self, record: SQSRecord) -> list[JobMessage]:
        """Return a record's job message, or one message for each upload in its S3 event.

        Raises BadMessage if the record contains neither.
        """
        uploads = parse_s3_event(record.body)
        if uploads is None:
            return [decode_message(record.body)]
        messages = (upload.to_message(self.images.bucket) for upload in uploads)
        return [message for message in messages if message is not None]

    def handle_dead_letter(self, message: JobMessage, record: SQSRecord) -> None:
        """Postpone the job, or fail it if its attempts or dead letters are used up.

        Raises LeaseHeld if an attempt is running or the job has changed, and JobNotFound if the job was deleted.
        """
        now = self.clock()
        job = self.jobs.get(message.job_id)
        if job.generation != message.generation:
            _log_stale("stale")
            return
        if job.is_leased(now) and job.lease_until is not None:
            self.queue.postpone(record.receipt_handle, max(job.lease_until - now, RETRY_DELAY))
            raise LeaseHeld
        decision = decide_dead_letter(job, self.policy, now)
        if decision.step is RecoveryStep.NOTHING:
            _log_stale("finished")
            return
        if not self.jobs.compare_and_swap(job, decision.job):
            # Another function has changed the job. Decide again when SQS delivers the dead letter again.
            self.queue.postpone(record.receipt_handle, RETRY_DELAY)
            raise LeaseHeld
        fields = {"attempt": job.attempt, "dead_letters": decision.job.dead_letters}
        if decision.step is RecoveryStep.END:
            metrics.add_metric("JobsFailed", MetricUnit.Count, 1)
            logger.error("Job failed: attempts exhausted", extra=fields)
        else:
            metrics.add_metric("DeadLettersDeferred", MetricUnit.Count, 1)
            logger.warning("Message died, the job has attempts left", extra=fields)

    def _store(self, record: SQSRecord) -> None:
        letter = {"message_id": record.message_id, "body": record.body, "attributes": dict(record.attributes.raw_event)}
        key = self.images.store_dead_letter(record.message_id, json.dumps(letter).encode())
        metrics.add_metric("DeadLettersKept", MetricUnit.Count, 1)
        logger.error("Message can't be read and was kept", extra={"key": key})


def _log_stale(reason: str) -> None:
    metrics.add_metric("DeadLettersStale", MetricUnit.Count, 1)
    logger.info("Dead letter changes nothing", extra={"reason": reason})


@cache
def get_dead_letters() -> DeadLetters:
    """Build the DeadLetters object from the settings, once per execution environment."""
    settings = DeadLetterSettings.read(os.environ)
    clients = make_clients(settings.aws_call_seconds)
    return DeadLetters(
        jobs=JobTable.of(clients, settings),
        images=ImageStore(clients.s3, settings.image_bucket),
        queue=SqsQueue(clients.sqs, settings.dead_letter_queue_url),
        policy=settings.policy(),
        clock=utc_now,
    )


prepare(get_dead_letters, os.environ)


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Handle the dead letters of one SQS batch and return the records that SQS must deliver again."""
    dead_letters = get_dead_letters()
    metrics.add_metric("DeadLettersReceived", MetricUnit.Count, len(event.get("Records", ())))
    return process_records(event, context, dead_letters.process_record, logger)
