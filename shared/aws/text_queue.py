"""A queue of texts, whatever they say."""

from datetime import timedelta
from typing import TYPE_CHECKING

from shared.aws.errors import translate_aws_errors

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: SQS's own limit.
MAX_VISIBILITY = timedelta(hours=12)


class TextQueue:
    """One queue. Every method raises ServiceError where SQS does not answer."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        """Work on the queue at ``url``."""
        self._client = client
        self._url = url

    def send(self, text: str) -> None:
        """Send a message."""
        with translate_aws_errors():
            self._client.send_message(QueueUrl=self._url, MessageBody=text)

    def return_after(self, receipt_handle: str, delay: timedelta) -> None:
        """Make a message that is in our hands visible again after ``delay``, whole seconds, rounded up."""
        seconds = -int(-min(max(delay, timedelta(0)), MAX_VISIBILITY).total_seconds() // 1)
        with translate_aws_errors():
            self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )
