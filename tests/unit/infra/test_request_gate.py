"""The limit on concurrent API requests of the embedded engine."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from infra.engines.patches import request_gate
from infra.engines.patches.request_gate import FIRST, RequestGate, count_processes


async def admit(gate: RequestGate, count: int) -> list[asyncio.Task[bool]]:
    """Let requests arrive one after the other, and return them."""
    requests = []
    for _ in range(count):
        requests.append(asyncio.create_task(gate.enter()))
        await asyncio.sleep(0)
    return requests


async def settle() -> None:
    """Let all requests do what they can do without waiting."""
    for _ in range(20):
        await asyncio.sleep(0)


def count_running(requests: list[asyncio.Task[bool]]) -> int:
    """Return how many requests were admitted."""
    return sum(request.done() and not request.cancelled() and request.result() for request in requests)


def test_a_cold_function_starts_few_processes() -> None:
    """Each answered request allows one more, up to the limit."""

    async def run() -> list[int]:
        gate = RequestGate(4)
        requests = await admit(gate, 12)
        seen = [count_running(requests)]
        for _ in range(4):
            gate.leave()
            await settle()
            seen.append(count_running(requests))
        for request in requests:
            request.cancel()
        return seen

    # Of two running requests, one ends: then three may run, of which two are new, and so on.
    assert asyncio.run(run()) == [FIRST, 4, 6, 7, 8]


def test_requests_are_admitted_in_order() -> None:
    """The first to wait is the first to run."""

    async def run() -> list[int]:
        gate, order = RequestGate(1), []

        async def request(number: int) -> None:
            assert await gate.enter()
            order.append(number)
            await asyncio.sleep(0)
            gate.leave()

        await asyncio.gather(*map(request, range(5)))
        return order

    assert asyncio.run(run()) == [0, 1, 2, 3, 4]


def test_a_request_that_waits_too_long_is_refused() -> None:
    """Later ones still get their turn."""

    async def run() -> tuple[list[bool], bool]:
        gate = RequestGate(1, patience=0.01)
        refused = [await gate.enter(), await gate.enter()]
        gate.leave()
        return refused, await gate.enter()

    assert asyncio.run(run()) == ([True, False], True)


def test_a_request_is_refused_at_once_if_too_many_wait() -> None:
    """A waiting request holds its body in memory."""

    async def run() -> bool:
        gate = RequestGate(1, max_waiting=2)
        requests = await admit(gate, 3)
        refused = await asyncio.wait_for(gate.enter(), 600)
        for request in requests:
            request.cancel()
        return refused

    assert not asyncio.run(run())


def test_a_caller_that_leaves_gives_its_place_to_the_next() -> None:
    """Whether it still waited or had just been admitted."""

    async def run() -> int:
        gate = RequestGate(1)
        first, waiting, admitted, last = await admit(gate, 4)
        waiting.cancel()
        gate.leave()
        admitted.cancel()
        await asyncio.wait({last}, timeout=600)
        return count_running([first, last])

    assert asyncio.run(run()) == 2


def test_after_a_pause_few_processes_start_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """MiniStack has ended the others."""
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    async def run() -> list[int]:
        gate, seen = RequestGate(8), []
        for _ in range(2):
            for _ in range(10):
                assert await gate.enter()
                gate.leave()
            requests = await admit(gate, 12)
            seen.append(count_running(requests))
            for _ in range(8):
                gate.leave()
            for request in requests:
                request.cancel()
            await asyncio.sleep(0)
            now[0] += request_gate.IDLE_SECONDS + 1
        return seen

    assert asyncio.run(run()) == [8, 8]


@pytest.mark.parametrize(("processors", "processes"), [(1, 8), (2, 8), (4, 16), (64, 32)])
def test_the_limit_follows_the_processors(processors: int, processes: int) -> None:
    """Most requests wait for AWS, so there are several per processor, within bounds of memory."""
    assert count_processes(processors) == processes


def test_refused_requests_get_the_answer_of_the_gateway() -> None:
    """The template sets its body and Retry-After."""

    async def invoke(number: int) -> int:
        await asyncio.sleep(0.02)
        return number

    gateway: Any = SimpleNamespace(_invoke_lambda_proxy_v1=invoke, _gw_error=lambda kind, text: (kind, text))
    request_gate.install(gateway, RequestGate(1, max_waiting=1))

    async def run() -> list[Any]:
        return await asyncio.gather(*map(gateway._invoke_lambda_proxy_v1, range(3)))

    assert asyncio.run(run()) == [0, 1, ("THROTTLED", "Too Many Requests")]


def test_a_failed_request_frees_its_place() -> None:
    """The next one runs."""

    async def invoke() -> None:
        raise ValueError

    gateway: Any = SimpleNamespace(_invoke_lambda_proxy_v1=invoke, _gw_error=lambda *error: error)
    request_gate.install(gateway, RequestGate(1, patience=0.01))

    async def run() -> list[Any]:
        return await asyncio.gather(*(gateway._invoke_lambda_proxy_v1() for _ in range(3)), return_exceptions=True)

    assert [type(found) for found in asyncio.run(run())] == [ValueError] * 3
