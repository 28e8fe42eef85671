"""Waiting for a job: ask, wait as the API advises, ask again."""

from collections.abc import Callable

from safelight.errors import WaitedTooLong
from safelight.models import Job
from safelight.transport.timing import Timing

#: Distance of the second look from the first, where the API gives no advice.
FIRST_SECONDS = 0.25
GROWTH = 1.5
LONGEST_SECONDS = 10.0


def wait_until_done(
    look: Callable[[], tuple[Job, float | None]],
    *,
    timeout: float | None,
    timing: Timing,
) -> Job:
    """Return the job once nothing more happens to it.

    ``look`` returns the job and the API's ``Retry-After`` in seconds, which is never undercut. ``timeout``
    is in seconds, None for ever. Raises WaitedTooLong.
    """
    started = timing.monotonic()
    distance = FIRST_SECONDS
    while True:
        job, advised = look()
        if job.done:
            return job
        pause = max(distance, advised or 0.0)
        if timeout is not None:
            left = started + timeout - timing.monotonic()
            if left <= 0:
                raise WaitedTooLong(f"Job {job.id} is still {job.status} after {timeout:g} s; it goes on by itself.")
            pause = min(pause, left)
        timing.sleep(pause)
        distance = min(LONGEST_SECONDS, distance * GROWTH)
