"""SQS messages."""


class Message:
    """An SQS message for one job."""

    __slots__ = ("job", "receives", "sent")

    def __init__(self, job: int, sent: float) -> None:
        """Create a message that has not been received yet."""
        self.job = job
        self.sent = sent
        self.receives = 0
