"""The SNS topic of job events."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from shared.aws.entries import call_in_groups
from shared.aws.errors import translate_aws_errors
from shared.errors import ServiceError
from shared.webhooks.event import Event

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class EventTopic:
    """One topic."""

    def __init__(self, client: "SNSClient", arn: str) -> None:
        """Use the topic ``arn``."""
        self._client = client
        self._arn = arn

    def publish(self, events: Sequence[Event]) -> list[ServiceError | None]:
        """Publish events. Return the error of each event, or None if SNS has accepted it.

        The type of an event is a message attribute, for filter policies of subscriptions.
        """
        return call_in_groups(events, self._publish, lambda event: len(event.body.encode()))

    def _publish(self, events: Sequence[Event]) -> Sequence[Mapping[str, Any]]:
        entries: Any = [
            {
                "Id": str(position),
                "Message": event.body,
                "MessageAttributes": {"type": {"DataType": "String", "StringValue": event.type}},
            }
            for position, event in enumerate(events)
        ]
        with translate_aws_errors():
            response = self._client.publish_batch(TopicArn=self._arn, PublishBatchRequestEntries=entries)
        return response.get("Failed", [])
