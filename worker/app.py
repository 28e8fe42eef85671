"""Worker function: it processes the images of queued jobs."""

import os
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.aws.clients import make_clients
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.s3.asset_store import AssetStore
from shared.aws.s3.image_store import ImageStore
from shared.aws.s3.source_store import SourceStore
from shared.aws.sqs import SqsQueue
from shared.clock import utc_now
from shared.errors import (
    LeaseHeld,
    RenderInterrupted,
    SafelightError,
    ServiceError,
    SourceUnreachable,
    TimeTooShort,
)
from shared.initialization import prepare
from shared.jobs.message import JobMessage, decode_message
from shared.jobs.s3_events import CreatedObject, parse_s3_event
from shared.network.http_exchange import Network
from shared.observability import add_metric, make_logger, make_metrics
from shared.settings import WorkerSettings
from shared.sqs_batch import process_records
from worker.image_processor import AttemptResult, ImageProcessor, Outcome
from worker.initial_environment import wipe_variables
from worker.memory_budget import MemoryBudget
from worker.process_priority import BULK_NICENESS, lower_priority
from worker.process_state import ProcessState
from worker.sandbox.budget import Budget, compute_raw_memory, count_children
from worker.sandbox.confinement import hide_memory
from worker.sandbox.pool import Sandbox
from worker.url_source import UrlFetcher

#: Delay of a record after a service error. It is doubled with each further receive.
FIRST_RETRY_DELAY = timedelta(seconds=5)
#: Number of records in transfer while others are rendered. ``benchmarks/overlap.py`` compares values.
LOOKAHEAD = 3
#: Variables that the interpreter may need to start. A child gets no other variables, and therefore no credentials.
CHILD_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")

