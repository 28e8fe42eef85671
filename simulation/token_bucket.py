"""The token bucket that limits an API gateway's requests and Lambda's new environments."""


class TokenBucket:
    """Holds at most ``burst`` tokens and gains ``rate`` tokens per second. Times must not decrease."""

    def __init__(self, rate: float, burst: float) -> None:
        """Start with a full bucket."""
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
