"""The limit on concurrent API requests of the embedded engine."""

import asyncio
from collections.abc import Callable
from functools import partial
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


class Clock:
    """A clock that a test moves. It calls the timers that are due."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[tuple[float, Callable[[], None]]] = []

    def read(self) -> float:
        """Return the time in seconds."""
        return self.now

    def call_later(self, seconds: float, function: Callable[[], None]) -> Any:
        """Call a function when the clock has moved, unless it is cancelled."""
        timer = (self.now + seconds, function)
        self.timers.append(timer)
        return SimpleNamespace(cancel=partial(self._cancel, timer))

    async def move(self, seconds: float) -> None:
        """Move the clock, and let the tasks run that can."""
        end = self.now + seconds
        while due := sorted((timer for timer in self.timers if timer[0] <= end), key=lambda timer: timer[0]):
            self.timers.remove(due[0])
            self.now = due[0][0]
            due[0][1]()
        self.now = end
        await settle()

    def _cancel(self, timer: tuple[float, Callable[[], None]]) -> None:
        if timer in self.timers:
            self.timers.remove(timer)


def make_gate(clock: Clock, most: int) -> RequestGate:
    """Return a gate on this clock."""
    return RequestGate(most, clock=clock.read, call_later=clock.call_later)


async def make_started_gate(clock: Clock, seconds: float) -> RequestGate:
    """Return a gate for eight requests whose first one has ended after this time."""
    gate = make_gate(clock, 8)
    assert await gate.enter()
    await clock.move(seconds)
    gate.leave()
    return gate


def test_another_process_starts_after_the_time_that_a_start_takes() -> None:
    """A request waits that long for a free process. Before the first has answered, the time is not known."""

    async def run() -> list[int]:
        clock = Clock()
        gate = make_gate(clock, 5)
        requests = await admit(gate, 12)
        await clock.move(2)
        seen = [count_running(requests)]
        gate.leave()  # a start takes 2 s, and the others have waited that long
        for seconds in (0, 1.9, 0.1, 2, 2, 2):
            await clock.move(seconds)
            seen.append(count_running(requests))
        for request in requests:
            request.cancel()
        return seen

    # One that has ended gives its place to the third, and the others start 2 s apart, up to the limit of 5 at once.
    assert asyncio.run(run()) == [FIRST, 4, 4, 5, 6, 6, 6]


def test_requests_wait_for_a_free_process_rather_than_start_one() -> None:
    """Many short requests need no more than the first processes."""

    async def run() -> list[int]:
        clock = Clock()
        gate = await make_started_gate(clock, 1)
        requests = await admit(gate, 40)
        seen = [count_running(requests)]
        for _ in range(40):
            await clock.move(0.02)
            gate.leave()
            await clock.move(0)
            seen.append(count_running(requests))
        return seen

    # Each request that ends admits the next one.
    assert asyncio.run(run()) == [min(FIRST + number, 40) for number in range(41)]


def test_a_first_request_that_waits_for_a_job_is_no_measure() -> None:
    """A start never counts as longer than a few seconds."""

    async def run() -> int:
        clock = Clock()
        gate = await make_started_gate(clock, 20)
        requests = await admit(gate, 3)
        await clock.move(request_gate.MAX_START_SECONDS)
        found = count_running(requests)
        for _ in range(3):
            gate.leave()
        return found

    assert asyncio.run(run()) == 3


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


def test_after_a_pause_few_processes_start_again() -> None:
    """MiniStack has ended the others."""

    async def run() -> list[int]:
        clock = Clock()
        gate, seen = make_gate(clock, 8), []
        for _ in range(2):
            requests = await admit(gate, 12)
            seen.append(count_running(requests))
            await clock.move(1)
            gate.leave()
            await clock.move(60)
            seen.append(count_running(requests))
            for _ in range(11):
                gate.leave()
            assert all(await asyncio.gather(*requests))
            await clock.move(request_gate.IDLE_SECONDS)
        return seen

    assert asyncio.run(run()) == [2, 9, 2, 9]


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
