"""The topic on which every job's end is told."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shared.aws.errors import translated
from shared.events import Event

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

MAX_ENTRIES = 10
"""SNS takes no more in one call."""


class EventTopic:
    """One topic. Every method raises ServiceError where SNS does not answer."""

    def __init__(self, client: "SNSClient", arn: str) -> None:
        """Work on the topic ``arn``."""
        self._client = client
        self._arn = arn

    def publish(self, events: Sequence[Event]) -> set[int]:
        """Tell of some events; return the places of those that SNS has refused.

        Each has its type as a message attribute, by which a subscription may choose.
        """
        refused: set[int] = set()
        for start in range(0, len(events), MAX_ENTRIES):
            with translated():
                answer = self._client.publish_batch(
                    TopicArn=self._arn,
                    PublishBatchRequestEntries=[
                        {
                            "Id": str(start + place),
                            "Message": event.body,
                            "MessageAttributes": {"type": {"DataType": "String", "StringValue": event.type}},
                        }
                        for place, event in enumerate(events[start : start + MAX_ENTRIES])
                    ],
                )
            refused |= {int(failure["Id"]) for failure in answer.get("Failed", ())}
        return refused
