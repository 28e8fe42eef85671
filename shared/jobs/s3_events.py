"""What S3 says when bytes have arrived: the message of a direct upload.

S3 delivers at least once and in no certain order, so an arrival is a hint like any other: which job it means is
read from the key, and the job's record decides.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from shared.errors import BadMessage

#: What S3 sends to a queue when a notification is set up for it.
TEST_EVENT = "s3:TestEvent"


@dataclass(frozen=True, slots=True)
class CreatedObject:
    """One object that was stored."""

    bucket: str
    key: str
    #: Bytes.
    size: int


def parse_s3_event(body: str) -> tuple[CreatedObject, ...] | None:
    """Read S3's notification: none for its test event, or None where the message is no notification at all.

    Keys come URL-encoded, a space as a plus sign
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
    Raises BadMessage for a notification that lacks what it must have.
    """
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict):
        return None
    if event.get("Event") == TEST_EVENT:
        return ()
    if not isinstance(event.get("Records"), list):
        return None
    return tuple(_read(record) for record in event["Records"])


def _read(record: Any) -> CreatedObject:  # noqa: ANN401 - whatever came
    try:
        stored = record["s3"]["object"]
        return CreatedObject(
            bucket=str(record["s3"]["bucket"]["name"]),
            key=unquote_plus(str(stored["key"]), errors="strict"),
            size=int(stored.get("size", 0)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadMessage("The S3 event lacks bucket or key.") from error
