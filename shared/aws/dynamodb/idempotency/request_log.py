"""The ``Idempotency`` table: requests with an Idempotency-Key, and what is needed to repeat their responses.

A record reserves a job ID and a time for a request before the request changes anything. A repeated request after a
crash uses the same ID and time, so it has the same result: it creates no second job, and the time identifies its
transition in the job's history. The lease only prevents two equal requests from doing the same work concurrently.
Results would be correct without the lease.
"""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.expressions import get_refused_item, is_refused, placeholders
from shared.aws.dynamodb.wire import Item, to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import from_iso, to_iso
from shared.errors import KeyInUse, KeyReused, ServiceError
from shared.ids import new_id

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: How long a key is stored.
RETENTION = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The right to run a request, and the values that are reserved for it."""

    scope: str
    #: ID for the job that the request creates, if any.
    job_id: str
    #: Time of the first try of the request.
    at: datetime
    holder: str
    #: Whether an earlier try of the request ended without a stored response, so its progress is unknown.
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """The stored part of an earlier response."""

    answer: dict[str, Any]


class RequestLog:
    """Records of requests. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use the ``Idempotency`` table."""
        self._client = client
        self._table = table

    def reserve(self, scope: str, fingerprint: str, *, now: datetime, lease: timedelta) -> Reservation | StoredResponse:
        """Reserve a request, or return the response that an earlier try stored.

        ``scope`` identifies the key, caller and route. ``fingerprint`` identifies the whole request. Raises KeyReused
        if the key belongs to another request, and KeyInUse if another try of the request holds the lease.
        """
        # DynamoDB removes expired items late.
        condition = "attribute_not_exists(#ID) OR #ExpiresAt <= :now"
        reservation = Reservation(scope=scope, job_id=new_id(now), at=now, holder=uuid.uuid4().hex)
        item = {
            "ID": scope,
            "Fingerprint": fingerprint,
            "JobID": reservation.job_id,
            "At": to_iso(now),
            "Holder": reservation.holder,
            "LeaseUntil": to_iso(now + lease),
            "ExpiresAt": int((now + RETENTION).timestamp()),
        }
        try:
            with translate_aws_errors():
                self._client.put_item(
                    TableName=self._table,
                    Item=to_wire(item),
                    ConditionExpression=condition,
                    ExpressionAttributeNames=placeholders(condition),
                    ExpressionAttributeValues=to_wire({":now": int(now.timestamp())}),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ServiceError as error:
            if (old := get_refused_item(error)) is None:
                raise
            if old["Holder"] == reservation.holder:
                return reservation  # written by a try of this call whose response was lost
            return self._take_over(old, reservation, fingerprint, now=now, lease=lease)
        return reservation

    def store_response(self, reservation: Reservation, answer: dict[str, Any]) -> None:
        """Store the response. No-op if another try has taken over: that try has the same reservation and result."""
        self._update(
            reservation,
            "SET #Answer = :answer REMOVE #LeaseUntil",
            {":answer": json.dumps(answer), ":holder": reservation.holder},
        )

    def release(self, reservation: Reservation, *, now: datetime) -> None:
        """End the lease, so that a repeated request can run immediately with the same reservation."""
        self._update(
            reservation,
            "SET #LeaseUntil = :now",
            {":now": to_iso(now), ":holder": reservation.holder},
        )

    def delete(self, reservation: Reservation) -> None:
        """Delete the record of a request that was refused and has changed nothing."""
        try:
            with translate_aws_errors():
                self._client.delete_item(
                    TableName=self._table,
                    Key=to_wire({"ID": reservation.scope}),
                    ConditionExpression="#Holder = :holder",
                    ExpressionAttributeNames=placeholders("#Holder"),
                    ExpressionAttributeValues=to_wire({":holder": reservation.holder}),
                )
        except ServiceError as error:
            if not is_refused(error):
                raise

    def _take_over(
        self, old: Item, reservation: Reservation, fingerprint: str, *, now: datetime, lease: timedelta
    ) -> Reservation | StoredResponse:
        """Return the stored response, or take over the reservation if the lease of its holder has ended."""
        if old["Fingerprint"] != fingerprint:
            raise KeyReused
        if "Answer" in old:
            return StoredResponse(json.loads(old["Answer"]))
        if from_iso(old["LeaseUntil"]) > now:
            raise KeyInUse(retry_after_seconds=1)
        expression = "SET #Holder = :new, #LeaseUntil = :lease"
        condition = "#Holder = :old AND attribute_not_exists(#Answer)"
        taken = Reservation(
            scope=reservation.scope,
            job_id=old["JobID"],
            at=from_iso(old["At"]),
            holder=reservation.holder,
            is_repeat=True,
        )
        try:
            with translate_aws_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key=to_wire({"ID": reservation.scope}),
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=placeholders(expression, condition),
                    ExpressionAttributeValues=to_wire(
                        {":new": reservation.holder, ":old": old["Holder"], ":lease": to_iso(now + lease)}
                    ),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ServiceError as error:
            if not is_refused(error):
                raise
            if (get_refused_item(error) or {}).get("Holder") != reservation.holder:
                raise KeyInUse(retry_after_seconds=1) from error
        return taken

    def _update(self, reservation: Reservation, expression: str, values: Mapping[str, Any]) -> None:
        try:
            with translate_aws_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key=to_wire({"ID": reservation.scope}),
                    UpdateExpression=expression,
                    ConditionExpression="#Holder = :holder",
                    ExpressionAttributeNames=placeholders(expression, "#Holder"),
                    ExpressionAttributeValues=to_wire(values),
                )
        except ServiceError as error:
            if not is_refused(error):
                raise
