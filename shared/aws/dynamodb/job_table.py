"""The ``Images`` table: the record of every job. Each transition is one conditional write."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from shared.aws.clients import Clients
from shared.aws.dynamodb.batch_item import count_member_change
from shared.aws.dynamodb.expressions import get_refused_item, is_refused, placeholders
from shared.aws.dynamodb.idempotency.token_table import TokenTable
from shared.aws.dynamodb.job_item import (
    IMMUTABLE_ATTRIBUTES,
    OPTIONAL_ATTRIBUTES,
    from_item,
    to_item,
    transition_to_map,
)
from shared.aws.dynamodb.owner_quotas import MAX_TRIES, OwnerQuotas, count_opening
from shared.aws.dynamodb.transactions import transact
from shared.aws.dynamodb.wire import from_wire, to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import to_iso
from shared.errors import (
    JobNotFound,
    QuotaExceeded,
    ServiceError,
    ServiceThrottled,
    ServiceUnavailable,
    TokenNotFound,
    TokenUsedUp,
)
from shared.jobs.batch import count_changes
from shared.jobs.job import Job, JobStatus, Transition
from shared.jobs.message import JobMessage
from shared.settings import StoreSettings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

#: Time from the end of a lease until the reconciler checks the job.
DUE_MARGIN = timedelta(seconds=60)


class RefusalReason(StrEnum):
    """Why a claim was refused."""

    #: There is no record: the job was deleted or its retention has ended.
    GONE = "gone"
    #: The upload did not arrive in time.
    EXPIRED = "expired"
    #: The job has ended: the message is a duplicate.
    FINISHED = "finished"
    #: The message has an older generation, or the job still awaits its upload.
    STALE = "stale"
    #: Another worker holds the lease.
    LEASED = "leased"
    #: The job has used all its attempts and has not been failed yet.
    EXHAUSTED = "exhausted"


@dataclass(frozen=True, slots=True)
class ClaimRefusal:
    """The result of a claim if the job is not free."""

    reason: RefusalReason
    #: The job as stored, if it exists.
    job: Job | None = None


class JobTable:
    """Records of jobs. Every method raises ServiceError if DynamoDB fails.

    botocore repeats a write that timed out, although the write may have succeeded. The condition then fails. So each
    conditional write compares the stored item with its own values and treats an equal item as success.
    """

    def __init__(  # noqa: PLR0913 - the tables, and what their items contain
        self,
        client: "DynamoDBClient",
        table: str,
        *,
        batch_table: str,
        bucket: str,
        listing_shards: int,
        quotas: OwnerQuotas | None = None,
        tokens: TokenTable | None = None,
    ) -> None:
        """Use ``table``; ``bucket`` is part of the ``s3://`` paths of its items.

        A transition of a batch's member is counted in ``batch_table``, in the same transaction. With ``quotas``, new
        jobs are counted for their owners. With ``tokens``, new jobs are counted for their upload tokens.
        """
        self._client = client
        self._table = table
        self._batch_table = batch_table
        self._bucket = bucket
        self._listing_shards = listing_shards
        self._quotas = quotas
        self._tokens = tokens

    @classmethod
    def of(
        cls,
        clients: Clients,
        settings: StoreSettings,
        quotas: OwnerQuotas | None = None,
        tokens: TokenTable | None = None,
    ) -> Self:
        """Create the table from a Lambda's clients and settings."""
        return cls(
            clients.dynamodb,
            settings.job_table,
            batch_table=settings.batch_table,
            bucket=settings.image_bucket,
            listing_shards=settings.listing_shards,
            quotas=quotas,
            tokens=tokens,
        )

    def require_room(self, job: Job) -> None:
        """Check the limits of a new job's owner and of its upload token.

        Raises TooManyOpenJobs, DailyBytesExceeded, TokenUsedUp, TokenRevoked or TokenExpired.
        """
        self._reserve(job)

    def create(self, job: Job) -> Job:
        """Write the record of a new job and return it: from then on the job is accepted.

        A request that repeats an Idempotency-Key has the job ID and time of its first try. Then the job that the
        first try created is returned in its current state. Raises the errors of :meth:`require_room`.
        """
        for _ in range(MAX_TRIES):
            writes = self._reserve(job)
            if not writes:
                return self._put(job, [])
            try:
                return self._put(replace(job, is_counted=self._quotas is not None), writes)
            except ServiceError as error:
                if not is_refused(error):
                    raise
        raise ServiceThrottled(retry_after_seconds=1)

    def _reserve(self, job: Job) -> "list[TransactWriteItemTypeDef]":
        """Return the writes that count a new job, none for a job that an earlier try of the request has created."""
        try:
            counts = [] if self._quotas is None else [self._quotas.reserve([job])]
            if job.token_id is not None:
                if self._tokens is None:
                    raise TokenNotFound
                counts.append(self._tokens.reserve(job, now=job.uploaded_at))
        except (QuotaExceeded, TokenUsedUp):
            try:
                self.get(job.id, deleted=True)
            except JobNotFound:
                pass
            else:
                return []
            raise
        return counts

    def _put(self, job: Job, writes: "Sequence[TransactWriteItemTypeDef]") -> Job:
        put: Any = {
            "TableName": self._table,
            "Item": to_wire(to_item(job, self._bucket, self._listing_shards)),
            "ConditionExpression": "attribute_not_exists(#ID)",
            "ExpressionAttributeNames": placeholders("#ID"),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        try:
            with translate_aws_errors():
                if writes:
                    transact(self._client, [{"Put": put}, *writes])
                else:
                    self._client.put_item(**put)
        except ServiceError as error:
            # An ID has 80 random bits, so an equal record comes from an earlier try of this request.
            if (old := get_refused_item(error)) is None or from_item(old).uploaded_at != job.uploaded_at:
                raise
            return from_item(old)
        return job

    def get(self, job_id: str, *, deleted: bool = False) -> Job:
        """Return a job, with a consistent read. If the job was deleted and ``deleted`` is true, return its tombstone.

        Raises JobNotFound if the job does not exist, or if it was deleted and ``deleted`` is false.
        """
        with translate_aws_errors():
            response = self._client.get_item(TableName=self._table, Key=_key(job_id), ConsistentRead=True)
        if "Item" not in response or ("DeletedAt" in response["Item"] and not deleted):
            raise JobNotFound
        return from_item(from_wire(response["Item"]))

    def claim(
        self, message: JobMessage, *, now: datetime, lease: timedelta, max_attempts: int, uploaded: bool = False
    ) -> Job | ClaimRefusal:
        """Claim a job for one attempt, in one write, and return it with its new attempt number.

        A job is free if it has the generation of the message and attempts left, and is PENDING, or PROCESSING with an
        expired lease. If ``uploaded`` is true because S3 has reported the upload, it can also be AWAITING_UPLOAD.
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
            ":zero": 0,
            ":max": max_attempts,
            ":line": [line],
            ":claimant": claimant,
        } | ({":awaiting": JobStatus.AWAITING_UPLOAD.value} if uploaded else {})
        awaiting = " OR #Status = :awaiting" if uploaded else ""
        expression = (
            "SET #Status = :processing, #Timestamp = :now, #LeaseUntil = :lease, #DueAt = :due,"
            " #Attempt = #Attempt + :one, #AttemptsUsed = if_not_exists(#AttemptsUsed, :zero) + :one,"
            " #Claimant = :claimant, #History = list_append(#History, :line)"
        )
        condition = (
            "#Generation = :generation AND"
            f" (#Status = :pending OR (#Status = :processing AND #LeaseUntil < :now){awaiting})"
            # Records that an older version of the code wrote have no AttemptsUsed. Their next transition writes it.
            " AND (attribute_not_exists(#AttemptsUsed) OR #AttemptsUsed < :max)"
        )
        try:
            with translate_aws_errors():
                response = self._client.update_item(
                    TableName=self._table,
                    Key=_key(message.job_id),
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=placeholders(expression, condition),
                    ExpressionAttributeValues=to_wire(values),
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ServiceError as error:
            if not is_refused(error):
                raise
            old = get_refused_item(error)
            if old is not None and old.get("Claimant") == claimant:
                return from_item(old)
            return _why_refused(old, message, now=now, max_attempts=max_attempts, uploaded=uploaded)
        return from_item(from_wire(response["Attributes"]))

    def commit(self, job: Job) -> bool:
        """Write the end of an attempt, on condition that the attempt is still the newest and running.

        Return False and write nothing if it is not, for example because another worker has claimed the job or the owner
        has cancelled it.
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
            return _has_same_end(get_refused_item(error), job)
        return True

    def compare_and_swap(self, seen: Job, new: Job) -> bool:
        """Write a transition, on condition that the job has not changed since it was read.

        Return False and write nothing if the job has changed or no longer exists.
        """
        try:
            return self.transition(seen, new) is new
        except JobNotFound:
            return False

    def transition(self, seen: Job, new: Job) -> Job:
        """Write a transition like :meth:`compare_and_swap`. Return ``new``, or the stored job if it has changed.

        Raises JobNotFound if the job no longer exists.
        """
        # The condition must fail after every other transition. A transition that keeps the status, attempt and
        # generation changes the due time or, for a dead letter, the number of dead letters.
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
            if (old := get_refused_item(error)) is None:
                raise JobNotFound from error
            stored = from_item(old)
            return new if _includes(stored, new) else stored
        return new

    def delete_tombstone(self, job_id: str) -> None:
        """Delete a tombstone. Idempotent."""
        condition = "attribute_not_exists(#ID) OR attribute_exists(#DeletedAt)"
        try:
            with translate_aws_errors():
                self._client.delete_item(
                    TableName=self._table,
                    Key=_key(job_id),
                    ConditionExpression=condition,
                    ExpressionAttributeNames=placeholders(condition),
                )
        except ServiceError as error:
            # A repeated request has created a new job with this ID. Keep the new job.
            if not is_refused(error):
                raise

    def ping(self) -> None:
        """Check that the table is reachable. Raises ServiceError if it is not."""
        with translate_aws_errors():
            self._client.get_item(TableName=self._table, Key=_key("health"))

    def _replace(self, seen: Job, job: Job, *, condition: str, values: Mapping[str, Any]) -> None:
        """Write all attributes that a transition may change. Keep attributes that only newer versions have."""
        item = to_item(job, self._bucket, self._listing_shards)
        written = {name: value for name, value in item.items() if name not in IMMUTABLE_ATTRIBUTES}
        absent = [name for name in OPTIONAL_ATTRIBUTES if name not in item]
        sets = ", ".join(f"#{name} = :{name}" for name in written)
        removes = ", ".join(f"#{name}" for name in absent)
        expression = f"SET {sets}" + (f" REMOVE {removes}" if removes else "")
        update: Any = {
            "TableName": self._table,
            "Key": _key(job.id),
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": placeholders(expression, condition),
            "ExpressionAttributeValues": to_wire(
                {f":{name}": value for name, value in written.items()} | dict(values),
            ),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        steps = count_changes(seen, job) if job.batch_id else {}
        counts = [count_member_change(self._batch_table, job, seen, steps)] if steps else []
        counts += count_opening(self._batch_table, seen, job)
        if counts:
            transact(self._client, [{"Update": update}, *counts])
        else:
            self._client.update_item(**update)


def _key(job_id: str) -> dict[str, Any]:
    return {"ID": {"S": job_id}}


def _running(job: Job) -> Job:
    """Return the job as it was while the attempt ran: the state that a commit requires."""
    return replace(job, status=JobStatus.PROCESSING, deleted_at=None)


def _why_refused(
    old: Mapping[str, Any] | None, message: JobMessage, *, now: datetime, max_attempts: int, uploaded: bool
) -> ClaimRefusal:
    if old is None or "DeletedAt" in old:
        return ClaimRefusal(RefusalReason.GONE)
    job = from_item(old)
    reasons = (
        (job.status is JobStatus.EXPIRED, RefusalReason.EXPIRED),
        (job.generation != message.generation, RefusalReason.STALE),
        (job.status.is_terminal, RefusalReason.FINISHED),
        (job.is_leased(now), RefusalReason.LEASED),
        (job.status is JobStatus.AWAITING_UPLOAD and not uploaded, RefusalReason.STALE),
        (job.attempts_used >= max_attempts, RefusalReason.EXHAUSTED),
    )
    for applies, reason in reasons:
        if applies:
            return ClaimRefusal(reason, job)
    # The stored job seems to be free, so it has changed in the meantime. SQS delivers the message again.
    raise ServiceUnavailable


def _has_same_end(old: Mapping[str, Any] | None, job: Job) -> bool:
    """Return True if an earlier try of the refused commit, whose response was lost, has succeeded."""
    if old is None:
        return False
    stored = from_item(old)
    return (stored.status, stored.attempt, stored.generation, stored.timestamp) == (
        job.status,
        job.attempt,
        job.generation,
        job.timestamp,
    )


def _includes(stored: Job, moved: Job) -> bool:
    """Return True if an earlier try of the refused transition has succeeded, even if others followed it."""
    return (
        stored.generation == moved.generation
        and stored.deleted_at == moved.deleted_at
        and stored.pipeline == moved.pipeline
        and moved.history[-1] in stored.history
    )
