"""Reconciler function: it runs on a schedule and recovers overdue jobs.

It requeues jobs whose message was lost, that have waited too long or whose lease has expired. It expires jobs whose
upload never arrived, fails jobs without attempts left and continues interrupted deletions. It queries the sparse index
``Open`` and changes jobs only with conditional writes, so concurrent runs are safe.
"""

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from itertools import islice
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from shared.aws.clients import make_clients
from shared.aws.dynamodb.idempotency.deletion_log import DeletionLog
from shared.aws.dynamodb.job_indexes import OpenJobs
from shared.aws.dynamodb.job_table import JobTable
from shared.aws.job_deletion import erase_job
from shared.aws.s3.image_store import ImageStore
from shared.aws.sqs import JobQueues
from shared.clock import Clock, utc_now
from shared.errors import JobNotFound, ServiceError
from shared.initialization import prepare
from shared.jobs.job import JobStatus
from shared.jobs.recovery import Decision, RecoveryPolicy, RecoveryStep, decide_overdue
from shared.observability import add_metric, make_logger, make_metrics, write_metrics
from shared.parallel import MAX_CONCURRENCY, map_parallel
from shared.settings import ReconcilerSettings

#: The reconciler handles another job only if at least this much time is left in the invocation.
MARGIN = timedelta(seconds=10)

FAULT = "fault"
#: A run stops after this many service errors if it could handle no job: a service is down. Otherwise errors do not stop
#: it, because some jobs must not block the others.
MAX_FAULTS = 5 * MAX_CONCURRENCY

logger = make_logger("reconciler")
metrics = make_metrics()


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Recovers overdue jobs."""

    jobs: JobTable
    images: ImageStore
    open_jobs: OpenJobs
    queues: JobQueues
    deletions: DeletionLog
    policy: RecoveryPolicy
    clock: Clock

    def run(self, context: LambdaContext) -> Counter[str]:
        """Recover overdue jobs until all are handled or the time is up. Return how often each step was taken.

        Several jobs are handled at the same time. ``docs/reliability.md`` states the rate.
        """
        steps: Counter[str] = Counter()
        overdue = self._list_overdue(context)
        while group := list(islice(overdue, MAX_CONCURRENCY)):
            steps.update(map_parallel(self._try_job, group))
            if steps[FAULT] >= MAX_FAULTS and steps.total() == steps[FAULT]:
                break
        return steps

    def _list_overdue(self, context: LambdaContext) -> Iterator[str]:
        """Yield the IDs of overdue jobs until the time is up."""
        for job_id in self.open_jobs.list_overdue(self.clock()):
            if timedelta(milliseconds=context.get_remaining_time_in_millis()) < MARGIN:
                logger.warning("More is overdue than this invocation has time for")
                return
            yield job_id

    def _try_job(self, job_id: str) -> str:
        """Recover one job. Return the name of the recovery step, or FAULT if a service fails."""
        try:
            return self.reconcile(job_id).value
        except ServiceError as error:
            logger.exception("Overdue job could not be moved", extra={"job_id": job_id, "code": error.code})
            return FAULT

    def reconcile(self, job_id: str) -> RecoveryStep:
        """Recover one job if necessary and return the recovery step. Raises ServiceError if a service fails."""
        try:
            job = self.jobs.get(job_id, deleted=True)
        except JobNotFound:
            return RecoveryStep.NOTHING
        is_awaiting = job.status is JobStatus.AWAITING_UPLOAD
        uploaded = self.images.get_size(job.raw.key) if is_awaiting else None
        decision = decide_overdue(job, self.policy, self.clock(), uploaded=uploaded)
        if decision.step is RecoveryStep.NOTHING or not self.jobs.compare_and_swap(job, decision.job):
            return RecoveryStep.NOTHING
        if decision.step is RecoveryStep.SEND:
            self.queues.notify_worker(job)
        if decision.job.status is JobStatus.EXPIRED:
            with suppress(ServiceError):  # a lifecycle rule aborts it later
                self.images.abort_upload(job)
        if decision.step is RecoveryStep.ERASE:
            erase_job(decision.job, self.jobs, self.images, self.deletions)
        _log_decision(decision)
        return decision.step


def _log_decision(decision: Decision) -> None:
    job = decision.job
    if decision.step is RecoveryStep.END:
        metric = "JobsExpired" if job.status is JobStatus.EXPIRED else "JobsFailed"
        add_metric(metrics, metric, 1)
    fields = {"job_id": job.id, "step": decision.step.value, "status": job.status.value, "attempt": job.attempt}
    (logger.error if decision.step is RecoveryStep.END else logger.warning)("Overdue job", extra=fields)


@cache
def get_reconciler() -> Reconciler:
    """Build the reconciler from the settings, once per execution environment."""
    settings = ReconcilerSettings.read(os.environ)
    clients = make_clients(settings.aws_call_seconds)
    return Reconciler(
        jobs=JobTable.of(clients, settings),
        images=ImageStore(clients.s3, settings.image_bucket),
        open_jobs=OpenJobs(clients.dynamodb, settings.job_table),
        queues=JobQueues.of(
            clients.sqs, settings.job_queue_url, settings.bulk_queue_url, is_fair=settings.has_fair_queues
        ),
        deletions=DeletionLog(clients.dynamodb, settings.idempotency_table),
        policy=settings.policy(),
        clock=utc_now,
    )


prepare(get_reconciler, os.environ)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:  # noqa: ARG001 - the event has no data
    """Recover overdue jobs and return how often each recovery step was taken."""
    try:
        steps = get_reconciler().run(context)
        for metric, step in (("JobsSwept", RecoveryStep.SEND.value), ("SweepFaults", FAULT)):
            if steps[step]:
                add_metric(metrics, metric, steps[step])
    finally:
        write_metrics(metrics)
    logger.info("Reconciled", extra={"steps": dict(steps)})
    return dict(steps)
