"""Faults of one send of one AWS call, and how botocore handles them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, cast

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,  # noqa: A004 - botocore's
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.retries.standard import ThrottledRetryableChecker
from faults.simulator.aws_errors import make_client_error
from faults.simulator.invocations import Invocation

from shared.aws.errors import error_code

Service = str
Answer = dict[str, Any]

ENDPOINT = "https://aws.invalid"
#: As in ``botocore.retries.standard.TransientRetryableChecker``; a test compares our model with botocore.
RETRIED_STATUSES = frozenset({500, 502, 503, 504})
#: botocore's own list, which is shorter than that of ``shared.aws.errors``.
RETRIED_CODES = frozenset(cast("Any", ThrottledRetryableChecker)._THROTTLED_ERROR_CODES)


class Fault(StrEnum):
    """What goes wrong with one send."""

    #: The caller's process is killed before it sends anything.
    KILLED_BEFORE = "killed before"
    #: The caller's process is killed after the service has run the request.
    KILLED_AFTER = "killed after"
    #: No connection; nothing was sent.
    UNREACHABLE = "unreachable"
    #: The service returns 500 and does nothing.
    ERROR = "500 before"
    #: The service throttles and does nothing; a transaction conflicts with another.
    THROTTLED = "throttled"
    #: The service runs the request, but the response is lost.
    LOST = "response lost"
    #: The service runs the request but returns 500.
    ERROR_AFTER = "500 after"
    #: No response; the request reaches the service later.
    OVERDUE = "arrives late"
    #: A successful response takes longer than a lease. Error responses are not delayed.
    SLOW = "slow"
    #: The service runs the request twice, as SQS may with a message.
    TWICE = "done twice"
    #: The body of the response is truncated.
    CUT = "body cut"
    #: A call for several objects or items leaves the first one out, or a listing returns one item of a page. A
    #: successful response says so.
    PARTIAL = "done in part"


KILLS = frozenset({Fault.KILLED_BEFORE, Fault.KILLED_AFTER})
#: After these, the service has not (yet) done anything.
EFFECTLESS = frozenset({Fault.KILLED_BEFORE, Fault.UNREACHABLE, Fault.ERROR, Fault.THROTTLED, Fault.OVERDUE})
TIMES_OUT = frozenset({Fault.LOST, Fault.OVERDUE})

#: Duration of a slow response: longer than the worker's lease.
SLOWNESS = timedelta(seconds=100)


@dataclass(frozen=True, slots=True)
class Send:
    """One attempt of one AWS call."""

    actor: Invocation
    #: Number of the actor's call, from 1.
    number: int
    service: Service
    operation: str
    request: Mapping[str, Any]
    #: Number of the attempt, from 0.
    tried: int


Plan = Callable[[Send], Fault | None]


def no_faults(_: Send) -> None:
    """Plan no fault."""


def as_error(fault: Fault, send: Send) -> ClientError | BotoCoreError:
    """Return botocore's exception for a fault."""
    if fault is Fault.UNREACHABLE:
        return EndpointConnectionError(endpoint_url=ENDPOINT)
    if fault in TIMES_OUT:
        return ReadTimeoutError(endpoint_url=ENDPOINT)
    if fault is Fault.THROTTLED and send.operation == "TransactWriteItems":
        return conflict(len(send.request["TransactItems"]))
    if fault is Fault.THROTTLED:
        code, status = THROTTLED_AS[send.service]
        return make_client_error(send.operation, code, status)
    return make_client_error(send.operation, "InternalError", 500)


def conflict(writes: int) -> ClientError:
    """Return the error of a transaction that conflicts with another one."""
    error = make_client_error("TransactWriteItems", "TransactionCanceledException")
    reasons = [{"Code": "TransactionConflict"}, *[{"Code": "None"}] * (writes - 1)]
    error.response["CancellationReasons"] = reasons  # type: ignore[typeddict-item] # less strict than the stubs
    return error


THROTTLED_AS: Mapping[Service, tuple[str, int]] = {
    "dynamodb": ("ProvisionedThroughputExceededException", 400),
    "s3": ("SlowDown", 503),
    "sqs": ("RequestThrottled", 403),
    "sns": ("ThrottledException", 429),
}


def is_retried(error: Exception) -> bool:
    """Return True if botocore, in our clients' mode, sends the request again."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return status in RETRIED_STATUSES or error_code(error) in RETRIED_CODES
    return isinstance(error, ConnectionError | HTTPClientError)
