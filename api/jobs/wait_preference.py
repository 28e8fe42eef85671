"""``Prefer: wait=N`` (RFC 7240): wait for a job before responding."""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from shared.aws.dynamodb.job_table import JobTable
from shared.clock import Clock
from shared.errors import JobNotFound, ServiceError
from shared.jobs.job import Job

#: API Gateway times out after 29 seconds.
MAX_WAIT: Final = timedelta(seconds=20)
#: Part of the invocation reserved for the response. If it is lost, the caller sends the job again.
RESPONSE_TIME: Final = timedelta(seconds=3)
FIRST_PAUSE: Final = timedelta(milliseconds=50)
MAX_PAUSE: Final = timedelta(milliseconds=500)

Sleep = Callable[[float], None]


def preferred_wait(header: str | None) -> timedelta | None:
    """Return the ``wait`` of a Prefer header, capped, or None. RFC 7240 requires ignoring malformed preferences."""
    for preference in (header or "").split(","):
        found = re.fullmatch(r'\s*wait\s*=\s*"?(\d{1,6})"?\s*(;.*)?', preference, re.IGNORECASE)
        if found:
            return min(timedelta(seconds=int(found[1])), MAX_WAIT)
    return None


def wait_until_done(job: Job, until: datetime, jobs: JobTable, clock: Clock, sleep: Sleep = time.sleep) -> Job:
    """Poll a job with growing pauses until it is done or ``until`` is reached. Return its latest known state.

    The job is already accepted, so an error while polling returns the last known state.
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
