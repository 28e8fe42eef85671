"""``Prefer: wait=N`` (RFC 7240): hold the answer until the job is done, for a while."""

import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from shared.aws.dynamodb.job_table import JobTable
from shared.clock import Clock
from shared.errors import JobNotFound, ServiceError
from shared.jobs.job import Job

#: API Gateway gives up after 29 seconds.
MAX_WAIT: Final = timedelta(seconds=20)
#: What must be left of the invocation for the answer itself: an accepted job whose ID is lost is sent again.
ANSWER_TIME: Final = timedelta(seconds=3)
FIRST_PAUSE: Final = timedelta(milliseconds=50)
LONGEST_PAUSE: Final = timedelta(milliseconds=500)

Sleep = Callable[[float], None]


def preferred_wait(header: str | None) -> timedelta | None:
    """Read ``wait`` out of a Prefer header, capped, or return None. The RFC has us ignore what can't be read."""
    for preference in (header or "").split(","):
        found = re.fullmatch(r'\s*wait\s*=\s*"?(\d{1,6})"?\s*(;.*)?', preference, re.IGNORECASE)
        if found:
            return min(timedelta(seconds=int(found[1])), MAX_WAIT)
    return None


def wait_until_done(job: Job, until: datetime, jobs: JobTable, clock: Clock, sleep: Sleep = time.sleep) -> Job:
    """Read a job again and again, ever more slowly, until it is done or the time is up.

    The job is accepted already: when it can't be read any more the answer is the job as last known.
    """
    pause = FIRST_PAUSE
    while not job.status.is_terminal and (rest := until - clock()) > timedelta(0):
        sleep(min(pause, rest).total_seconds())
        try:
            job = jobs.get(job.id)
        except (ServiceError, JobNotFound):
            return job
        pause = min(pause * 1.5, LONGEST_PAUSE)
    return job
