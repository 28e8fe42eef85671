"""The token bucket: what a gateway's throttle and Lambda's scaling rate are."""


class Bucket:
    """Holds at most ``burst`` tokens and gains ``rate`` a second. The clock must not go back."""

    def __init__(self, rate: float, burst: float) -> None:
        """Begin full."""
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = 0.0

    def take(self, now: float) -> bool:
        """Take one token, if there is one."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
