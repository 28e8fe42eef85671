"""Views of a deletion: what was removed, and what remains for how long."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, Literal, Self

from pydantic import Field

from api.http.schemas import Timestamp, View
from shared.aws.dynamodb.idempotency.request_log import RETENTION as ANSWERS_KEPT
from shared.jobs.deletion import Deletion
from shared.settings import ApiSettings
from shared.webhooks.delivery import RETENTION as DELIVERIES_KEPT

#: Longest ``MessageRetentionPeriod`` of the queues in ``infra/template.yaml``.
MESSAGES_KEPT: Final = timedelta(days=14)
#: Time for which DynamoDB keeps the records of a stream.
STREAM_KEPT: Final = timedelta(hours=24)

What = Literal[
    "statement", "log_lines", "answers", "messages", "stream", "deliveries", "backups", "late_objects", "versions"
]


class GoneObjectView(View):
    """A deleted object."""

    key: str = Field(description="Object key in the image bucket.")
    size: int = Field(description="Bytes.")
    digest: str | None = Field(
        description="SHA-256 digest, hexadecimal. Null if the job record did not contain the object."
    )


class StayingView(View):
    """Data about the job that remains after the deletion of the job."""

    what: What
    holds: str = Field(description="What the data contains about the job.")
    until: Timestamp | None = Field(description="When the data is removed. Null if this is not known.")


class DeletionView(View):
    """A statement of what a deletion removed. Repeated requests return the same statement until it expires."""

    id: str
    deleted_at: Timestamp = Field(
        description="When the job was deleted. Since then, other requests for the job return 404."
    )
    objects: list[GoneObjectView] = Field(description="The first 100 of the removed objects.")
    object_count: int
    bytes: int = Field(description="Total size of all removed objects in bytes.")
    record: Literal["removed"] = Field(description="The job record, with file name, pipeline, history and receipt.")
    stays: list[StayingView]
    expires_at: Timestamp = Field(description="When this statement expires.")

    @classmethod
    def of(cls, deletion: Deletion, settings: ApiSettings) -> Self:
        """Return the view of a deletion."""
        return cls(
            id=deletion.job_id,
            deleted_at=deletion.deleted_at,
            objects=[GoneObjectView(key=each.key, size=each.size, digest=each.digest) for each in deletion.objects],
            object_count=deletion.object_count,
            bytes=deletion.bytes,
            record="removed",
            stays=[
                StayingView(what=what, holds=holds, until=until)
                for what, holds, until in _list_remaining(deletion, settings)
            ],
            expires_at=deletion.expires_at,
        )


def _list_remaining(deletion: Deletion, settings: ApiSettings) -> Iterator[tuple[What, str, datetime | None]]:
    """Yield what remains: its name, what it contains about the job, and when it is removed."""
    at = deletion.deleted_at
    yield "statement", "This response.", deletion.expires_at
    log = "The job's ID, sizes, formats, error codes and times; no file name and no image."
    yield "log_lines", log, at + timedelta(days=settings.log_retention_days)
    yield "answers", "The job's ID under the Idempotency-Keys of its requests.", at + ANSWERS_KEPT
    yield "messages", "The job's ID and, for a direct upload, the key of its raw image.", at + MESSAGES_KEPT
    if settings.notifications == "on":
        yield "stream", "Earlier states of the record, in the table's stream.", at + STREAM_KEPT
    if deletion.has_webhook:
        events = "The events that were sent to the job's webhook, with the file name. A replay extends the time."
        yield "deliveries", events, at + DELIVERIES_KEPT
    if settings.backup_days:
        kept = DELIVERIES_KEPT if deletion.has_webhook else timedelta(0)
        records = "The record and the deliveries, if any, in the tables' point-in-time recovery."
        yield "backups", records, at + timedelta(days=settings.backup_days) + kept
    if deletion.expects_objects:
        late = (
            "Objects that a client with the upload form or a running attempt stores later. The attempt or a lifecycle"
            " rule of the bucket removes them."
        )
        yield "late_objects", late, None
    if deletion.leaves_versions:
        yield "versions", "The objects, as older versions, because versioning is enabled for the bucket.", None
