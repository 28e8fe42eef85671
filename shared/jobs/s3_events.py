"""S3 event notifications of direct uploads.

S3 delivers them at least once and in any order. The key in an event therefore only identifies the job. What happens
next depends on the job record.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from shared.errors import BadMessage
from shared.jobs.message import JobMessage
from shared.jobs.object_keys import job_of_direct_key

#: Sent by S3 when a notification is configured.
TEST_EVENT = "s3:TestEvent"
#: Start of the names of events about objects that were created, such as ``ObjectCreated:Put``.
CREATED = "ObjectCreated:"


@dataclass(frozen=True, slots=True)
class CreatedObject:
    """One object that an event is about."""

    bucket: str
    key: str
    #: Bytes.
    size: int
    #: Version ID in a versioned bucket.
    version: str | None = None
    #: False if the event says something else, such as the deletion of the object.
    is_created: bool = True

    def to_message(self, bucket: str) -> JobMessage | None:
        """Return the message for the upload's job, or None if the object is not a direct upload to ``bucket``.

        The generation is 1, because an upload starts only the first generation. Each retry sends its own message.
        """
        job_id = job_of_direct_key(self.key)
        return JobMessage(job_id=job_id, generation=1) if job_id and self.bucket == bucket else None


def parse_s3_event(body: str) -> tuple[CreatedObject, ...] | None:
    """Return the objects of a notification, or None if the message is not a notification.

    S3's test event has no objects.

    Keys are URL-encoded, with a plus sign for a space
    (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html).
    Raises BadMessage if the notification is malformed.
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
    return tuple(_parse_record(record) for record in event["Records"])


def split_s3_event(body: str) -> tuple[tuple[CreatedObject, str], ...] | None:
    """Split a notification into one notification for each object. Return pairs of an object and its notification.

    Return None if the message is not a notification. Raises BadMessage if the notification is malformed.
    """
    objects = parse_s3_event(body)
    if not objects:
        return None if objects is None else ()
    records = json.loads(body)["Records"]
    return tuple((created, json.dumps({"Records": [record]})) for created, record in zip(objects, records, strict=True))


def _parse_record(record: Any) -> CreatedObject:  # noqa: ANN401 - any JSON value
    try:
        stored = record["s3"]["object"]
        return CreatedObject(
            bucket=str(record["s3"]["bucket"]["name"]),
            key=unquote_plus(str(stored["key"]), errors="strict"),
            size=int(stored.get("size", 0)),
            version=str(stored["versionId"]) if stored.get("versionId") else None,
            is_created=str(record.get("eventName", CREATED)).removeprefix("s3:").startswith(CREATED),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadMessage("The S3 event lacks bucket or key.") from error
