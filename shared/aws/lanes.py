"""The two lanes of jobs: which queue a job's hints go to, decided here alone.

A bulk job that begins again, or that the reconciler finds, must not overtake what somebody waits for.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.aws.job_queue import JobQueue
from shared.jobs import Job
from shared.messages import JobMessage


@dataclass(frozen=True, slots=True)
class Lanes:
    """The interactive queue and the bulk queue; each has a mapping of its own to the same worker."""

    interactive: JobQueue
    bulk: JobQueue

    def of(self, job: Job) -> JobQueue:
        """Return the queue of a job: members of a batch go by the bulk lane, always."""
        return self.bulk if job.batch_id else self.interactive

    def hint(self, job: Job) -> None:
        """Send a hint that a job may be due, of its present generation. Raises ServiceError."""
        self.of(job).send(_hint(job))

    def hint_all(self, jobs: Sequence[Job]) -> None:
        """Send a hint for each of many jobs. Raises ServiceError; then some may have been sent."""
        for queue in (self.interactive, self.bulk):
            queue.send_all([_hint(job) for job in jobs if self.of(job) is queue])


def _hint(job: Job) -> JobMessage:
    return JobMessage(job_id=job.id, generation=job.generation)
