"""Dead letters: what an operator sees of them, and sending them on their way again. Without HTTP.

A redrive is a retry by an operator: a new generation, a new message. A job that was redriven
``MAX_REDRIVES`` times and came back each time is refused until somebody insists.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from api.dependencies import Dependencies
from api.jobs.lifecycle import JobLifecycle, has_transition
from api.jobs.submission import Submitted
from shared.aws.dynamodb.job_indexes import DeadLetterIndex
from shared.aws.dynamodb.job_listing import JobListing
from shared.aws.s3.image_store import ImageStore, StoredDeadLetter
from shared.clock import Clock
from shared.errors import BadMessage, JobNotFound, JobNotRetriable, JobStateError, RedrivenTooOften
from shared.ids import is_id
from shared.jobs.job import REDRIVEN, Job, JobStatus

MAX_REDRIVES = 3
#: What the place of a page begins with: jobs come first, then what could not be read.
JOBS, MESSAGES = "job:", "message:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What an operator works with."""

    lifecycle: JobLifecycle
    dead: DeadLetterIndex
    listing: JobListing
    images: ImageStore
    clock: Clock

    @classmethod
    def of(cls, dependencies: Dependencies) -> Self:
        """Return the use case with the API's dependencies."""
        return cls(
            lifecycle=JobLifecycle.of(dependencies),
            dead=dependencies.dead_letters,
            listing=dependencies.listing,
            images=dependencies.images,
            clock=dependencies.clock,
        )


@dataclass(frozen=True, slots=True)
class LetterPage:
    """Some dead letters, and the place to go on after; None when there are no more."""

    jobs: tuple[Job, ...]
    messages: tuple[StoredDeadLetter, ...]
    next_place: str | None


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of the jobs of one call."""

    jobs: tuple[str, ...]
    #: Job and code.
    refusals: tuple[tuple[str, str], ...]
    #: Accepted, though their messages were not sent; the reconciler will.
    unsent: int
    next_place: str | None


def letters(reason: str | None, place: str | None, limit: int, office: Office) -> LetterPage:
    """List dead letters, by reason and age; messages that nobody could read come last. Raises ServiceError."""
    jobs: list[Job] = []
    if reason != BadMessage.code and not (place or "").startswith(MESSAGES):
        found = office.dead.page(reason, (place or "").removeprefix(JOBS), limit)
        ids = [each.job_id for each in found]
        # The index lags behind: who has been redriven or deleted meanwhile is none any more.
        jobs = [job for job in office.listing.fetch(ids) if job.is_dead_letter and job.deleted_at is None]
        if len(found) == limit:
            return LetterPage(tuple(jobs), (), JOBS + found[-1].sort_key)
        if reason is not None:
            return LetterPage(tuple(jobs), (), None)
        place, limit = None, limit - len(found)
    kept = office.images.list_dead_letters((place or "").removeprefix(MESSAGES), limit)
    return LetterPage(tuple(jobs), tuple(kept), MESSAGES + kept[-1].key if len(kept) == limit else None)


def redrive_one(job_id: str, office: Office, *, at: datetime, force: bool = False, again: bool = False) -> Submitted:
    """Redrive one job. Raises JobNotFound, JobNotRetriable for what is no dead letter, RedrivenTooOften."""
    identifier = job_id.upper()
    if not is_id(identifier):
        raise JobNotFound
    job = office.lifecycle.jobs.get(identifier)
    if again and has_transition(job, JobStatus.PENDING, at, REDRIVEN):
        return Submitted(job, None)
    return office.lifecycle.restart(job, _demand(force=force), at=at, code=REDRIVEN)


def redrive_page(  # noqa: PLR0913 - which, how many, until when
    reason: str | None,
    place: str | None,
    limit: int,
    office: Office,
    *,
    at: datetime,
    until: datetime,
    force: bool = False,
) -> Redriven:
    """Redrive up to ``limit`` dead letters of one reason or of all, until the time is up. Raises ServiceError."""
    found = office.dead.page(reason, (place or "").removeprefix(JOBS), limit)
    jobs = {job.id: job for job in office.listing.fetch([each.job_id for each in found])}
    done: list[str] = []
    refusals: list[tuple[str, str]] = []
    unsent = 0
    for each in found:
        if office.clock() >= until:
            return Redriven(tuple(done), tuple(refusals), unsent, place)
        place = JOBS + each.sort_key
        if each.job_id not in jobs:
            continue
        try:
            submitted = office.lifecycle.restart(jobs[each.job_id], _demand(force=force), at=at, code=REDRIVEN)
        except JobStateError as error:
            refusals.append((each.job_id, error.code))
            continue
        done.append(each.job_id)
        unsent += submitted.send_error is not None
    return Redriven(tuple(done), tuple(refusals), unsent, place if len(found) == limit else None)


def _demand(*, force: bool) -> Callable[[Job], None]:
    def demand(job: Job) -> None:
        if not job.is_dead_letter:
            raise JobNotRetriable(f"The job is {job.status.value} and no dead letter.")
        if job.redrives >= MAX_REDRIVES and not force:
            raise RedrivenTooOften(f"The job was redriven {job.redrives} times and failed each time.")

    return demand
