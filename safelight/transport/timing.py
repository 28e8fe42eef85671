"""The clock and the dice, as one value, so that a test needs neither to wait nor to be lucky."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """How the client waits."""

    #: Seconds.
    sleep: Callable[[float], None] = time.sleep
    #: Seconds since some moment.
    monotonic: Callable[[], float] = time.monotonic
    #: A number from 0 up to, not including, 1.
    jitter: Callable[[], float] = random.SystemRandom().random


REAL = Timing()
