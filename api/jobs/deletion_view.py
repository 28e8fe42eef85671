"""A deletion over the wire: what went, what stays and until when."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field

from api.jobs.schemas import Moment, View
from shared.aws.dynamodb.request_log import RETENTION as ANSWERS_KEPT
from shared.jobs.deletion import Deletion


class GoneObjectView(View):
    """An object that was deleted."""

    key: str = Field(description="Object key in the image bucket.")
    size: int = Field(description="Bytes.")
    digest: str | None = Field(description="SHA-256 of the bytes, hexadecimal; null for what no record named.")


class StayingView(View):
    """What is still there."""

    what: Literal["statement", "log_lines", "answers", "backups", "versions"]
    holds: str = Field(description="What it tells of the job.")
    until: Moment | None = Field(description="Null where that is up to whoever keeps it.")


class DeletionView(View):
    """What a deletion has removed. The same for everybody who asks again, until it expires."""

    id: str
    deleted_at: Moment = Field(description="From this moment on the job was gone for everybody.")
    objects: list[GoneObjectView] = Field(description="The first 100.")
    object_count: int
    bytes: int = Field(description="Of all objects.")
    record: Literal["removed"] = Field(description="What the table held of the job: name, pipeline, history, receipt.")
    stays: list[StayingView]
    expires_at: Moment = Field(description="Until when this statement can be read.")

    @classmethod
    def of(cls, deletion: Deletion, *, log_days: int, backup_days: int) -> Self:
        """Show a statement; the days are those for which this deployment keeps log lines and backups."""
        at = deletion.deleted_at
        stays = [
            StayingView(what="statement", holds="This answer.", until=deletion.expires_at),
            StayingView(
                what="log_lines",
                holds="The job's ID, sizes, formats, error codes and times; no name and no picture.",
                until=at + timedelta(days=log_days),
            ),
            StayingView(
                what="answers",
                holds="The job's ID under the Idempotency-Keys of its requests.",
                until=at + ANSWERS_KEPT,
            ),
        ]
        if backup_days:
            stays.append(
                StayingView(
                    what="backups",
                    holds="The record, in the table's point-in-time recovery.",
                    until=at + timedelta(days=backup_days),
                )
            )
        if deletion.leaves_versions:
            held = "The objects, as older versions: somebody has switched versioning on for the bucket."
            stays.append(StayingView(what="versions", holds=held, until=None))
        return cls(
            id=deletion.job_id,
            deleted_at=at,
            objects=[GoneObjectView(key=each.key, size=each.size, digest=each.digest) for each in deletion.objects],
            object_count=deletion.object_count,
            bytes=deletion.bytes,
            record="removed",
            stays=stays,
            expires_at=deletion.expires_at,
        )
