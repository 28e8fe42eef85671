"""The model of botocore's retries, compared with botocore."""

import time
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from io import BytesIO
from typing import Any

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from faults.simulator import aws_interception
from faults.simulator.faults import KILLS, THROTTLED_AS, TIMES_OUT, Fault, Send, as_error
from faults.simulator.invocations import End, Kind
from faults.simulator.settings import Blueprint
from faults.simulator.world import World

from shared.aws.clients import Clients, make_clients
from shared.aws.errors import translate_aws_errors
from shared.errors import SafelightError

CALLS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("UpdateItem", {"TableName": "JobTable", "Key": {"ID": {"S": "a"}}, "UpdateExpression": "REMOVE Gone"}),
    "s3": ("PutObject", {"Bucket": "images", "Key": "a", "Body": b"x"}),
    "sqs": ("SendMessage", {"QueueUrl": f"https://sqs.us-east-1.amazonaws.com/{'0' * 12}/jobs", "MessageBody": "x"}),
}
METHODS = {"dynamodb": "update_item", "s3": "put_object", "sqs": "send_message"}
RETRIED = [Fault.UNREACHABLE, Fault.ERROR, Fault.THROTTLED, Fault.LOST, Fault.ERROR_AFTER, Fault.OVERDUE]

#: The call returns a response.
HARMLESS = frozenset({Fault.SLOW, Fault.TWICE, Fault.CUT, Fault.PARTIAL})


def through_botocore(service: str, fault: Fault, times: int) -> tuple[int, str]:
    """Make a call whose first ``times`` sends fail below botocore's retries; return its sends and result."""
    client: Any = getattr(make_clients(5), service)
    sends = []

    def wire(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        sends.append(request.url)
        if len(sends) > times:
            return response(request, 200, b"{}" if service != "s3" else b"")
        if fault is Fault.UNREACHABLE or fault in TIMES_OUT:
            raise as_error(fault, send_of(service))
        code, status = THROTTLED_AS[service] if fault is Fault.THROTTLED else ("InternalError", 500)
        text = f'{{"__type": "{code}"}}' if service != "s3" else f"<Error><Code>{code}</Code></Error>"
        return response(request, status, text.encode())

    client.meta.events.register_first("before-send", wire)
    try:
        with translate_aws_errors():
            getattr(client, METHODS[service])(**CALLS[service][1])
    except SafelightError as error:
        return len(sends), error.code
    return len(sends), "done"


@cache
def make_clients_of_the_model() -> Clients:
    """Return clients whose calls never reach botocore's retries, which are counted per client."""
    return make_clients(5)


def response(request: AWSPreparedRequest, status: int, body: bytes) -> AWSResponse:
    """Return a service's response on the wire."""
    raw = BytesIO(body)
    raw.stream = lambda **_: iter([body])  # type: ignore[attr-defined] # what botocore reads of urllib3's
    return AWSResponse(request.url, status, {}, raw)  # type: ignore[arg-type] # a double of urllib3's


def through_the_model(service: str, fault: Fault, times: int) -> tuple[int, str]:
    """Make the same call with the same faults through the model."""
    world = World(Blueprint.read())
    world.plan = lambda send: fault if send.tried < times else None
    client: Any = getattr(make_clients_of_the_model(), service)
    client._make_api_call = lambda operation, request: aws_interception.call(world, service, operation, request)

    def body() -> str:
        try:
            with translate_aws_errors():
                getattr(client, METHODS[service])(**CALLS[service][1])
        except SafelightError as error:
            return error.code
        return "done"

    actor = world.start(Kind.WORKER, body, limit=timedelta(hours=1))
    while actor.end is None:
        world.advance(actor)
    assert actor.end is End.RETURNED
    return len({send.tried for send, _ in world.steps}), actor.result


@pytest.mark.thorough
@pytest.mark.parametrize("service", CALLS)
@pytest.mark.parametrize("fault", RETRIED)
@pytest.mark.parametrize("times", [1, 2, 3])
def test_the_model_of_retries_matches_botocore(
    monkeypatch: pytest.MonkeyPatch, service: str, fault: Fault, times: int
) -> None:
    """A fault of one, two or three sends has the same number of sends and the same result."""
    monkeypatch.setattr(time, "sleep", lambda _: None)
    assert through_the_model(service, fault, times) == through_botocore(service, fault, times)


@pytest.mark.parametrize("fault", Fault)
def test_each_fault_has_its_effect(fault: Fault) -> None:
    """It leaves nothing, the effect, two effects, or a late effect in the service."""
    world = World(Blueprint.read())
    world.plan = lambda send: fault if send.tried == 0 else Fault.KILLED_BEFORE
    operation, request = CALLS["sqs"]
    actor = world.start(
        Kind.API, lambda: aws_interception.call(world, "sqs", operation, request), limit=timedelta(hours=1)
    )
    while actor.end is None:
        world.advance(actor)
    at_once = {
        Fault.TWICE: 2,
        **dict.fromkeys((Fault.KILLED_AFTER, Fault.LOST, Fault.ERROR_AFTER, Fault.SLOW, Fault.CUT, Fault.PARTIAL), 1),
    }
    assert len(world.queue.messages) == at_once.get(fault, 0)
    world.pass_time(timedelta(hours=1))
    assert len(world.queue.messages) == (1 if fault is Fault.OVERDUE else at_once.get(fault, 0))
    assert (actor.end is End.KILLED) is (fault in KILLS or fault not in HARMLESS)


def send_of(service: str) -> Send:
    """Return a send to a service."""
    operation, request = CALLS[service]
    return Send(None, 1, service, operation, request, 0)  # type: ignore[arg-type] # nobody looks at who sends
