"""The ``Images`` table: the truth about every job. Each transition is one conditional write."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.batch_item import count_member_change
from shared.aws.dynamodb.expressions import is_refused, names, refused_item
from shared.aws.dynamodb.job_item import from_item, from_wire, to_item, to_wire, transition_to_map
from shared.aws.dynamodb.transactions import transact
from shared.aws.errors import translate_aws_errors
from shared.clock import to_iso
from shared.errors import JobNotFound, ServiceError, ServiceUnavailable
from shared.jobs.batch import count_changes
from shared.jobs.job import Job, JobStatus, Transition
from shared.jobs.message import JobMessage

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: What the reconciler grants a worker beyond its lease.
DUE_MARGIN = timedelta(seconds=60)


class RefusalReason(StrEnum):
    """Why a job was not handed out."""

    #: No such record: deleted, or past its retention.
    GONE = "gone"
    #: The upload came too late.
    EXPIRED = "expired"
    #: Terminal: the message is a duplicate.
    FINISHED = "finished"
    #: The message is of an older generation, or the job waits for something else.
    STALE = "stale"
    #: Another worker has it.
    LEASED = "leased"


@dataclass(frozen=True, slots=True)
class ClaimRefusal:
    """The answer to a claim that found the job not free."""

    reason: RefusalReason
    lease_until: datetime | None = None


class JobTable:
    """All that one can do to the record of a job. Every method raises ServiceError where DynamoDB fails.

    A write that timed out may have happened, and botocore then sends it again. Each conditional write
    here recognises its own traces in the refused item and takes them for success.
    """

    def __init__(
        self, client: "DynamoDBClient", table: str, *, batch_table: str, bucket: str, listing_shards: int
    ) -> None:
        """Work on ``table``; ``bucket`` completes the ``s3://`` paths of its items.

        What becomes of members of batches is counted in ``batch_table``, in the write that moves them.
        """
        self._client = client
        self._table = table
        self._batch_table = batch_table
        self._bucket = bucket
        self._listing_shards = listing_shards

    def create(self, job: Job) -> Job:
        """Write the record of a new job, from here on accepted, and return it.

        A request that is made again under its Idempotency-Key brings the ID and moment of its first
        try: the job that this one made is returned as it stands.
        """
        try:
            with translate_aws_errors():
                self._client.put_item(
                    TableName=self._table,
                    Item=to_wire(to_item(job, self._bucket, self._listing_shards)),
                    ConditionExpression="attribute_not_exists(#ID)",
                    ExpressionAttributeNames={"#ID": "ID"},
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ServiceError as error:
            # An ID holds 80 random bits: an equal record is ours, from a try whose answer was lost.
            if (old := refused_item(error)) is None or from_item(old).uploaded_at != job.uploaded_at:
                raise
            return from_item(old)
        return job

    def get(self, job_id: str, *, deleted: bool = False) -> Job:
        """Read a job as last written; a tombstone only if ``deleted`` ones are wanted. Raises JobNotFound."""
        with translate_aws_errors():
            answer = self._client.get_item(TableName=self._table, Key=_key(job_id), ConsistentRead=True)
        if "Item" not in answer or ("DeletedAt" in answer["Item"] and not deleted):
            raise JobNotFound
        return from_item(from_wire(answer["Item"]))

    def claim(
        self, message: JobMessage, *, now: datetime, lease: timedelta, arrived: bool = False
    ) -> Job | ClaimRefusal:
        """Take a job for one attempt, in one write.

        Free is what is PENDING, or PROCESSING with a lease that ran out, in the generation that the
        message names; with ``arrived``, because S3 says that the bytes are there, also what is AWAITING_UPLOAD.
        The job that is returned carries the new attempt number.
        """
        claimant = uuid.uuid4().hex
        lease_until = now + lease
        line = transition_to_map(Transition(status=JobStatus.PROCESSING, at=now))
        values = {
            ":generation": message.generation,
            ":pending": JobStatus.PENDING.value,
            ":processing": JobStatus.PROCESSING.value,
            ":now": to_iso(now),
            ":lease": to_iso(lease_until),
            ":due": to_iso(lease_until + DUE_MARGIN),
            ":one": 1,
            ":line": [line],
            ":claimant": claimant,
        } | ({":awaiting": JobStatus.AWAITING_UPLOAD.value} if arrived else {})
        awaiting = " OR #Status = :awaiting" if arrived else ""
        try:
            with translate_aws_errors():
                answer = self._client.update_item(
                    TableName=self._table,
                    Key=_key(message.job_id),
                    UpdateExpression=(
                        "SET #Status = :processing, #Timestamp = :now, #LeaseUntil = :lease, #DueAt = :due,"
                        " #Attempt = #Attempt + :one, #Claimant = :claimant,"
                        " #History = list_append(#History, :line)"
                    ),
                    ConditionExpression=(
                        "#Generation = :generation AND"
                        f" (#Status = :pending OR (#Status = :processing AND #LeaseUntil < :now){awaiting})"
                    ),
                    ExpressionAttributeNames=names(
                        "Status", "Timestamp", "LeaseUntil", "DueAt", "Attempt", "Claimant", "History", "Generation"
                    ),
                    ExpressionAttributeValues=to_wire(values),
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ServiceError as error:
            if not is_refused(error):
                raise
            old = refused_item(error)
            if old is not None and old.get("Claimant") == claimant:
                return from_item(old)
            return _why_refused(old, message, arrived=arrived)
        return from_item(from_wire(answer["Attributes"]))

    def commit(self, job: Job) -> bool:
        """Write the end of an attempt, on condition that this attempt is still the newest and runs.

        Returns False when it is not: another worker has taken over, or the owner has cancelled, and
        nothing was changed.
        """
        try:
            with translate_aws_errors():
                self._replace(
                    _running(job),
                    job,
                    condition="#Status = :running AND #Attempt = :attempt AND #Generation = :generation",
                    values={
                        ":running": JobStatus.PROCESSING.value,
                        ":attempt": job.attempt,
                        ":generation": job.generation,
                    },
                )
        except ServiceError as error:
            if not is_refused(error):
                raise
            return _is_same_end(refused_item(error), job)
        return True

    def compare_and_swap(self, seen: Job, new: Job) -> bool:
        """Write a new value of a job, on condition that nobody has moved it since it was read.

        Returns False when somebody has, and nothing was changed.
        """
        try:
            return self.transition(seen, new) is new
        except JobNotFound:
            return False

    def transition(self, seen: Job, new: Job) -> Job:
        """Do as :meth:`swap`, and return ``new`` itself, or the job as it stands when somebody has moved it.

        Raises JobNotFound when it is gone.
        """
        # Every move that keeps status, attempt and generation moves the due time; only a burial may leave it where
        # it is, when the job was put off to that very moment already, and counts.
        due = "#DueAt = :seen_due" if seen.due_at else "attribute_not_exists(#DueAt)"
        letters = "#DeadLetters = :seen_letters" if seen.dead_letters else "attribute_not_exists(#DeadLetters)"
        try:
            with translate_aws_errors():
                self._replace(
                    seen,
                    new,
                    condition=(
                        "#Status = :seen AND #Attempt = :attempt AND #Generation = :seen_generation"
                        f" AND {due} AND {letters}"
                    ),
                    values={":seen": seen.status.value, ":attempt": seen.attempt, ":seen_generation": seen.generation}
                    | ({":seen_due": to_iso(seen.due_at)} if seen.due_at else {})
                    | ({":seen_letters": seen.dead_letters} if seen.dead_letters else {}),
                )
        except ServiceError as error:
            if not is_refused(error):
                raise
            if (old := refused_item(error)) is None:
                raise JobNotFound from error
            stored = from_item(old)
            return new if _holds(stored, new) else stored
        return new

    def remove(self, job_id: str) -> None:
        """Take away a tombstone. That it is gone already is no fault."""
        try:
            with translate_aws_errors():
                self._client.delete_item(
                    TableName=self._table,
                    Key=_key(job_id),
                    ConditionExpression="attribute_not_exists(#ID) OR attribute_exists(#DeletedAt)",
                    ExpressionAttributeNames=names("ID", "DeletedAt"),
                )
        except ServiceError as error:
            # A job that lives again under this ID is another request's, and stays.
            if not is_refused(error):
                raise

    def ping(self) -> None:
        """Tell, by not raising, that the table answers."""
        with translate_aws_errors():
            self._client.get_item(TableName=self._table, Key=_key("health"))

    def _replace(self, seen: Job, job: Job, *, condition: str, values: Mapping[str, Any]) -> None:
        """Write every attribute that a transition may change, and leave those that this version does not know."""
        item = to_item(job, self._bucket, self._listing_shards)
        written = {name: value for name, value in item.items() if name not in IMMUTABLE_ATTRIBUTES}
        absent = [name for name in OPTIONAL_ATTRIBUTES if name not in item]
        sets = ", ".join(f"#{name} = :{name}" for name in written)
        removes = ", ".join(f"#{name}" for name in absent)
        update: Any = {
            "TableName": self._table,
            "Key": _key(job.id),
            "UpdateExpression": f"SET {sets}" + (f" REMOVE {removes}" if removes else ""),
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names(*written, *absent),
            "ExpressionAttributeValues": to_wire(
                {f":{name}": value for name, value in written.items()} | dict(values),
            ),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        steps = count_changes(seen, job) if job.batch_id else {}
        if steps:
            transact(self._client, [{"Update": update}, count_member_change(self._batch_table, job, seen, steps)])
        else:
            self._client.update_item(**update)


#: Attributes that a transition may take away.
OPTIONAL_ATTRIBUTES = (
    "RawSize",
    "RawFormat",
    "Digest",
    "S3Path",
    "Size",
    "Format",
    "Width",
    "Height",
    "Preset",
    "Assets",
    "Outputs",
    "Warnings",
    "Excused",
    "Sweeps",
    "DeadLetters",
    "LeaseUntil",
    "DueAt",
    "OpenShard",
    "Error",
    "Receipt",
    "DeadShard",
    "DeadReason",
)
#: Attributes that are written with a job and never change.
IMMUTABLE_ATTRIBUTES = frozenset(
    (
        "ID",
        "Filename",
        "UploadedAt",
        "RawPath",
        "Promise",
        "Source",
        "BatchID",
        "Webhook",
        "Owner",
        "OwnerShard",
        "ExpiresAt",
    )
)


def _key(job_id: str) -> dict[str, Any]:
    return {"ID": {"S": job_id}}


def _running(job: Job) -> Job:
    """Return what a commit demands to find: the job as it was while it ran."""
    return replace(job, status=JobStatus.PROCESSING, deleted_at=None)


def _why_refused(old: Mapping[str, Any] | None, message: JobMessage, *, arrived: bool) -> ClaimRefusal:
    if old is None or "DeletedAt" in old:
        return ClaimRefusal(RefusalReason.GONE)
    job = from_item(old)
    if job.status is JobStatus.EXPIRED:
        return ClaimRefusal(RefusalReason.EXPIRED)
    if job.generation != message.generation:
        return ClaimRefusal(RefusalReason.STALE)
    if job.status.is_terminal:
        return ClaimRefusal(RefusalReason.FINISHED)
    if job.status is JobStatus.PROCESSING:
        return ClaimRefusal(RefusalReason.LEASED, job.lease_until)
    if job.status is JobStatus.AWAITING_UPLOAD and not arrived:
        return ClaimRefusal(RefusalReason.STALE)
    # PENDING in the right generation refuses nobody: the job moved while the answer was on its way.
    raise ServiceUnavailable


def _is_same_end(old: Mapping[str, Any] | None, job: Job) -> bool:
    """Tell whether the refused write is already there, from a try whose answer was lost."""
    if old is None:
        return False
    stored = from_item(old)
    return (stored.status, stored.attempt, stored.generation, stored.timestamp) == (
        job.status,
        job.attempt,
        job.generation,
        job.timestamp,
    )


def _holds(stored: Job, moved: Job) -> bool:
    """Tell whether a refused move is already there, from a try whose answer was lost, whatever came after it."""
    return (
        stored.generation == moved.generation
        and stored.deleted_at == moved.deleted_at
        and stored.pipeline == moved.pipeline
        and moved.history[-1] in stored.history
    )
