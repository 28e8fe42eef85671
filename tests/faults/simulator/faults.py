"""The faults that can befall one send of one AWS call, and how botocore takes them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from faults.simulator.actors import Actor
from faults.simulator.answers import refused

from shared.aws.errors import THROTTLING_CODES, error_code

Service = str
Answer = dict[str, Any]

ENDPOINT = "https://aws.invalid"
#: As in ``botocore.retries.standard.TransientRetryableChecker``; a test compares our model with botocore.
RETRIED_STATUSES = frozenset({500, 502, 503, 504})


class Fault(StrEnum):
    """What goes wrong with one send."""

    #: The caller's process dies; nothing was sent.
    KILLED_BEFORE = "killed before"
    #: It dies once the service has done its part.
    KILLED_AFTER = "killed after"
    #: No connection; nothing was sent.
    UNREACHABLE = "unreachable"
    #: The service answers 500 and has done nothing.
    ERROR = "500 before"
    #: The service asks for fewer requests and has done nothing; a transaction meets another one.
    THROTTLED = "throttled"
    #: The service has done its part, the answer never comes.
    LOST = "answer lost"
    #: The service has done its part and answers 500 all the same.
    ERROR_AFTER = "500 after"
    #: No answer comes; the request reaches the service only afterwards.
    OVERDUE = "arrives late"
    #: The answer takes longer than a lease.
    SLOW = "slow"
    #: The service carries the request out twice, as SQS may with a message.
    TWICE = "done twice"
    #: The answer's body ends too early.
    CUT = "body cut"


KILLS = frozenset({Fault.KILLED_BEFORE, Fault.KILLED_AFTER})
#: After these the service has not (yet) done anything.
EFFECTLESS = frozenset({Fault.KILLED_BEFORE, Fault.UNREACHABLE, Fault.ERROR, Fault.THROTTLED, Fault.OVERDUE})
TIMES_OUT = frozenset({Fault.LOST, Fault.OVERDUE})

#: How long a slow answer takes: longer than the worker's lease.
SLOWNESS = timedelta(seconds=100)


@dataclass(frozen=True, slots=True)
class Send:
    """One try of one AWS call."""

    actor: Actor
    #: Which call of its actor, from 1.
    number: int
    service: Service
    operation: str
    request: Mapping[str, Any]
    #: Which try of the call, from 0.
    tried: int


Plan = Callable[[Send], Fault | None]


def no_faults(_: Send) -> None:
    """Plan nothing."""


def as_error(fault: Fault, send: Send) -> ClientError | BotoCoreError:
    """Return what botocore makes of a fault."""
    if fault is Fault.UNREACHABLE:
        return EndpointConnectionError(endpoint_url=ENDPOINT)
    if fault in TIMES_OUT:
        return ReadTimeoutError(endpoint_url=ENDPOINT)
    if fault is Fault.THROTTLED and send.operation == "TransactWriteItems":
        return conflict(len(send.request["TransactItems"]))
    if fault is Fault.THROTTLED:
        code, status = THROTTLED_AS[send.service]
        return refused(send.operation, code, status)
    return refused(send.operation, "InternalError", 500)


def conflict(writes: int) -> ClientError:
    """Return what a transaction gets that has met another one on an item."""
    error = refused("TransactWriteItems", "TransactionCanceledException")
    reasons = [{"Code": "TransactionConflict"}, *[{"Code": "None"}] * (writes - 1)]
    error.response["CancellationReasons"] = reasons  # type: ignore[typeddict-item] # less strict than the stubs
    return error


THROTTLED_AS: Mapping[Service, tuple[str, int]] = {
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "s3": ("SlowDown", 503),
    "sqs": ("RequestThrottled", 403),
}


def is_retried(error: Exception) -> bool:
    """Tell whether botocore, in the mode that our clients use, sends the request again."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return status in RETRIED_STATUSES or error_code(error) in THROTTLING_CODES
    return isinstance(error, ConnectionError | HTTPClientError)
