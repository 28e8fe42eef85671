"""The header ``Prefer`` (RFC 7240): ``wait=N`` waits for the end of a job, ``respond-async`` responds immediately."""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from shared.aws.dynamodb.job_table import JobTable
from shared.clock import Clock
from shared.errors import JobNotFound, ServiceError
from shared.jobs.job import Job

#: Part of the invocation's time that is reserved for the response. Without it, the caller would repeat the request.
RESPONSE_TIME: Final = timedelta(seconds=3)
#: Half of the jobs end within 0.5 s of their creation (docs/scaling.md), so that a shorter pause mostly reads in vain.
FIRST_PAUSE: Final = timedelta(milliseconds=100)
MAX_PAUSE: Final = timedelta(seconds=1)

Sleep = Callable[[float], None]


def preferred_wait(header: str | None, longest: timedelta) -> timedelta | None:
    """Return the ``wait`` of a Prefer header, at most ``longest``.

    Return None if the header has no valid ``wait``, or if ``longest`` is 0. RFC 7240 requires that malformed
    preferences are ignored.
    """
    if not longest:
        return None
    for preference in (header or "").split(","):
        found = re.fullmatch(r'\s*wait\s*=\s*"?(\d{1,6})"?\s*(;.*)?', preference, re.IGNORECASE)
        if found:
            return min(timedelta(seconds=int(found[1])), longest)
    return None


def prefers_async(header: str | None) -> bool:
    """Return True if a Prefer header contains ``respond-async``."""
    return any(each.partition(";")[0].strip().lower() == "respond-async" for each in (header or "").split(","))


def wait_until_done(job: Job, until: datetime, jobs: JobTable, clock: Clock, sleep: Sleep = time.sleep) -> Job:
    """Poll a job with growing pauses until it has ended, or until ``until``. Return the job as it was last read.

    The job is already accepted. After an error, the function therefore returns the last known job instead of raising.
    """
    pause = FIRST_PAUSE
    while not job.status.is_terminal and (rest := until - clock()) > timedelta(0):
        sleep(min(pause, rest).total_seconds())
        try:
            job = jobs.get(job.id)
        except (ServiceError, JobNotFound):
            return job
        pause = min(pause * 1.5, MAX_PAUSE)
    return job
