"""Dead letters: list and redrive.

A redrive is a retry by an operator: the job gets a new generation and a new message. A job that has failed after
``MAX_REDRIVES`` redrives is redriven again only if the request has ``force``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Self

from api.dependencies import Dependencies
from api.jobs.lifecycle import JobLifecycle, has_transition
from api.jobs.submission import Submitted
from shared.aws.dynamodb.job_indexes import DeadLetterIndex
from shared.aws.dynamodb.job_listing import JobListing
from shared.aws.s3.image_store import ImageStore, StoredDeadLetter
from shared.clock import Clock
from shared.errors import BadMessage, Forbidden, JobNotFound, JobNotRetriable, JobStateError, RedrivenTooOften
from shared.ids import is_id
from shared.jobs.job import REDRIVEN, Job, JobStatus

MAX_REDRIVES = 3
#: Prefixes of a position in the listing, which contains first the jobs, then the unreadable messages.
JOBS, MESSAGES = "job:", "message:"


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    """A page of dead letters, and the position of the next page; None on the last page."""

    jobs: tuple[Job, ...]
    messages: tuple[StoredDeadLetter, ...]
    next_position: str | None


@dataclass(frozen=True, slots=True)
class RedrivePage:
    """Outcome of one call that redrives many jobs."""

    jobs: tuple[str, ...]
    #: ID of each refused job, and the error code.
    refusals: tuple[tuple[str, str], ...]
    next_position: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """Lists and redrives dead letters of all owners."""

    lifecycle: JobLifecycle
    index: DeadLetterIndex
    listing: JobListing
    images: ImageStore
    clock: Clock

    @classmethod
    def of(cls, dependencies: Dependencies) -> Self:
        """Return the use case with the API's dependencies."""
        return cls(
            lifecycle=JobLifecycle.of(dependencies),
            index=dependencies.dead_letters,
            listing=dependencies.listing,
            images=dependencies.images,
            clock=dependencies.clock,
        )

    def page(self, reason: str | None, position: str | None, limit: int) -> DeadLetterPage:
        """Return the jobs, sorted by reason and age, then unreadable messages. Raises ServiceError if AWS fails."""
        jobs: list[Job] = []
        if reason != BadMessage.code and not (position or "").startswith(MESSAGES):
            entries = self.index.page(reason, (position or "").removeprefix(JOBS), limit)
            ids = [entry.job_id for entry in entries]
            # The index is eventually consistent: it may still list jobs that were redriven or deleted.
            jobs = [job for job in self.listing.fetch(ids) if job.is_dead_letter and job.deleted_at is None]
            if len(entries) == limit:
                return DeadLetterPage(tuple(jobs), (), JOBS + entries[-1].sort_key)
            if reason is not None:
                return DeadLetterPage(tuple(jobs), (), None)
            position, limit = None, limit - len(entries)
        messages = self.images.list_dead_letters((position or "").removeprefix(MESSAGES), limit)
        next_position = MESSAGES + messages[-1].key if len(messages) == limit else None
        return DeadLetterPage(tuple(jobs), tuple(messages), next_position)

    def redrive(self, job_id: str, *, at: datetime, force: bool = False, is_repeat: bool = False) -> Submitted:
        """Redrive one job and return it.

        Raises JobNotFound, JobNotRetriable if the job is not a dead letter, or RedrivenTooOften if it has reached the
        maximum number of redrives and ``force`` is False.
        """
        identifier = job_id.upper()
        if not is_id(identifier):
            raise JobNotFound
        job = self.lifecycle.jobs.get(identifier)
        if is_repeat and has_transition(job, JobStatus.PENDING, at, REDRIVEN):
            return Submitted(job, None)
        return self.lifecycle.restart(job, _redrive_check(force=force), at=at, code=REDRIVEN)

    def redrive_page(  # noqa: PLR0913 - the page, the request
        self,
        reason: str | None,
        position: str | None,
        limit: int,
        *,
        at: datetime,
        until: datetime,
        force: bool = False,
    ) -> RedrivePage:
        """Redrive up to ``limit`` jobs until the time is up, with a ``reason`` only jobs with this error code.

        Raises ServiceError if AWS fails.
        """
        entries = self.index.page(reason, (position or "").removeprefix(JOBS), limit)
        jobs = {job.id: job for job in self.listing.fetch([entry.job_id for entry in entries])}
        redriven: list[str] = []
        refusals: list[tuple[str, str]] = []
        for entry in entries:
            if self.clock() >= until:
                return RedrivePage(tuple(redriven), tuple(refusals), position)
            position = JOBS + entry.sort_key
            if entry.job_id not in jobs:
                continue
            try:
                self.lifecycle.restart(jobs[entry.job_id], _redrive_check(force=force), at=at, code=REDRIVEN)
            except JobStateError as error:
                refusals.append((entry.job_id, error.code))
                continue
            redriven.append(entry.job_id)
        return RedrivePage(tuple(redriven), tuple(refusals), position if len(entries) == limit else None)


def require_operator(caller: str, operators: str) -> None:
    """Raise Forbidden unless the caller is an operator.

    ``operators`` is a comma-separated list of callers, such as ``iam:arn:aws:sts::123456789012:assumed-role/Admin``. In
    each, ``*`` matches any characters. If the list is empty, no caller is an operator.
    """
    patterns = (pattern.strip() for pattern in operators.split(","))
    if not any(fnmatchcase(caller, pattern) for pattern in patterns if pattern):
        raise Forbidden("Only operators can do this.")


def _redrive_check(*, force: bool) -> Callable[[Job], None]:
    def require_redrivable(job: Job) -> None:
        if not job.is_dead_letter:
            raise JobNotRetriable(f"The job is {job.status.value} and is not a dead letter.")
        if job.redrives >= MAX_REDRIVES and not force:
            raise RedrivenTooOften(f"The job was redriven {job.redrives} times and failed each time.")

    return require_redrivable
