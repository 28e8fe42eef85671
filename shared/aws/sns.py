"""The topic on which every job's end is told."""

from typing import TYPE_CHECKING

from shared.aws.errors import translate_aws_errors
from shared.webhooks.event import Event

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class EventTopic:
    """One topic. Every method raises ServiceError where SNS does not answer, or refuses."""

    def __init__(self, client: "SNSClient", arn: str) -> None:
        """Work on the topic ``arn``."""
        self._client = client
        self._arn = arn

    def publish(self, event: Event) -> None:
        """Tell of an event. Its type is a message attribute, by which a subscription may choose."""
        with translate_aws_errors():
            self._client.publish(
                TopicArn=self._arn,
                Message=event.body,
                MessageAttributes={"type": {"DataType": "String", "StringValue": event.type}},
            )