logger = make_logger("worker")
metrics = make_metrics()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobConsumer:
    """Processes the records of the two job queues."""

    processor: ImageProcessor
    #: The queues by name, because a record contains only the ARN of its queue.
    queues: Mapping[str, SqsQueue]
    bulk_queue: str
    sandbox: Sandbox
    max_concurrency: int
    record_time: timedelta
    render_time: timedelta
    #: Limits and priority that no image may change.
    process_state: ProcessState = field(default_factory=ProcessState.read)

    def process_batch(self, event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
        """Process the records of one invocation and return the records that SQS must deliver again.

        Ends the process if a child has changed it. SQS then delivers all records again.
        """
        initializer = partial(lower_priority, BULK_NICENESS) if self._is_bulk(event) else None
        try:
            return process_records(
                event,
                context,
                self.process_record,
                logger,
                max_concurrency=self.max_concurrency,
                initializer=initializer,
            )
        finally:
            self._require_unchanged()

    def process_record(self, record: SQSRecord, context: LambdaContext) -> Outcome:
        """Run an attempt for each job of the record.

        Raises LeaseHeld, TimeTooShort, RenderInterrupted, SourceUnreachable or ServiceError if the record must be
        delivered again. Before raising the error, set the delay of the record.
        """
        outcome = Outcome.SKIPPED
        try:
            for message, upload in self._read_messages(record):
                started = utc_now()
                logger.thread_safe_append_keys(job_id=message.job_id)
                self._require_time(context)
                result = self._get_processor(context).process(message, upload)
                _record_metrics(result, record, started)
                outcome = result.outcome
        except (LeaseHeld, TimeTooShort, RenderInterrupted, SourceUnreachable, ServiceError) as error:
            self._postpone(record, error)
            raise
        return outcome

    def _require_unchanged(self) -> None:
        """End the process if another one has changed its limits or its priority."""
        if changed := self.process_state.list_differences(ProcessState.read()):
            logger.error("The worker was changed by another process", extra={"changed": changed})
            raise SystemExit(1)

    def _is_bulk(self, event: dict[str, Any]) -> bool:
        """Return True if the records come from the bulk queue. All records of an event come from one queue."""
        records: list[dict[str, Any]] = event.get("Records") or []
        return bool(records) and _get_queue_name(str(records[0].get("eventSourceARN"))) == self.bulk_queue

    def _read_messages(self, record: SQSRecord) -> Iterator[tuple[JobMessage, CreatedObject | None]]:
        """Yield a record's job message, or one message for each upload in its S3 event.

        Objects that do not belong to a job are logged and skipped. Raises BadMessage if the record contains neither.
        """
        uploads = parse_s3_event(record.body)
        if uploads is None:
            yield decode_message(record.body), None
            return
        for upload in uploads:
            message = upload.to_message(self.processor.images.bucket)
            if message is not None:
                yield message, upload
                continue
            add_metric(metrics, "ArrivalsUnknown", 1)
            logger.warning("Object that no job awaits", extra={"key": upload.key[:200]})

    def _postpone(self, record: SQSRecord, error: SafelightError) -> None:
        """Delay a record as the error requests. After a service error, use exponential backoff with jitter.

        Lambda does not back off after partial failures. Without a delay, messages would become dead letters within
        moments of an outage.
        """
        if error.retry_after_seconds is not None and not isinstance(error, ServiceError):
            delay = timedelta(seconds=error.retry_after_seconds)
        else:
            receives = int(record.attributes.approximate_receive_count)
            longest = min(FIRST_RETRY_DELAY * (1 << min(receives, 10)), self.processor.lease * 4)
            delay = longest * random.uniform(0.5, 1)  # noqa: S311 - jitter, not cryptography
        queue = self.queues[_get_queue_name(record.event_source_arn)]
        try:
            queue.postpone(record.receipt_handle, delay)
        except ServiceError as failure:
            # The queue's visibility timeout applies instead. The caller raises the original error.
            logger.warning("Visibility not changed", extra={"code": failure.code}, exc_info=failure)

    def _require_time(self, context: LambdaContext) -> None:
        """Raise TimeTooShort if the invocation might end before the record is processed."""
        if timedelta(milliseconds=context.get_remaining_time_in_millis()) < self.record_time:
            raise TimeTooShort(retry_after_seconds=1)

    def _get_processor(self, context: LambdaContext) -> ImageProcessor:
        """Return a processor that starts rendering only if enough time is left to render the image and store it.

        Half of the time that a record needs besides rendering is reserved for the steps before rendering, and half for
        the steps after it.
        """
        left = timedelta(milliseconds=context.get_remaining_time_in_millis())
        now = time.monotonic()
        start_by = now + (left - (self.record_time + self.render_time) / 2).total_seconds()
        end_by = now + (left - (self.record_time - self.render_time) / 2).total_seconds()
        return replace(self.processor, render=partial(self.sandbox.render, start_by=start_by, end_by=end_by))


def _get_queue_name(arn: str) -> str:
    return arn.rsplit(":", 1)[-1]


def _record_metrics(result: AttemptResult, record: SQSRecord, started: datetime) -> None:
    """Record the metrics of one attempt and log it."""
    duration = (utc_now() - started) / timedelta(milliseconds=1)
    sent = datetime.fromtimestamp(int(record.attributes.sent_timestamp) / 1000, tz=UTC)
    waited = (started - sent) / timedelta(milliseconds=1)
    job, outcome = result.job, result.outcome
    fields: dict[str, Any] = {"outcome": outcome.value, "milliseconds": round(duration), "waited": round(waited)}
    add_metric(metrics, f"Jobs{outcome.value.capitalize()}", 1)
    add_metric(metrics, "ProcessingTime", duration, MetricUnit.Milliseconds)
    add_metric(metrics, "QueueLatency", waited, MetricUnit.Milliseconds)
    if job is not None:
        add_metric(metrics, "RawBytes", job.raw.size or 0, MetricUnit.Bytes)
        add_metric(metrics, "ProcessedBytes", sum(output.size for output in job.outputs), MetricUnit.Bytes)
        add_metric(metrics, "CompletionTime", job.elapsed / timedelta(milliseconds=1), MetricUnit.Milliseconds)
        fields |= {"attempt": job.attempt, "raw_bytes": job.raw.size, "code": job.error.code if job.error else None}
    (logger.error if outcome is Outcome.FAILED else logger.info)(
        "Record processed", extra=fields, exc_info=result.error
    )


def _report_missing(missing: frozenset[str]) -> None:
    """Count and log that a new child process could not apply all measures of the sandbox."""
    add_metric(metrics, "SandboxIncomplete", 1)
    logger.warning("The system does not support the whole sandbox", extra={"missing": sorted(missing)})


def _count_processors() -> int:
    """Return the number of processors that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


@cache
def get_consumer() -> JobConsumer:
    """Build the consumer from the settings and start the first child process, once per execution environment.

    The child process imports Pillow while this process creates its clients and downloads the first image.
    """
    settings = WorkerSettings.read(os.environ)
    with suppress(OSError):  # AWS Lambda refuses this call, but a child can't open /proc there.
        hide_memory()
    limits = settings.limits()
    children = count_children(memory_mib=settings.memory_mib, processors=_count_processors())
    budget = Budget.of(limits, memory_mib=settings.memory_mib, children=children, cpu_seconds=settings.render_seconds)
    environment = {name: os.environ[name] for name in CHILD_ENVIRONMENT if name in os.environ}
    sandbox = Sandbox(
        budget,
        children=children,
        environment=environment,
        report_missing=_report_missing,
        is_strict=settings.sandbox == "require",
    )
    sandbox.warm_up()
    clients = make_clients(settings.aws_call_seconds)
    wipe_variables()  # The clients have read the credentials.
    interactive, bulk = (SqsQueue(clients.sqs, url) for url in (settings.job_queue_url, settings.bulk_queue_url))
    processor = ImageProcessor(
        jobs=JobTable.of(clients, settings),
        images=ImageStore(clients.s3, settings.image_bucket),
        sources=SourceStore(clients.s3, settings.image_bucket),
        urls=UrlFetcher(Network(settings.allows_internal_sources), settings.open_hosts),
        assets=AssetStore(clients.s3, settings.image_bucket),
        limits=limits,
        lease=timedelta(seconds=settings.lease_seconds),
        max_attempts=settings.max_attempts,
        redispatch=timedelta(seconds=settings.redispatch_seconds),
        clock=utc_now,
        render=sandbox.render,
        memory=MemoryBudget(compute_raw_memory(budget, memory_mib=settings.memory_mib, children=children)),
    )
    return JobConsumer(
        processor=processor,
        queues={queue.name: queue for queue in (interactive, bulk)},
        bulk_queue=bulk.name,
        sandbox=sandbox,
        max_concurrency=children + LOOKAHEAD,
        record_time=timedelta(seconds=settings.record_seconds),
        render_time=timedelta(seconds=settings.render_seconds),
    )


prepare(get_consumer, os.environ)


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Process the records of one SQS batch and return the records that SQS must deliver again."""
    received = len(event.get("Records", ()))
    logger.info("Records received", extra={"count": received})
    metrics.add_metric("RecordsReceived", MetricUnit.Count, received)
    return get_consumer().process_batch(event, context)
