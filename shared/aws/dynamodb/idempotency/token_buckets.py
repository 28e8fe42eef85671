"""Token buckets in the ``Idempotency`` table. They limit the requests of each owner per minute.

A bucket is one number: the time at which it is full again (the generic cell rate algorithm). Taking a token moves this
time by one interval, in one conditional write without a read. The same write stores the ID of the request. So if
botocore repeats the write after a lost response, it takes no second token.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING, Final

from shared.aws.dynamodb.expressions import get_refused_item, is_refused, placeholders
from shared.aws.dynamodb.wire import Item, from_wire, to_wire
from shared.aws.errors import translate_aws_errors
from shared.errors import ServiceError, ServiceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

#: Time in which an empty bucket fills up.
WINDOW: Final = timedelta(minutes=1)
#: A bucket that is not used for this time is deleted. It is full then.
RETENTION: Final = timedelta(days=1)
#: Number of attributes for IDs of recent requests. A hash selects the attribute, so a later ID may replace an ID.
SLOTS: Final = 32
#: Maximum number of writes for one request. A refused write returns the current state, so a request needs more than
#: three writes only if many requests are concurrent.
MAX_TRIES: Final = 8
_WINDOW_MICROSECONDS: Final = WINDOW // timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Tokens:
    """A bucket after a request."""

    #: Requests per window.
    limit: int
    #: Requests that are possible now.
    remaining: int
    #: Time until the bucket is full.
    full_in: timedelta
    #: None if the request got a token, otherwise the time until there is one.
    retry_in: timedelta | None = None


@dataclass(frozen=True, slots=True)
class _Draw:
    """One request for a token. Times are microseconds since 1970."""

    limit: int
    moment: int
    digest: str

    @property
    def interval(self) -> int:
        """Return the time in which one token comes back."""
        return ceil(_WINDOW_MICROSECONDS / self.limit)

    @property
    def latest(self) -> int:
        """Return the latest ``FullAt`` of a bucket that still has a token."""
        return self.moment + _WINDOW_MICROSECONDS - self.interval

    @property
    def slot(self) -> str:
        """Return the name of the attribute for the ID of the request."""
        return f"Slot{int(self.digest, 16) % SLOTS}"

    def describe(self, full_at: int, *, has_token: bool = True) -> Tokens:
        """Return the state of a bucket that is full again at ``full_at``."""
        used = max(0, full_at - self.moment)
        remaining = max(0, (_WINDOW_MICROSECONDS - used) // self.interval)
        retry_in = None if has_token else timedelta(microseconds=full_at - self.latest)
        return Tokens(self.limit, min(self.limit, remaining), timedelta(microseconds=used), retry_in)


class TokenBuckets:
    """The buckets of all owners. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use the ``Idempotency`` table."""
        self._client = client
        self._table = table

    def take(self, owner: str, request_id: str, *, limit: int, now: datetime) -> Tokens:
        """Take a token from an owner's bucket of ``limit`` tokens, if there is one.

        Repeated calls with the same ``request_id`` take only one token, unless another request has replaced the ID.
        """
        draw = _Draw(limit, _to_microseconds(now), hashlib.sha256(request_id.encode()).hexdigest())
        is_full = True
        for _ in range(MAX_TRIES):
            try:
                return draw.describe(self._write(owner, draw, is_full=is_full)["FullAt"])
            except ServiceError as error:
                if not is_refused(error):
                    raise
                item = get_refused_item(error) or {}
            full_at = item.get("FullAt", 0)
            if item.get(draw.slot) == draw.digest:
                return draw.describe(full_at)
            if full_at > draw.latest:
                return draw.describe(full_at, has_token=False)
            is_full = full_at < draw.moment
        raise ServiceUnavailable

    def _write(self, owner: str, draw: _Draw, *, is_full: bool) -> Item:
        """Take a token and return the bucket. ``is_full`` selects the condition: a full bucket or a partly used one."""
        unseen = f"(attribute_not_exists(#{draw.slot}) OR #{draw.slot} <> :id)"
        if is_full:
            condition = f"(attribute_not_exists(#FullAt) OR #FullAt < :now) AND {unseen}"
            full_at, more = ":next", {":next": draw.moment + draw.interval}
        else:
            condition = f"#FullAt >= :now AND #FullAt <= :latest AND {unseen}"
            full_at, more = "#FullAt + :interval", {":interval": draw.interval, ":latest": draw.latest}
        expression = f"SET #FullAt = {full_at}, #{draw.slot} = :id, #ExpiresAt = :expires"
        expires = draw.moment // 1_000_000 + int(RETENTION.total_seconds())
        with translate_aws_errors():
            response = self._client.update_item(
                TableName=self._table,
                Key=to_wire({"ID": _key(owner)}),
                UpdateExpression=expression,
                ConditionExpression=condition,
                ExpressionAttributeNames=placeholders(expression, condition),
                ExpressionAttributeValues=to_wire(
                    {":now": draw.moment, ":id": draw.digest, ":expires": expires} | more
                ),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        return from_wire(response["Attributes"])


def _to_microseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000) * 1000


def _key(owner: str) -> str:
    return "requests#" + hashlib.sha256(owner.encode()).hexdigest()
