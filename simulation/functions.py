"""Lambda functions: their execution environments, and the concurrency that all functions of an account share."""

from collections import deque

from simulation.limits import get_limit
from simulation.token_bucket import TokenBucket


class Account:
    """The concurrency that all functions of one account and region share."""

    def __init__(self, concurrency: float) -> None:
        """Create an account with a maximum number of concurrent invocations."""
        self.concurrency = concurrency
        self.running = 0


class Function:
    """One Lambda function."""

    def __init__(self, account: Account, memory_mib: int) -> None:
        """Create a function that has no execution environments yet."""
        self.running = 0
        self.max_running = 0
        self.invocations = 0
        self.cold_starts = 0
        self.throttles = 0
        self.gib_seconds = 0.0
        self._memory_gib = memory_mib / 1024
        self._account = account
        #: When each idle environment was last used, in increasing order. The last one is reused first.
        self._idle: deque[float] = deque()
        self._new_environments = TokenBucket(get_limit("environments") / 10, get_limit("environments"))

    def start(self, now: float) -> bool | None:
        """Start an invocation. Return True for a cold start and False for a warm start.

        Return None if Lambda throttles the invocation.
        """
        if self._account.running >= self._account.concurrency:
            self.throttles += 1
            return None
        while self._idle and now - self._idle[0] > get_limit("environment_lifetime"):
            self._idle.popleft()
        is_cold = not self._idle
        if is_cold:
            if not self._new_environments.take(now):
                self.throttles += 1
                return None
            self.cold_starts += 1
        else:
            self._idle.pop()
        self._account.running += 1
        self.running += 1
        self.invocations += 1
        self.max_running = max(self.max_running, self.running)
        return is_cold

    def finish(self, now: float, seconds: float, *, crashed: bool = False) -> None:
        """End an invocation that took ``seconds``. If it crashed, its environment is not used again."""
        self._account.running -= 1
        self.running -= 1
        self.gib_seconds += seconds * self._memory_gib
        if not crashed:
            self._idle.append(now)
