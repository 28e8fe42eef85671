"""The ``Idempotency`` table: which requests came under a key, and what is needed to answer them again.

A record reserves the job ID and the moment of its request before anything is done. Whoever makes a
request again after its first try died works with the same two, so that trying twice ends as once does:
an ID makes one job, and a moment is found again in a job's history. The lease only spares two equal
requests each other's work; correctness never hangs on it.
"""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.expressions import is_refused, names, refused_item
from shared.aws.dynamodb.job_item import Item, to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import from_iso, to_iso
from shared.errors import KeyInUse, KeyReused, ServiceError
from shared.ids import new_id

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: How long a key is remembered.
RETENTION = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The right to do what a request asks, and what it reserves."""

    scope: str
    #: For the job that the request makes, if it makes one.
    job_id: str
    #: The moment of the request: of its first try.
    at: datetime
    holder: str
    #: Whether an earlier try died half-way, or nobody knows how far it got.
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """The answer that was given before, without what can be read elsewhere."""

    answer: dict[str, Any]


class RequestLog:
    """All that one can do to the record of a request. Every method raises ServiceError where DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Work on ``table``."""
        self._client = client
        self._table = table

    def open(self, scope: str, fingerprint: str, *, now: datetime, lease: timedelta) -> Reservation | StoredResponse:
        """Reserve for a request, or find what was answered before.

        ``scope`` names key, caller and route, ``fingerprint`` all that was asked. Raises KeyReused when the
        key came with another request, KeyInUse while another try holds the lease.
        """
        ticket = Reservation(scope=scope, job_id=new_id(now), at=now, holder=uuid.uuid4().hex)
        item = {
            "ID": scope,
            "Fingerprint": fingerprint,
            "JobID": ticket.job_id,
            "At": to_iso(now),
            "Holder": ticket.holder,
            "LeaseUntil": to_iso(now + lease),
            "ExpiresAt": int((now + RETENTION).timestamp()),
        }
        try:
            with translate_aws_errors():
                self._client.put_item(
                    TableName=self._table,
                    Item=to_wire(item),
                    # DynamoDB removes what has expired late.
                    ConditionExpression="attribute_not_exists(#ID) OR #ExpiresAt <= :now",
                    ExpressionAttributeNames=names("ID", "ExpiresAt"),
                    ExpressionAttributeValues=to_wire({":now": int(now.timestamp())}),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ServiceError as error:
            if (old := refused_item(error)) is None:
                raise
            if old["Holder"] == ticket.holder:
                return ticket  # written by a try of this call whose answer was lost
            return self._reopen(old, ticket, fingerprint, now=now, lease=lease)
        return ticket

    def close(self, ticket: Reservation, answer: dict[str, Any]) -> None:
        """Keep what was answered. Another holder by now has done the same with the same reservation."""
        self._update(
            ticket,
            UpdateExpression="SET #Answer = :answer REMOVE #LeaseUntil",
            ExpressionAttributeNames=names("Answer", "LeaseUntil", "Holder"),
            ExpressionAttributeValues=to_wire({":answer": json.dumps(answer), ":holder": ticket.holder}),
        )

    def release(self, ticket: Reservation, *, now: datetime) -> None:
        """Let the next try begin at once, with the same reservation: how far this one got, nobody knows."""
        self._update(
            ticket,
            UpdateExpression="SET #LeaseUntil = :now",
            ExpressionAttributeNames=names("LeaseUntil", "Holder"),
            ExpressionAttributeValues=to_wire({":now": to_iso(now), ":holder": ticket.holder}),
        )

    def delete(self, ticket: Reservation) -> None:
        """Take the record away: the request was refused and has done nothing."""
        try:
            with translate_aws_errors():
                self._client.delete_item(
                    TableName=self._table,
                    Key=to_wire({"ID": ticket.scope}),
                    ConditionExpression="#Holder = :holder",
                    ExpressionAttributeNames=names("Holder"),
                    ExpressionAttributeValues=to_wire({":holder": ticket.holder}),
                )
        except ServiceError as error:
            if not is_refused(error):
                raise

    def _reopen(
        self, old: Item, ticket: Reservation, fingerprint: str, *, now: datetime, lease: timedelta
    ) -> Reservation | StoredResponse:
        """Judge a record that is there; take it over when its holder has died or given up."""
        if old["Fingerprint"] != fingerprint:
            raise KeyReused
        if "Answer" in old:
            return StoredResponse(json.loads(old["Answer"]))
        if from_iso(old["LeaseUntil"]) > now:
            raise KeyInUse(retry_after_seconds=1)
        taken = Reservation(
            scope=ticket.scope, job_id=old["JobID"], at=from_iso(old["At"]), holder=ticket.holder, is_repeat=True
        )
        try:
            with translate_aws_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key=to_wire({"ID": ticket.scope}),
                    UpdateExpression="SET #Holder = :new, #LeaseUntil = :lease",
                    ConditionExpression="#Holder = :old AND attribute_not_exists(#Answer)",
                    ExpressionAttributeNames=names("Holder", "LeaseUntil", "Answer"),
                    ExpressionAttributeValues=to_wire(
                        {":new": ticket.holder, ":old": old["Holder"], ":lease": to_iso(now + lease)}
                    ),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ServiceError as error:
            if not is_refused(error):
                raise
            if (refused_item(error) or {}).get("Holder") != ticket.holder:
                raise KeyInUse(retry_after_seconds=1) from error
        return taken

    def _update(self, ticket: Reservation, **request: Any) -> None:  # noqa: ANN401 - boto3's own arguments
        try:
            with translate_aws_errors():
                self._client.update_item(
                    TableName=self._table,
                    Key=to_wire({"ID": ticket.scope}),
                    ConditionExpression="#Holder = :holder",
                    **request,
                )
        except ServiceError as error:
            if not is_refused(error):
                raise
