"""Upload tokens in the ``Idempotency`` table. The transaction that creates a job counts it for its token.

So the counts are exact, whatever is repeated or killed. They only grow: the end of a job gives nothing back, so a token
can never create more jobs than it says.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from shared.aws.dynamodb.expressions import get_refused_item, is_refused, placeholders
from shared.aws.dynamodb.job_item import spec_from_item, spec_to_item
from shared.aws.dynamodb.wire import (
    Item,
    drop_none,
    from_optional_iso,
    from_wire,
    query_items,
    to_wire,
)
from shared.aws.errors import translate_aws_errors
from shared.clock import from_iso, to_iso
from shared.errors import ServiceError, TokenNotFound
from shared.jobs.job import Job
from shared.jobs.upload_token import UploadToken
from shared.parallel import map_parallel

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

INDEX: Final = "TokensByOwner"
#: How long an expired token stays in the table, so that its counts can be read.
KEPT_AFTER_EXPIRY: Final = timedelta(days=1)
_PREFIX: Final = "token#"


@dataclass(frozen=True, slots=True)
class TokenPage:
    """A page of an owner's tokens, newest first, and the ID after which the next page starts; None on the last page."""

    tokens: tuple[UploadToken, ...]
    next_after: str | None


class TokenTable:
    """Upload tokens. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str, *, unknown_bytes: int) -> None:
        """Use the ``Idempotency`` table. An upload that declares no size counts ``unknown_bytes``."""
        self._client = client
        self._table = table
        self._unknown_bytes = unknown_bytes

    def create(self, token: UploadToken) -> None:
        """Store a new token."""
        condition = "attribute_not_exists(#ID)"
        try:
            with translate_aws_errors():
                self._client.put_item(
                    TableName=self._table,
                    Item=to_wire(_to_item(token)),
                    ConditionExpression=condition,
                    ExpressionAttributeNames=placeholders(condition),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ServiceError as error:
            # Written by a try of this call whose response was lost: nobody else knows the secret.
            if (get_refused_item(error) or {}).get("Digest") != token.digest:
                raise

    def find(self, token_id: str) -> UploadToken | None:
        """Return a token with a consistent read, or None if it does not exist."""
        with translate_aws_errors():
            response = self._client.get_item(TableName=self._table, Key=to_wire(_key(token_id)), ConsistentRead=True)
        return _from_item(from_wire(response["Item"])) if "Item" in response else None

    def get(self, token_id: str, owner: str) -> UploadToken:
        """Return a token of an owner. Raises TokenNotFound if the owner has no such token."""
        token = self.find(token_id)
        if token is None or token.owner != owner:
            raise TokenNotFound
        return token

    def page(self, owner: str, *, limit: int, after: str | None) -> TokenPage:
        """Return a page of an owner's tokens. A token may be missing for a moment after its creation."""
        condition = "#TokenOwner = :owner" + (" AND #ID < :after" if after else "")
        ids = [
            str(item["ID"]).removeprefix(_PREFIX)
            for item in query_items(
                self._client,
                TableName=self._table,
                IndexName=INDEX,
                KeyConditionExpression=condition,
                ExpressionAttributeNames=placeholders(condition),
                ExpressionAttributeValues=to_wire({":owner": owner} | ({":after": _PREFIX + after} if after else {})),
                ScanIndexForward=False,
                limit=limit + 1,
            )
        ]
        shown = ids[:limit]
        tokens = map_parallel(self.find, shown)
        return TokenPage(tuple(filter(None, tokens)), shown[-1] if len(ids) > limit else None)

    def revoke(self, token_id: str, owner: str, *, now: datetime) -> UploadToken:
        """Revoke a token and return it. Idempotent. Raises TokenNotFound if the owner has no such token."""
        expression = "SET #RevokedAt = if_not_exists(#RevokedAt, :now)"
        condition = "#TokenOwner = :owner"
        try:
            with translate_aws_errors():
                response = self._client.update_item(
                    TableName=self._table,
                    Key=to_wire(_key(token_id)),
                    UpdateExpression=expression,
                    ConditionExpression=condition,
                    ExpressionAttributeNames=placeholders(expression, condition),
                    ExpressionAttributeValues=to_wire({":now": to_iso(now), ":owner": owner}),
                    ReturnValues="ALL_NEW",
                )
        except ServiceError as error:
            if is_refused(error):
                raise TokenNotFound from error
            raise
        return _from_item(from_wire(response["Attributes"]))

    def reserve(self, job: Job, *, now: datetime) -> "TransactWriteItemTypeDef":
        """Return the write that counts a new job for its token, for the transaction that creates the job.

        Raises TokenNotFound, TokenRevoked, TokenExpired or TokenUsedUp. The write is refused if other requests have
        used the rest meanwhile, or if the token was revoked.
        """
        token = self.get(job.token_id or "", job.owner)
        size = self._count_bytes(job)
        token.require_room(size, now)
        expression = "ADD #Files :one, #Bytes :bytes"
        condition = (
            "#Files < :most_files AND #Bytes <= :most_bytes AND #ValidUntil > :now AND attribute_not_exists(#RevokedAt)"
        )
        values = {
            ":one": 1,
            ":bytes": size,
            ":most_files": token.max_files,
            ":most_bytes": token.max_bytes - size,
            ":now": to_iso(now),
        }
        return {
            "Update": {
                "TableName": self._table,
                "Key": to_wire(_key(token.id)),
                "UpdateExpression": expression,
                "ConditionExpression": condition,
                "ExpressionAttributeNames": placeholders(expression, condition),
                "ExpressionAttributeValues": to_wire(values),
            }
        }

    def _count_bytes(self, job: Job) -> int:
        return self._unknown_bytes if job.expected_bytes is None else job.expected_bytes


def _key(token_id: str) -> Item:
    return {"ID": _PREFIX + token_id}


def _to_item(token: UploadToken) -> Item:
    return drop_none(
        {
            **_key(token.id),
            "TokenOwner": token.owner,
            "Digest": token.digest,
            **spec_to_item(token.spec),
            "CreatedAt": to_iso(token.created_at),
            "ValidUntil": to_iso(token.expires_at),
            "MaxFiles": token.max_files,
            "MaxBytes": token.max_bytes,
            "Origin": token.origin,
            "Files": token.files,
            "Bytes": token.bytes,
            "ExpiresAt": int((token.expires_at + KEPT_AFTER_EXPIRY).timestamp()),
        }
    )


def _from_item(item: Mapping[str, Any]) -> UploadToken:
    return UploadToken(
        id=str(item["ID"]).removeprefix(_PREFIX),
        owner=item["TokenOwner"],
        digest=item["Digest"],
        spec=spec_from_item(item),
        created_at=from_iso(item["CreatedAt"]),
        expires_at=from_iso(item["ValidUntil"]),
        max_files=item["MaxFiles"],
        max_bytes=item["MaxBytes"],
        origin=item.get("Origin"),
        files=item["Files"],
        bytes=item["Bytes"],
        revoked_at=from_optional_iso(item.get("RevokedAt")),
    )
