"""A clock and a random source, which tests can replace, and the polling loop that uses them."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from safelight.errors import WaitedTooLong
from safelight.models import Job

#: Delay between the first and the second request.
FIRST_DELAY_SECONDS = 0.25
DELAY_FACTOR = 1.5
MAX_DELAY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Timing:
    """A clock and a random source."""

    #: Waits for a number of seconds.
    sleep: Callable[[float], None] = time.sleep
    #: Returns the number of seconds since a fixed but arbitrary time.
    monotonic: Callable[[], float] = time.monotonic
    #: Returns a random number in [0, 1).
    jitter: Callable[[], float] = random.SystemRandom().random


SYSTEM_TIMING = Timing()


def wait_until_done(
    poll: Callable[[], tuple[Job, float | None]],
    *,
    timeout: float | None,
    timing: Timing,
) -> Job:
    """Poll a job until it has ended, and return it.

    ``poll`` returns the job and the API's ``Retry-After`` in seconds, which is the minimum delay. ``timeout`` is in
    seconds. With None, there is no limit. Raises WaitedTooLong if the job has not ended within the timeout.
    """
    started = timing.monotonic()
    delay = FIRST_DELAY_SECONDS
    while True:
        job, retry_after = poll()
        if job.done:
            return job
        pause = max(delay, retry_after or 0.0)
        if timeout is not None:
            left = started + timeout - timing.monotonic()
            if left <= 0:
                raise WaitedTooLong(f"Job {job.id} is still {job.status} after {timeout:g} s. It continues to run.")
            pause = min(pause, left)
        timing.sleep(pause)
        delay = min(MAX_DELAY_SECONDS, delay * DELAY_FACTOR)
