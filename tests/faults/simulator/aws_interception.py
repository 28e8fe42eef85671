"""Interception of every AWS call, above the services and below our code.

It replaces the point where a boto3 client hands over its request (``_make_api_call``), so our stores, their requests
and the error translation are real. botocore's retries are modeled here, each with its own fault. A test compares the
model with botocore.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from io import BytesIO
from typing import Any, Protocol

from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from faults.simulator.faults import EFFECTLESS, SLOWNESS, Answer, Fault, Plan, Send, as_error, is_retried
from faults.simulator.invocations import Invocation, Killed, current, die, pause

from shared.aws.clients import MAX_ATTEMPTS

#: Delay between two attempts of a call; botocore takes a random part of 1 s, then of 2 s.
BACKOFF = timedelta(milliseconds=500)
#: How long the caller waits, by fault. A call that times out takes as long as the timeout of the clients.
WAITS: Mapping[Fault | None, timedelta] = {
    Fault.SLOW: SLOWNESS,
    Fault.LOST: timedelta(seconds=5),
    Fault.OVERDUE: timedelta(seconds=5),
}


#: Listings, and their parameter for the size of a page. Any page can be short.
PAGE_LIMITS = {
    "Query": "Limit",
    "ListObjectsV2": "MaxKeys",
    "ListObjectVersions": "MaxKeys",
    "ListParts": "MaxParts",
    "ListMultipartUploads": "MaxUploads",
}
#: Member of requests with several entries, each of which can fail alone.
BATCH_ENTRIES = {"SendMessageBatch": "Entries", "PublishBatch": "PublishBatchRequestEntries"}


class Surroundings(Protocol):
    """The services, the time and the log of a world, as this module needs them."""

    plan: Plan

    def perform(self, service: str, operation: str, request: Mapping[str, Any]) -> Answer:
        """Run a request."""

    def delay(self, actor: Invocation, duration: timedelta) -> None:
        """Let time pass for one actor."""

    def later(self, duration: timedelta, deed: Callable[[], None]) -> None:
        """Call ``deed`` after ``duration``."""

    def noted(self, send: Send, fault: Fault | None, error: Exception | None) -> None:
        """Handle the end of one send."""


def call(world: Surroundings, service: str, operation: str, request: Mapping[str, Any]) -> Answer:
    """Make one AWS call for the running actor, with the planned faults."""
    actor = current()
    if actor is None:
        return world.perform(service, operation, request)
    if actor.root.dying:
        raise Killed
    actor.calls += 1
    number = actor.calls
    if operation == "TransactWriteItems":
        # botocore adds the token below this point: the same one for all attempts of a call.
        request = {"ClientRequestToken": f"{id(actor)} {number}", **request}
    for tried in range(MAX_ATTEMPTS):
        pause()
        send = Send(actor, number, service, operation, request, tried)
        try:
            return _send(world, send, world.plan(send))
        except Exception as error:
            if tried == MAX_ATTEMPTS - 1 or not is_retried(error):
                raise
            world.delay(actor, BACKOFF)
    raise AssertionError  # the last attempt returns or raises


def _send(world: Surroundings, send: Send, fault: Fault | None) -> Answer:
    if fault is Fault.KILLED_BEFORE:
        world.noted(send, fault, None)
        die()
    if fault is Fault.OVERDUE:
        world.later(SLOWNESS, lambda: _perform_without_caller(world, send))
    if fault is None or fault not in EFFECTLESS:
        return _return_response(world, send, fault, _perform(world, send, fault))
    world.noted(send, fault, as_error(fault, send))
    return _return_response(world, send, fault, {})


def _return_response(world: Surroundings, send: Send, fault: Fault | None, answer: Answer) -> Answer:
    """Return the response to the caller, or apply a fault to it."""
    if fault is Fault.KILLED_AFTER:
        die()
    world.delay(send.actor, WAITS.get(fault, timedelta(0)))
    if fault is None or fault in {Fault.SLOW, Fault.TWICE, Fault.PARTIAL}:
        return answer
    if fault is Fault.CUT:
        return _cut(answer)
    raise as_error(fault, send)


def _perform(world: Surroundings, send: Send, fault: Fault | None) -> Answer:
    try:
        if fault is Fault.PARTIAL:
            return _perform_partially(world, send)
        answer = world.perform(send.service, send.operation, send.request)
        if fault is Fault.TWICE:
            answer = world.perform(send.service, send.operation, send.request)
    except ClientError as error:
        world.noted(send, fault, error)
        if fault is Fault.KILLED_AFTER:
            die()
        if fault in {Fault.LOST, Fault.ERROR_AFTER}:
            return {}
        pause()
        raise
    world.noted(send, fault, None)
    return answer


def _perform_partially(world: Surroundings, send: Send) -> Answer:
    """Run a request without its first object or item, or with a short page. Return a response that says so."""
    request = dict(send.request)
    perform = partial(world.perform, send.service, send.operation)
    if send.operation == "DeleteObjects":
        first, *others = request["Delete"]["Objects"]
        answer = perform(request | {"Delete": {"Objects": others}})
        answer["Errors"] = [{**first, "Code": "InternalError", "Message": "says the double"}]
    elif send.operation == "BatchGetItem":
        ((table, wanted),) = request["RequestItems"].items()
        answer = perform(request | {"RequestItems": {table: wanted | {"Keys": wanted["Keys"][1:]}}})
        answer["UnprocessedKeys"] = {table: wanted | {"Keys": wanted["Keys"][:1]}}
    elif send.operation in BATCH_ENTRIES:
        first, *others = request[BATCH_ENTRIES[send.operation]]
        answer = perform(request | {BATCH_ENTRIES[send.operation]: others}) if others else {"Successful": []}
        answer["Failed"] = [{"Id": first["Id"], "Code": "InternalError", "SenderFault": False}]
    elif send.operation in PAGE_LIMITS:
        answer = perform(request | {PAGE_LIMITS[send.operation]: 1})
    else:
        answer = perform(request)
    world.noted(send, Fault.PARTIAL, None)
    return answer


def _perform_without_caller(world: Surroundings, send: Send) -> None:
    """Run a request whose caller no longer waits. An error is noted but not raised."""
    try:
        world.perform(send.service, send.operation, send.request)
    except ClientError as error:
        world.noted(send, Fault.OVERDUE, error)


def _cut(answer: Answer) -> Answer:
    """Remove the end of a body, so that reading it fails."""
    if "Body" not in answer:
        return answer

    data = answer["Body"].read()
    return answer | {"Body": StreamingBody(BytesIO(data[: len(data) // 2]), len(data))}
