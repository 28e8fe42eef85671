"""``Idempotency-Key``: a request that is repeated with the same key runs once and gets the same response each time.

What a repeated request does after the API died:

==================================  ====================================================================
API died                            repeated request
==================================  ====================================================================
before the reservation              runs as if it were the first
after the reservation               gets 409 until the lease ends, then runs with the reserved ID
after the raw image                 stores it again under the same key, then writes the record
after the record                    finds the record, sends another message, returns that job
after the message                   likewise; the duplicate message changes nothing
after the response was stored       gets the stored response
==================================  ====================================================================

The lease lasts until the invocation must end. A reservation is deleted after a client error (4xx). After a service
error the lease ends at once but the reservation stays, because it is unknown how far the request got.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Generic, TypeVar

from aws_lambda_powertools.event_handler.api_gateway import Router

from shared.aws.dynamodb.request_log import RequestLog, Reservation, StoredResponse
from shared.clock import Clock
from shared.errors import KeyInvalid, SafelightError, ServiceError
from shared.ids import new_id

MAX_KEY = 255
_T = TypeVar("_T")
#: Header of a replayed response.
REPLAYED = {"Idempotency-Replayed": "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentRequest:
    """A request with an Idempotency-Key."""

    key: str
    owner: str
    #: Method and path pattern. The same key may be used once per route.
    route: str
    #: What identifies the request: job ID, bytes, options.
    contents: tuple[str | bytes, ...]

    def scope(self) -> str:
        """Return the record's ID. It contains the owner, so a guessed key finds no record of another caller."""
        return _digest(self.owner, self.route, self.key)

    def fingerprint(self) -> str:
        """Return a hash that differs for another request with the same key."""
        return _digest(*self.contents)


@dataclass(frozen=True, slots=True)
class Done(Generic[_T]):
    """The outcome of a request, now or earlier."""

    #: What a replay needs to build the response.
    answer: Mapping[str, Any]
    #: The result; None in a replay.
    value: _T | None
    #: The error if the response was not stored. The request itself has run.
    log_error: ServiceError | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Return the header of a replay, or no headers."""
        return dict(REPLAYED) if self.value is None else {}


def identify_request(key: str | None, owner: str, route: str, *contents: str | bytes) -> IdempotentRequest | None:
    """Return the request of an Idempotency-Key, or None without one. Raises KeyInvalid."""
    if key is None:
        return None
    if not key.strip() or len(key) > MAX_KEY or not key.isprintable():
        raise KeyInvalid(f"An Idempotency-Key has 1 to {MAX_KEY} printable characters.")
    return IdempotentRequest(key=key, owner=owner, route=route, contents=contents)


def run_once(  # noqa: PLR0913, PLR0917 - the request and the log
    request: IdempotentRequest | None,
    run: Callable[[Reservation], _T],
    remember: Callable[[_T], Mapping[str, Any]],
    log: RequestLog,
    clock: Clock,
    lease: timedelta,
) -> Done[_T]:
    """Run a request, or return its earlier outcome. A request without a key always runs.

    ``run`` gets the reservation's job ID and time. ``remember`` returns what a replay needs: small values that never
    expire. Raises what ``run`` raises, KeyReused and KeyInUse.
    """
    now = clock()
    if request is None:
        value = run(Reservation(scope="", job_id=new_id(now), at=now, holder=""))
        return Done(remember(value), value)
    reservation = log.reserve(request.scope(), request.fingerprint(), now=now, lease=lease)
    if isinstance(reservation, StoredResponse):
        return Done(reservation.answer, None)
    try:
        value = run(reservation)
    except ServiceError:
        log.release(reservation, now=clock())
        raise
    except SafelightError:
        log.delete(reservation)
        raise
    answer = remember(value)
    try:
        log.store_response(reservation, dict(answer))
    except ServiceError as error:
        return Done(answer, value, error)
    return Done(answer, value)


def _digest(*values: str | bytes) -> str:
    """Return the hash of a list of values. Hashing their lengths keeps ``("ab", "c")`` and ``("a", "bc")`` apart."""
    total = hashlib.sha256()
    for value in values:
        data = value.encode() if isinstance(value, str) else value
        total.update(len(data).to_bytes(8, "big"))
        total.update(data)
    return total.hexdigest()


def time_left(router: Router) -> timedelta:
    """Return the rest of the invocation's time. It is the lease of a reservation: no invocation runs longer."""
    return timedelta(milliseconds=router.lambda_context.get_remaining_time_in_millis())
