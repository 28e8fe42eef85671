"""``Idempotency-Key``: a request that is repeated with the same key runs only once.

What a repeated request does if the API was killed during the first try:

==================================  ====================================================================
API was killed                      repeated request
==================================  ====================================================================
before the reservation              runs as if it were the first request
after the reservation               gets 409 until the lease ends, then runs with the reserved ID
after storing the raw image         stores it again under the same object key, then writes the job record
after writing the job record        finds the job record, sends another message, returns the same job
after sending the message           does the same; the duplicate message changes nothing
after storing the response          returns the stored response
==================================  ====================================================================

The lease of a reservation lasts as long as the invocation can still run. After a client error (4xx), the reservation is
deleted. After a service error, it is unknown how far the request got, so only the lease is ended. The same is true if a
limit of the owner is reached after a part of the members of a batch was created, and for every error of a repeated
request, because its first try may have created what a new reservation would create again.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

from aws_lambda_powertools.event_handler.api_gateway import Router

from shared.aws.dynamodb.idempotency.request_log import RequestLog, Reservation, StoredResponse
from shared.clock import Clock
from shared.errors import KeyInUse, KeyInvalid, KeyReused, QuotaExceeded, SafelightError, ServiceError
from shared.ids import new_id

MAX_KEY = 255
_T = TypeVar("_T")
#: Errors of a request that can have a key.
KEY_ERRORS: Final[tuple[type[SafelightError], ...]] = (KeyInvalid, KeyInUse, KeyReused)
#: Header of the response to a repeated request.
REPLAYED = {"Idempotency-Replayed": "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentRequest:
    """A request with an Idempotency-Key."""

    key: str
    owner: str
    #: Method and path pattern. The same key can be used for different routes.
    route: str
    #: What makes the request different from others: job ID, bytes, options.
    contents: tuple[str | bytes, ...]

    def scope(self) -> str:
        """Return the ID of the reservation. It depends on the owner, so a guessed key finds no request of others."""
        return _digest(self.owner, self.route, self.key)

    def fingerprint(self) -> str:
        """Return a hash of the contents, which detects that the key was used for a different request."""
        return _digest(*self.contents)


@dataclass(frozen=True, slots=True)
class Done(Generic[_T]):
    """The outcome of a request that has run now or earlier."""

    #: What a repeated request needs to build its response.
    answer: Mapping[str, Any]
    #: What ``run`` returned; None if the request has run earlier.
    value: _T | None
    #: The error if the response could not be stored. The request itself has succeeded.
    log_error: ServiceError | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Return the header ``Idempotency-Replayed`` if the request has run earlier, or no headers."""
        return dict(REPLAYED) if self.value is None else {}


def identify_request(key: str | None, owner: str, route: str, *contents: str | bytes) -> IdempotentRequest | None:
    """Return the request with its Idempotency-Key, or None if it has no key. Raises KeyInvalid for an invalid key."""
    if key is None:
        return None
    if not key.strip() or len(key) > MAX_KEY or not key.isprintable():
        raise KeyInvalid(f"An Idempotency-Key must have 1 to {MAX_KEY} printable characters.")
    return IdempotentRequest(key=key, owner=owner, route=route, contents=contents)


def run_once(  # noqa: PLR0913, PLR0917 - the request and the log
    request: IdempotentRequest | None,
    run: Callable[[Reservation], _T],
    remember: Callable[[_T], Mapping[str, Any]],
    log: RequestLog,
    clock: Clock,
    lease: timedelta,
) -> Done[_T]:
    """Run a request, or return its outcome if it has run earlier. A request without a key always runs.

    ``run`` gets the reservation, with its job ID and time. ``remember`` returns what a repeated request needs to build
    its response: small values that stay valid. Raises the errors of ``run``, KeyReused if the key belongs to a
    different request, or KeyInUse if the first request is still running.
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
    except SafelightError as error:
        is_partial = isinstance(error, QuotaExceeded) and error.is_partial
        if isinstance(error, ServiceError) or is_partial or reservation.is_repeat:
            log.release(reservation, now=clock())
        else:
            log.delete(reservation)
        raise
    answer = remember(value)
    try:
        log.store_response(reservation, dict(answer))
    except ServiceError as error:
        return Done(answer, value, error)
    return Done(answer, value)


def _digest(*values: str | bytes) -> str:
    """Return the hash of the values and their lengths, so that ``("ab", "c")`` and ``("a", "bc")`` differ."""
    total = hashlib.sha256()
    for value in values:
        data = value.encode() if isinstance(value, str) else value
        total.update(len(data).to_bytes(8, "big"))
        total.update(data)
    return total.hexdigest()


def time_left(router: Router) -> timedelta:
    """Return how long the invocation can still run. This is the lease of its reservation."""
    return timedelta(milliseconds=router.lambda_context.get_remaining_time_in_millis())
