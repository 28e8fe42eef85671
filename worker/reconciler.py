"""The reconciler: a scheduled Lambda that moves the jobs that have not moved by themselves.

It sends a message again where one was lost, for what waits too long and for leases that ran out, expires
uploads that never came, fails what is out of attempts, and finishes deletions that died half-way. It reads the
sparse index ``Open`` in pages and acts by conditional writes alone, so two of them at once do no harm.
"""

import os
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.aws.clients import make_clients
from shared.aws.dynamodb.deletion_log import DeletionLog
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.dynamodb.open_jobs import OpenJobs
from shared.aws.erasure import erase
from shared.aws.job_queue import JobQueue
from shared.aws.lanes import Lanes
from shared.aws.s3.image_store import ImageStore
from shared.clock import Clock, utc_now
from shared.errors import JobNotFound, ServiceError
from shared.jobs.job import JobStatus
from shared.jobs.recovery import Decision, Policy, Step, sweep
from shared.observability import make_logger, make_metrics
from shared.settings import ReconcilerSettings

#: Time that must be left in the invocation; the next one goes on where this one stopped.
MARGIN = timedelta(seconds=10)

FAULT = "fault"
#: One failing job must not keep the others waiting; a failing service is left alone until the next time.
MAX_FAULTS = 10

logger = make_logger("reconciler")
metrics = make_metrics()


@dataclass(frozen=True, slots=True)
class Parts:
    """What the reconciler is made of, once per execution environment."""

    jobs: JobTable
    images: ImageStore
    open_jobs: OpenJobs
    lanes: Lanes
    deletions: DeletionLog
    policy: Policy
    clock: Clock


@cache
def parts() -> Parts:
    """Put the reconciler together from its settings."""
    settings = ReconcilerSettings.read(os.environ)
    clients = make_clients(settings.aws_call_seconds)
    return Parts(
        jobs=JobTable(
            clients.dynamodb,
            settings.job_table,
            batch_table=settings.batch_table,
            bucket=settings.image_bucket,
            listing_shards=settings.listing_shards,
        ),
        images=ImageStore(clients.s3, settings.image_bucket),
        open_jobs=OpenJobs(clients.dynamodb, settings.job_table),
        lanes=Lanes(
            interactive=JobQueue(clients.sqs, settings.job_queue_url),
            bulk=JobQueue(clients.sqs, settings.bulk_queue_url),
        ),
        deletions=DeletionLog(clients.dynamodb, settings.idempotency_table),
        policy=settings.policy(),
        clock=utc_now,
    )


@metrics.log_metrics(capture_cold_start_metric=True)
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:  # noqa: ARG001 - the schedule's event says nothing
    """Move every overdue job that time allows; return how many of each step."""
    steps: Counter[str] = Counter()
    for job_id in parts().open_jobs.overdue(parts().clock()):
        if timedelta(milliseconds=context.get_remaining_time_in_millis()) < MARGIN:
            logger.warning("More is overdue than this invocation has time for")
            break
        try:
            steps[reconcile(job_id).value] += 1
        except ServiceError as fault:
            logger.exception("Overdue job could not be moved", extra={"job_id": job_id, "code": fault.code})
            steps[FAULT] += 1
            if steps[FAULT] >= MAX_FAULTS:
                break
    metrics.add_metric("JobsSwept", MetricUnit.Count, steps[Step.SEND.value])
    metrics.add_metric("SweepFaults", MetricUnit.Count, steps[FAULT])
    logger.info("Reconciled", extra={"steps": dict(steps)})
    return dict(steps)


def reconcile(job_id: str) -> Step:
    """Move one job if it needs to be moved. Raises ServiceError."""
    try:
        job = parts().jobs.get(job_id, deleted=True)
    except JobNotFound:
        return Step.NOTHING
    awaits = job.status is JobStatus.AWAITING_UPLOAD
    uploaded = parts().images.stored_size(job.raw.key) if awaits else None
    decision = sweep(job, parts().policy, parts().clock(), uploaded=uploaded)
    if decision.step is Step.NOTHING or not parts().jobs.swap(job, decision.job):
        return Step.NOTHING
    if decision.step is Step.SEND:
        parts().lanes.hint(job)
    if decision.step is Step.ERASE:
        erase(decision.job, parts().jobs, parts().images, parts().deletions)
    _tell(decision)
    return decision.step


def _tell(decision: Decision) -> None:
    job = decision.job
    if decision.step is Step.END:
        ended = "JobsExpired" if job.status is JobStatus.EXPIRED else "JobsFailed"
        metrics.add_metric(ended, MetricUnit.Count, 1)
    facts = {"job_id": job.id, "step": decision.step.value, "status": job.status.value, "attempt": job.attempt}
    (logger.error if decision.step is Step.END else logger.warning)("Overdue job", extra=facts)
