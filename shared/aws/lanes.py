"""The two lanes of jobs: which queue a job's hints go to, decided here alone.

A bulk job that begins again, or that the reconciler finds, must not overtake what somebody waits for.
"""

from dataclasses import dataclass

from shared.aws.job_queue import JobQueue
from shared.jobs.job import Job
from shared.jobs.message import JobMessage


@dataclass(frozen=True, slots=True)
class JobQueues:
    """The interactive queue and the bulk queue; each has a mapping of its own to the same worker."""

    interactive: JobQueue
    bulk: JobQueue

    def of(self, job: Job) -> JobQueue:
        """Return the queue of a job: members of a batch go by the bulk lane, always."""
        return self.bulk if job.batch_id else self.interactive

    def notify_worker(self, job: Job) -> None:
        """Send a hint that a job may be due, of its present generation. Raises ServiceError."""
        self.of(job).send(JobMessage(job_id=job.id, generation=job.generation))
