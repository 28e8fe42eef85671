"""Adaptive concurrency: additive increase, multiplicative decrease, as in TCP (RFC 5681).

A round is the requests that run at the same time. The limit grows by one after a round of successes and is halved after
a round with a failure. No request is sent before the server's ``Retry-After`` has passed.
"""

from dataclasses import dataclass, field

INITIAL_LIMIT = 4
#: Maximum number of concurrent requests.
MAX_LIMIT = 32
#: Pause after the first failure. Each further failure without a success in between doubles it.
FIRST_PAUSE_SECONDS = 0.5
MAX_PAUSE_SECONDS = 20.0
#: Longest ``Retry-After`` that is respected.
MAX_RETRY_AFTER_SECONDS = 300.0


@dataclass(slots=True)
class ConcurrencyLimit:
    """The limit on concurrent requests in one run. Times are in seconds and from the same monotonic clock."""

    maximum: int = MAX_LIMIT
    #: If true, the limit is always the maximum. Pauses still apply.
    fixed: bool = False
    limit: float = field(init=False)
    #: No request is sent before this time.
    resume_at: float = field(init=False, default=float("-inf"))
    _halved_at: float = field(init=False, default=float("-inf"))
    _failed_rounds: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.limit = float(self.maximum if self.fixed else min(INITIAL_LIMIT, self.maximum))

    def allows(self, active: int, now: float) -> bool:
        """Return True if one more request may be sent. After repeated failures, only one request probes the server."""
        return now >= self.resume_at and active < (1 if self._failed_rounds > 1 else int(self.limit))

    def record_success(self, active: int) -> None:
        """Record a success while ``active`` other requests run. The limit grows only if it is fully used."""
        self._failed_rounds = 0
        if not self.fixed and active + 1 >= int(self.limit):
            self.limit = min(float(self.maximum), self.limit + 1 / self.limit)

    def record_failure(self, *, started: float, now: float, jitter: float, retry_after: float | None = None) -> None:
        """Record a refusal, a timeout or a broken connection of a request that began at ``started``.

        ``retry_after`` is in seconds; ``jitter``, from 0 to 1, spreads the retries of many clients. Requests that ran
        at the same time halve the limit once.
        """
        if started >= self._halved_at:
            self._failed_rounds += 1
            self._halved_at = now
            if not self.fixed:
                self.limit = max(1.0, self.limit / 2)
        if retry_after is None:
            pause = min(MAX_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** (self._failed_rounds - 1)) * (0.5 + jitter / 2)
        else:
            pause = min(retry_after, MAX_RETRY_AFTER_SECONDS) * (1 + jitter / 4)
        self.resume_at = max(self.resume_at, now + pause)
