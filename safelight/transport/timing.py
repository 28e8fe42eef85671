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


class Pauses:
    """The pauses between the requests for the status of a job, which become longer."""

    def __init__(self, timeout: float | None, timing: Timing) -> None:
        """Start to wait, at most ``timeout`` seconds. With None, there is no limit."""
        self._timeout, self._timing = timeout, timing
        self._started = timing.monotonic()
        self._delay = FIRST_DELAY_SECONDS

    def next_after(self, job: Job, retry_after: float | None) -> float:
        """Return the seconds until the next request, given the current job and the API's ``Retry-After``.

        Raises WaitedTooLong if the timeout is over.
        """
        pause = max(self._delay, retry_after or 0.0)
        if self._timeout is not None:
            left = self._started + self._timeout - self._timing.monotonic()
            if left <= 0:
                raise WaitedTooLong(
                    f"Job {job.id} is still {job.status} after {self._timeout:.0f} s. It continues to run."
                )
            pause = min(pause, left)
        self._delay = min(MAX_DELAY_SECONDS, self._delay * DELAY_FACTOR)
        return pause


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
    pauses = Pauses(timeout, timing)
    while True:
        job, retry_after = poll()
        if job.done:
            return job
        timing.sleep(pauses.next_after(job, retry_after))
