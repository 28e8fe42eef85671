"""Lambda: environments that are warm or must be made, and the account's concurrency that all functions share."""

from collections import deque

from simulation.bucket import Bucket
from simulation.limits import limit


class Account:
    """What all functions of one account and region share."""

    def __init__(self, concurrency: float) -> None:
        """Allow so many invocations at a time."""
        self.concurrency = concurrency
        self.running = 0


class Function:
    """One function."""

    def __init__(self, account: Account, memory_mib: int) -> None:
        """Begin without environments."""
        self.running = 0
        self.most = 0
        """Invocations at a time, at most."""
        self.invocations = 0
        self.cold_starts = 0
        self.throttles = 0
        self.gib_seconds = 0.0
        self._memory = memory_mib / 1024
        self._account = account
        self._idle: deque[float] = deque()
        """When each idle environment was used last, the latest at the end: that one is taken first."""
        self._making = Bucket(limit("environments") / 10, limit("environments"))

    def begin(self, now: float) -> bool | None:
        """Start an invocation. Returns whether its environment is new, or None when Lambda throttles it."""
        if self._account.running >= self._account.concurrency:
            self.throttles += 1
            return None
        while self._idle and now - self._idle[0] > limit("environment_life"):
            self._idle.popleft()
        is_cold = not self._idle
        if is_cold:
            if not self._making.take(now):
                self.throttles += 1
                return None
            self.cold_starts += 1
        else:
            self._idle.pop()
        self._account.running += 1
        self.running += 1
        self.invocations += 1
        self.most = max(self.most, self.running)
        return is_cold

    def end(self, now: float, seconds: float, *, crashed: bool = False) -> None:
        """End an invocation that took so long. A crash costs its environment."""
        self._account.running -= 1
        self.running -= 1
        self.gib_seconds += seconds * self._memory
        if not crashed:
            self._idle.append(now)
