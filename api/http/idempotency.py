"""``Idempotency-Key``: the same request under the same key is done once and answered as often as it comes.

What happens when the API dies, and the same request comes again under its key:

==================================  ====================================================================
died                                the next try
==================================  ====================================================================
before the reservation              is the first
with the reservation, nothing done  waits for the lease (409), then does it with the reserved ID
after the raw image                 stores it again under the same key, then writes the record
after the record                    finds its own record, sends one message more, answers with that job
after the message                   likewise; the duplicate message changes nothing
with the answer kept                is answered from the log
==================================  ====================================================================

The lease is what is left of the invocation. What is refused by a rule (4xx) is forgotten; after a fault of
a service the lease ends at once, and the reservation stays, since nobody knows how far the request got.
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
#: Marks an answer that was given before.
REPLAYED = {"Idempotency-Replayed": "true"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotentRequest:
    """A request that came under a key."""

    key: str
    owner: str
    #: Method and path pattern: one key may serve a creation and a cancellation.
    route: str
    #: All that makes a request this one and no other: job, digest of the bytes, options.
    asked: tuple[str | bytes, ...]

    def scope(self) -> str:
        """Name the record; nobody meets another caller's by guessing a key."""
        return _digest(self.owner, self.route, self.key)

    def fingerprint(self) -> str:
        """Tell this request from others under the same key."""
        return _digest(*self.asked)


@dataclass(frozen=True, slots=True)
class Done(Generic[_T]):
    """What was answered, now or before."""

    #: What is needed to answer again.
    answer: Mapping[str, Any]
    #: What came of it just now; None in a replay.
    value: _T | None
    #: The fault that kept the answer from being remembered; the request itself is done.
    log_error: ServiceError | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Return what marks a replay."""
        return dict(REPLAYED) if self.value is None else {}


def identify_request(key: str | None, owner: str, route: str, *asked: str | bytes) -> IdempotentRequest | None:
    """Return the request of a key, None without one. Raises KeyInvalid."""
    if key is None:
        return None
    if not key.strip() or len(key) > MAX_KEY or not key.isprintable():
        raise KeyInvalid(f"An Idempotency-Key has 1 to {MAX_KEY} printable characters.")
    return IdempotentRequest(key=key, owner=owner, route=route, asked=asked)


def run_once(  # noqa: PLR0913, PLR0917 - a request, what it does and remembers, and where
    request: IdempotentRequest | None,
    do: Callable[[Reservation], _T],
    remember: Callable[[_T], Mapping[str, Any]],
    log: RequestLog,
    clock: Clock,
    lease: timedelta,
) -> Done[_T]:
    """Do what a request asks, or return what was answered when it came before; without a key, just do it.

    ``do`` works with the ticket's job ID and moment. ``remember`` says what is needed to answer again: small,
    and nothing that expires. Raises what ``do`` raises, KeyReused and KeyInUse.
    """
    now = clock()
    if request is None:
        value = do(Reservation(scope="", job_id=new_id(now), at=now, holder=""))
        return Done(remember(value), value)
    ticket = log.reserve(request.scope(), request.fingerprint(), now=now, lease=lease)
    if isinstance(ticket, StoredResponse):
        return Done(ticket.answer, None)
    try:
        value = do(ticket)
    except ServiceError:
        log.release(ticket, now=clock())
        raise
    except SafelightError:
        log.delete(ticket)
        raise
    answer = remember(value)
    try:
        log.store_response(ticket, dict(answer))
    except ServiceError as error:
        return Done(answer, value, error)
    return Done(answer, value)


def _digest(*parts: str | bytes) -> str:
    """Hash parts so that no two lists of them agree by moving a border."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(len(data).to_bytes(8, "big"))
        total.update(data)
    return total.hexdigest()


def time_left(router: Router) -> timedelta:
    """Return the rest of the invocation's time. It is the lease of a reservation: no invocation runs longer."""
    return timedelta(milliseconds=router.lambda_context.get_remaining_time_in_millis())
