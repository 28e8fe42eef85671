"""How often streams, queues and schedules invoke functions: hardly more often than on AWS.

MiniStack invokes the function of a stream after each change, and that of a queue within a millisecond of a message. So
an ingest leads to one invocation per job or message, which costs more than one for several.

* Lambda polls a stream four times per second (https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html), so an
  invocation gets the changes of 250 ms.
* Lambda needs tens of milliseconds for each receive from a queue, and then finds several messages. Here, a queue that
  was quiet is still read at once. After a batch, the next one is read after an interval, or once it is full.
* A schedule invokes its function even if the invocation before has not ended, in another process. If the machine is so
  busy that a process takes longer to start than the interval, more and more of them would start. Here, the schedule
  skips such an invocation.
"""

# ruff: noqa: SLF001, ANN401 - patches private functions of an untyped module

import json
import threading
import time
from collections.abc import Callable
from typing import Any, Final

STREAM_SECONDS: Final = 0.25
QUEUE_SECONDS: Final = 0.1


class PacedPoll:
    """Calls a poll at most once per interval. It is called in one thread, again and again."""

    def __init__(
        self,
        poll: Callable[[], bool],
        wake: Callable[[], object],
        *,
        interval: float = STREAM_SECONDS,
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


class PacedReceive:
    """Receives messages of queues for functions. It is called in one thread, again and again."""

    def __init__(  # noqa: PLR0913 - half of them are for tests
        self,
        receive: Callable[[str, int], list[Any]],
        count: Callable[[str, int], int],
        wake: Callable[[], object],
        *,
        interval: float = QUEUE_SECONDS,
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


def pace_schedules(events: Any, functions: Any) -> None:
    """Patch ``ministack.services.eventbridge``, which calls ``ministack.services.lambda_svc``."""
    tick, dispatch, execute = (
        events._tick_scheduled_rules,
        events._dispatch_to_lambda,
        functions._execute_function_with_config_scope,
    )
    thread = threading.local()
    running: set[str] = set()

    def tick_marked() -> None:
        thread.is_schedule = True
        try:
            tick()
        finally:
            thread.is_schedule = False

    def dispatch_once(arn: str, payload: str) -> None:
        if not getattr(thread, "is_schedule", False):
            dispatch(arn, payload)
            return
        function, configuration, _ = functions._get_func_record_for_ref(arn)
        if arn in running or not function or not configuration:
            return
        record = functions._execution_record_for_config(function, configuration)
        running.add(arn)

        def run() -> None:
            try:
                execute(record, json.loads(payload))
            finally:
                running.discard(arn)

        threading.Thread(target=run, daemon=True).start()

    events._tick_scheduled_rules = tick_marked
    events._dispatch_to_lambda = dispatch_once


def pace_streams(functions: Any) -> None:
    """Patch ``ministack.services.lambda_svc``."""
    functions._poll_dynamodb_streams = PacedPoll(functions._poll_dynamodb_streams, functions._esm_wake.set)


def pace_queues(queues: Any, functions: Any) -> None:
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
