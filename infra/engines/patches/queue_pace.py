"""Batches of messages, as many as Lambda's pollers find on AWS.

MiniStack invokes the function of a queue as soon as one message is there, within a millisecond. So an ingest leads to
one invocation per message. Lambda needs tens of milliseconds for each receive, and then finds several messages. Here, a
queue that was quiet is still read at once. After a batch, the next one is read after an interval, or once it is full.
"""

# ruff: noqa: SLF001, ANN401 - patches private functions of an untyped module

import threading
import time
from collections.abc import Callable
from typing import Any, Final

INTERVAL_SECONDS: Final = 0.1


class PacedReceive:
    """Receives messages of queues for functions. It is called in one thread, again and again."""

    def __init__(  # noqa: PLR0913 - half of them are for tests
        self,
        receive: Callable[[str, int], list[Any]],
        count: Callable[[str, int], int],
        wake: Callable[[], object],
        *,
        interval: float = INTERVAL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        start_timer: Callable[[float, Callable[[], object]], object] | None = None,
    ) -> None:
        """``count`` returns the number of visible messages up to a maximum. ``wake`` lets the thread call again."""
        self._receive = receive
        self._count = count
        self._wake = wake
        self._interval = interval
        self._clock = clock
        self._start_timer = start_timer or _start_timer
        #: When the next batch of a queue is due.
        self._due: dict[str, float] = {}
        #: Queues with a running timer.
        self._waiting: set[str] = set()

    def __call__(self, queue: str, most: int) -> list[Any]:
        """Return up to ``most`` messages, or none if a batch is not due. Then the thread is woken when it is due."""
        rest = self._due.get(queue, 0.0) - self._clock()
        if rest > 0:
            found = self._count(queue, most)
            if found < most:
                if found and queue not in self._waiting:
                    self._waiting.add(queue)
                    self._start_timer(rest, lambda: self._end_wait(queue))
                return []
        messages = self._receive(queue, most)
        if messages:
            self._due[queue] = self._clock() + self._interval
        return messages

    def _end_wait(self, queue: str) -> None:
        self._waiting.discard(queue)
        self._wake()


def _start_timer(seconds: float, function: Callable[[], object]) -> None:
    timer = threading.Timer(seconds, function)
    timer.daemon = True
    timer.start()


def install(queues: Any, functions: Any) -> None:
    """Patch ``ministack.services.sqs``, which ``ministack.services.lambda_svc`` calls."""

    def count(url: str, most: int) -> int:
        now, found = time.time(), 0
        with queues._queues_lock:
            for message in queues._get_q(url)["messages"]:
                found += message.get("visible_at", 0) <= now
                if found == most:
                    break
        return found

    queues._receive_messages_for_esm = PacedReceive(queues._receive_messages_for_esm, count, functions._esm_wake.set)
