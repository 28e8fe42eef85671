"""The SNS topic of job events."""

from typing import TYPE_CHECKING

from shared.aws.errors import translate_aws_errors
from shared.webhooks.event import Event

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class EventTopic:
    """One topic. Every method raises ServiceError if SNS does not respond or refuses the call."""

    def __init__(self, client: "SNSClient", arn: str) -> None:
        """Use the topic ``arn``."""
        self._client = client
        self._arn = arn

    def publish(self, event: Event) -> None:
        """Publish an event. Its type is a message attribute, for filter policies of subscriptions."""
        with translate_aws_errors():
            self._client.publish(
                TopicArn=self._arn,
                Message=event.body,
                MessageAttributes={"type": {"DataType": "String", "StringValue": event.type}},
            )
