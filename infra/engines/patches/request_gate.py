"""A limit on the API requests that MiniStack runs at once.

MiniStack starts another process of a function for each concurrent request. 64 callers would start 64 processes, which
need 4 GiB and start so slowly that every caller times out. Here, further requests wait until one has ended. A request
that has waited too long gets the gateway's response for throttled requests, as on AWS.
"""

# ruff: noqa: SLF001, ANN401 - patches private functions of an untyped module

import asyncio
import os
import time
from collections import deque
from typing import Any, Final

#: Processes that start before one of them has answered. More would only slow each other down.
FIRST: Final = 2
#: Requests that may wait. Each of them may have a body of 4.6 MB.
MAX_WAITING: Final = 128
#: Less than the gateway's own timeout, with time left for the request itself.
PATIENCE_SECONDS: Final = 10.0
#: Time without requests, after which MiniStack ends processes that it started for concurrent requests.
IDLE_SECONDS: Final = 300.0


class RequestGate:
    """Admits requests in order of arrival. Must be used in one event loop."""

    def __init__(self, most: int, *, max_waiting: int = MAX_WAITING, patience: float = PATIENCE_SECONDS) -> None:
        """Admit at most ``most`` requests at once."""
        self._most = most
        self._max_waiting = max_waiting
        self._patience = patience
        self._limit = min(FIRST, most)
        self._running = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._ended_at = 0.0

    async def enter(self) -> bool:
        """Wait until the request may start. Return False if it may not. Call ``leave`` only after True."""
        if not self._running and time.monotonic() - self._ended_at > IDLE_SECONDS:
            self._limit = min(FIRST, self._most)
        if self._running < self._limit:
            self._running += 1
            return True
        if len(self._waiting) >= self._max_waiting:
            return False
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await asyncio.wait({turn}, timeout=self._patience)
        except asyncio.CancelledError:
            if turn.done():
                self.leave()
            turn.cancel()
            raise
        if turn.done():
            return True
        turn.cancel()
        self._waiting.remove(turn)
        return False

    def leave(self) -> None:
        """End a request and admit the next ones. Its process is warm, so one more may start."""
        self._running -= 1
        self._limit = min(self._limit + 1, self._most)
        self._ended_at = time.monotonic()
        while self._waiting and self._running < self._limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self._running += 1
                turn.set_result(None)


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
