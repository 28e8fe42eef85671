"""A token bucket. It limits the requests to the API gateway and the new execution environments of a function."""


class TokenBucket:
    """A bucket with at most ``burst`` tokens, to which ``rate`` tokens per second are added.

    The times of successive calls must not decrease.
    """

    def __init__(self, rate: float, burst: float) -> None:
        """Create a full bucket."""
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._updated_at = 0.0

    def take(self, now: float) -> bool:
        """Take one token. Return False if the bucket is empty."""
        self._tokens = min(self._burst, self._tokens + (now - self._updated_at) * self._rate)
        self._updated_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
