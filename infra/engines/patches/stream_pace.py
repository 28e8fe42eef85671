"""Polls of DynamoDB streams four times per second, as Lambda does.

MiniStack invokes the function of a stream after each change. During an ingest, that is one invocation for each job,
which costs more than one for several jobs. Lambda polls a stream four times per second
(https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html), so an invocation gets the changes of 250 ms.
"""

# ruff: noqa: SLF001, ANN401 - patches private functions of an untyped module

import threading
import time
from collections.abc import Callable
from typing import Any, Final

INTERVAL_SECONDS: Final = 0.25


class PacedPoll:
    """Calls a poll at most once per interval. It is called in one thread, again and again."""

    def __init__(
        self,
        poll: Callable[[], bool],
        wake: Callable[[], object],
        *,
        interval: float = INTERVAL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        start_timer: Callable[[float, Callable[[], object]], object] | None = None,
    ) -> None:
        """``poll`` returns True if it has found something. ``wake`` lets the thread call again soon."""
        self._poll = poll
        self._wake = wake
        self._interval = interval
        self._clock = clock
        self._start_timer = start_timer or _start_timer
        self._next = 0.0
        #: Set until a timer has ended, so that there is one at a time.
        self._is_waiting = threading.Event()

    def __call__(self) -> bool:
        """Return what the poll returns, or False if it is not due. Then the thread is woken when it is due."""
        rest = self._next - self._clock()
        if rest > 0:
            if not self._is_waiting.is_set():
                self._is_waiting.set()
                self._start_timer(rest, self._end_wait)
            return False
        found = self._poll()
        self._next = self._clock() + self._interval
        return found

    def _end_wait(self) -> None:
        self._is_waiting.clear()
        self._wake()


def _start_timer(seconds: float, function: Callable[[], object]) -> None:
    timer = threading.Timer(seconds, function)
    timer.daemon = True
    timer.start()


def install(functions: Any) -> None:
    """Patch ``ministack.services.lambda_svc``."""
    functions._poll_dynamodb_streams = PacedPoll(functions._poll_dynamodb_streams, functions._esm_wake.set)
