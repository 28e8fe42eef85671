"""The job queues: hints in, and a record sent back for later."""

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.aws.errors import translated
from shared.messages import JobMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MAX_VISIBILITY = timedelta(hours=12)
"""SQS's own limit."""


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

    def return_after(self, receipt_handle: str, delay: timedelta) -> None:
        """Make a record that is in our hands visible again after ``delay``, whole seconds, rounded up."""
        seconds = -int(-min(max(delay, timedelta(0)), MAX_VISIBILITY).total_seconds() // 1)
        with translated():
            self._client.change_message_visibility(
                QueueUrl=self.url,
                ReceiptHandle=receipt_handle,
                VisibilityTimeout=seconds,
            )
