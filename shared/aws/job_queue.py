"""The job queues: hints in, and a record sent back for later."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from shared.aws.errors import translated
from shared.errors import ServiceUnavailable
from shared.messages import JobMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_VISIBILITY = timedelta(hours=12)
"""SQS's own limit."""
MAX_SENT = 10
"""Messages in one call: SQS's own limit."""


class JobQueue:
    """One queue. Every method raises ServiceError where SQS does not answer."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        """Work on the queue at ``url``."""
        self._client = client
        self.url = url

    @property
    def name(self) -> str:
        """Return the queue's name: the last part of its URL, and of its ARN."""
        return self.url.rsplit("/", 1)[-1]

    def send(self, message: JobMessage) -> None:
        """Send a hint."""
        with translated():
            self._client.send_message(QueueUrl=self.url, MessageBody=message.encode())

    def send_all(self, messages: Sequence[JobMessage]) -> None:
        """Send many hints, ten in a call. Where it raises, some may have been sent."""
        for start in range(0, len(messages), MAX_SENT):
            chunk = messages[start : start + MAX_SENT]
            with translated():
                answer = self._client.send_message_batch(
                    QueueUrl=self.url,
                    Entries=[{"Id": str(index), "MessageBody": each.encode()} for index, each in enumerate(chunk)],
                )
            # SQS names here what it did not take, with status 200.
            if answer.get("Failed"):
                raise ServiceUnavailable

    def return_after(self, receipt_handle: str, delay: timedelta) -> None:
        """Make a record that is in our hands visible again after ``delay``, whole seconds, rounded up."""
        seconds = -int(-min(max(delay, timedelta(0)), MAX_VISIBILITY).total_seconds() // 1)
        with translated():
            self._client.change_message_visibility(
                QueueUrl=self.url,
                ReceiptHandle=receipt_handle,
                VisibilityTimeout=seconds,
            )
