"""How many requests may be under way: more while all goes well, half as many when the other side is in trouble.

Additive increase, multiplicative decrease, as TCP does it (RFC 5681): one more for every round of successes, half
for every round with trouble in it, and no request before the moment that the other side named.
"""

from dataclasses import dataclass, field

#: Requests at the beginning.
FIRST = 4
#: Most requests at once, and so most threads.
CEILING = 32
#: Pause after a first trouble; each further one without a success in between doubles it.
BASE_SECONDS = 0.5
LONGEST_SECONDS = 20.0
#: Longest ``Retry-After`` that is believed.
LONGEST_ASKED_SECONDS = 300.0


@dataclass(slots=True)
class Pace:
    """The limit of one run. Moments are seconds of any one monotonic clock."""

    ceiling: int = CEILING
    #: Whether the limit stays at the ceiling; pauses are kept all the same.
    steady: bool = False
    limit: float = field(init=False)
    #: Before this moment nothing is sent.
    resume_at: float = field(init=False, default=float("-inf"))
    _halved_at: float = field(init=False, default=float("-inf"))
    _troubles: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        self.limit = float(self.ceiling if self.steady else min(FIRST, self.ceiling))

    def allows(self, under_way: int, now: float) -> bool:
        """Tell whether one more request may be sent. In trouble, one alone feels the way."""
        return now >= self.resume_at and under_way < (1 if self._troubles > 1 else int(self.limit))

    def went_well(self, under_way: int) -> None:
        """Take note of a success, with so many others still under way: the limit grows only where it is felt."""
        self._troubles = 0
        if not self.steady and under_way + 1 >= int(self.limit):
            self.limit = min(float(self.ceiling), self.limit + 1 / self.limit)

    def met_trouble(self, *, started: float, now: float, jitter: float, asked: float | None = None) -> None:
        """Take note of a refusal, a timeout or a broken connection of a request that began at ``started``.

        ``asked`` is the ``Retry-After``, seconds, never undercut; ``jitter`` from 0 to 1 spreads what comes back.
        Requests that were under way together halve the limit once.
        """
        if started >= self._halved_at:
            self._troubles += 1
            self._halved_at = now
            if not self.steady:
                self.limit = max(1.0, self.limit / 2)
        if asked is None:
            pause = min(LONGEST_SECONDS, BASE_SECONDS * 2.0 ** (self._troubles - 1)) * (0.5 + jitter / 2)
        else:
            pause = min(asked, LONGEST_ASKED_SECONDS) * (1 + jitter / 4)
        self.resume_at = max(self.resume_at, now + pause)
