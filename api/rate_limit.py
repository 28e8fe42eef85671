"""The limit on requests per owner, and the header fields that tell callers about it.

``RateLimit-Policy`` and ``RateLimit`` follow https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/
(version 10). ``"requests";q=600;w=60`` is the policy. ``"requests";r=598;t=1`` is the number of requests that are left,
and the seconds until all of them are available again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any, Final

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes.api_gateway_proxy_event import APIGatewayProxyEvent

from api.dependencies import Dependencies, requester
from shared.aws.dynamodb.idempotency.token_buckets import WINDOW, Tokens
from shared.errors import ServiceError, TooManyRequests

POLICY: Final = '"requests"'
#: Paths that have no owner or that monitoring calls, and the beginning of paths of this kind.
UNLIMITED: Final = ("/v1/health", "/v1/openapi.json", "/v1/docs", "/v1/errors")
_UNLIMITED_BELOW: Final = "/v1/errors/"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The state of the caller's limit after a request."""

    tokens: Tokens

    @property
    def error(self) -> TooManyRequests | None:
        """Return the error if the request is over the limit, otherwise None."""
        retry_in = self.tokens.retry_in
        if retry_in is None:
            return None
        return TooManyRequests(
            f"At most {self.tokens.limit} requests per minute are allowed.", retry_after_seconds=_seconds(retry_in)
        )

    def headers(self) -> dict[str, list[str]]:
        """Return the header fields of the response."""
        window = int(WINDOW.total_seconds())
        return {
            "RateLimit-Policy": [f"{POLICY};q={self.tokens.limit};w={window}"],
            "RateLimit": [f"{POLICY};r={self.tokens.remaining};t={_seconds(self.tokens.full_in)}"],
        }


def count_request(
    event: Mapping[str, Any], dependencies: Dependencies, request_id: str, log: Logger
) -> RateLimit | None:
    """Count a request against the limit of its owner. Return None if there is no limit or DynamoDB does not respond.

    A limit protects other owners. If it cannot be checked, the request is served.
    """
    limit = dependencies.settings.owner_requests
    if not limit or _is_unlimited(str(event.get("path"))):
        return None
    owner = requester(APIGatewayProxyEvent(dict(event)))
    try:
        return RateLimit(dependencies.token_buckets.take(owner, request_id, limit=limit, now=dependencies.clock()))
    except ServiceError as error:
        log.warning("Request not counted", extra={"code": error.code}, exc_info=error)
        return None


def _seconds(duration: timedelta) -> int:
    """Return whole seconds, rounded up, at least 1 unless the duration is 0."""
    return ceil(duration.total_seconds())


def _is_unlimited(path: str) -> bool:
    return path in UNLIMITED or path.startswith(_UNLIMITED_BELOW)
