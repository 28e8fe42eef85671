"""A limit on the API requests that MiniStack runs at once.

MiniStack starts another process of a function for each concurrent request. 64 callers would start 64 processes, which
need 4 GiB and start so slowly that every caller times out. Here, requests wait for a process that is free. Another one
starts when a request has waited as long as a process takes to start: only then is it sure that one more would have
helped. A request that has waited too long gets the gateway's response for throttled requests, as on AWS.
"""

# ruff: noqa: SLF001, ANN401 - patches private functions of an untyped module

import asyncio
import os
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Final

#: Processes that start at once. More would only slow each other down.
FIRST: Final = 2
#: How long the start of a process takes at most, whatever the first request took: it may have waited for a job.
MAX_START_SECONDS: Final = 5.0
#: Requests that may wait. Each of them may have a body of 4.6 MB.
MAX_WAITING: Final = 128
#: Less than the gateway's own timeout, with time left for the request itself.
PATIENCE_SECONDS: Final = 10.0
#: Time without requests, after which MiniStack ends processes that it started for concurrent requests.
IDLE_SECONDS: Final = 300.0


class RequestGate:
    """Admits requests in order of arrival. Must be used in one event loop."""

    def __init__(
        self,
        most: int,
        *,
        max_waiting: int = MAX_WAITING,
        patience: float = PATIENCE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        call_later: Callable[[float, Callable[[], None]], asyncio.TimerHandle] | None = None,
    ) -> None:
        """Admit at most ``most`` requests at once. Tests give a clock and timers of their own."""
        self._clock = clock
        self._call_later = call_later
        self._most = most
        self._max_waiting = max_waiting
        self._patience = patience
        self._limit = min(FIRST, most)
        self._running = 0
        #: A waiting request, and since when it has waited.
        self._waiting: deque[tuple[asyncio.Future[None], float]] = deque()
        self._ended_at = -IDLE_SECONDS
        #: When the first request since a pause began, until it has ended.
        self._first_at: float | None = None
        #: How long a process takes to start, once that is known.
        self._start_seconds: float | None = None
        self._grown_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def enter(self) -> bool:
        """Wait until the request may start. Return False if it may not. Call ``leave`` only after True."""
        now = self._clock()
        if not self._running and now - self._ended_at >= IDLE_SECONDS:
            self._limit = min(FIRST, self._most)
            self._first_at, self._start_seconds = now, None
        if self._running < self._limit:
            self._running += 1
            return True
        if len(self._waiting) >= self._max_waiting:
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, now))
        self._watch()
        try:
            await asyncio.wait({turn}, timeout=self._patience)
        except asyncio.CancelledError:
            if turn.done():
                self.leave()
            raise
        finally:
            if not turn.done():
                self._waiting.remove((turn, now))
        return turn.done()

    def leave(self) -> None:
        """End a request and admit the next one."""
        self._running -= 1
        self._ended_at = self._clock()
        if self._first_at is not None:
            self._start_seconds = min(self._ended_at - self._first_at, MAX_START_SECONDS)
            self._first_at = None
            self._watch()
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._running < self._limit:
            turn, _ = self._waiting.popleft()
            self._running += 1
            turn.set_result(None)

    def _watch(self) -> None:
        """Look again when the oldest waiting request has waited as long as a process takes to start."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and self._limit < self._most and self._start_seconds is not None:
            due = max(self._waiting[0][1], self._grown_at) + self._start_seconds
            call_later = self._call_later or asyncio.get_running_loop().call_later
            self._timer = call_later(due - self._clock(), partial(self._grow, due))

    def _grow(self, due: float) -> None:
        """Let one more process start if a request still waits. The next one starts when this one can be ready."""
        self._timer = None
        if self._waiting and self._waiting[0][1] + (self._start_seconds or 0) <= due:
            self._limit, self._grown_at = self._limit + 1, self._clock()
            self._admit()
        self._watch()


def count_processes(processors: int | None = None) -> int:
    """Return how many requests to run at once: four per processor, because most wait for AWS, from 8 to 32."""
    return max(8, min(32, 4 * (processors or os.cpu_count() or 1)))


def install(gateway: Any, gate: RequestGate) -> None:
    """Patch ``ministack.services.apigateway_v1``."""
    invoke = gateway._invoke_lambda_proxy_v1

    async def invoke_in_turn(*given: Any, **named: Any) -> Any:
        if not await gate.enter():
            return gateway._gw_error("THROTTLED", "Too Many Requests")
        try:
            return await invoke(*given, **named)
        finally:
            gate.leave()

    gateway._invoke_lambda_proxy_v1 = invoke_in_turn
