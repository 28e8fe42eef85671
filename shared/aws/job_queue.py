"""The job queues: hints in, and a record sent back for later."""

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.aws.text_queue import TextQueue
from shared.jobs.message import JobMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class JobQueue:
    """One queue. Every method raises ServiceError where SQS does not answer."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        """Work on the queue at ``url``."""
        self._texts = TextQueue(client, url)
        self.url = url

    @property
    def name(self) -> str:
        """Return the queue's name: the last part of its URL, and of its ARN."""
        return self.url.rsplit("/", 1)[-1]

    def send(self, message: JobMessage) -> None:
        """Send a hint."""
        self._texts.send(message.encode())

    def return_after(self, receipt_handle: str, delay: timedelta) -> None:
        """Make a record that is in our hands visible again after ``delay``, whole seconds, rounded up."""
        self._texts.return_after(receipt_handle, delay)
