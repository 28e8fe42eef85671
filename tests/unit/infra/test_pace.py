"""Polls of streams and receives of queues on the embedded engine: none waits more than an interval or is forgotten."""

import importlib
import queue
import time
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from infra.engines.patches import pace
from infra.engines.patches.pace import QUEUE_SECONDS, STREAM_SECONDS, PacedPoll, PacedReceive


class Machine:
    """A clock that stands still, and timers that a test ends."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[[], object]]] = []
        self.wakes = 0

    def _wake(self) -> None:
        self.wakes += 1

    def _start_timer(self, seconds: float, function: Callable[[], object]) -> None:
        self.timers.append((self.now + seconds, function))

    def end_timer(self) -> None:
        """Let the only timer end."""
        ((self.now, function),) = self.timers
        self.timers.clear()
        function()


class StreamMachine(Machine):
    """A machine with a stream."""

    def __init__(self) -> None:
        super().__init__()
        self.polls: list[float] = []
        self.poll = PacedPoll(self._poll, self._wake, clock=lambda: self.now, start_timer=self._start_timer)

    def _poll(self) -> bool:
        self.polls.append(self.now)
        return True


class QueueMachine(Machine):
    """A machine with queues of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.queues: dict[str, list[int]] = {"a": [], "b": []}
        self.receive = PacedReceive(
            self._receive, self._count, self._wake, clock=lambda: self.now, start_timer=self._start_timer
        )

    def _receive(self, queue: str, most: int) -> list[int]:
        found, self.queues[queue] = self.queues[queue][:most], self.queues[queue][most:]
        return found

    def _count(self, queue: str, most: int) -> int:
        return min(most, len(self.queues[queue]))


def test_first_change_is_found_at_once() -> None:
    """A stream that was quiet has no delay."""
    machine = StreamMachine()
    assert machine.poll()
    assert machine.polls == [100.0]


def test_changes_of_an_interval_are_found_together() -> None:
    """Many wakes within an interval lead to one timer and one poll at its end."""
    machine = StreamMachine()
    machine.poll()
    for _ in range(5):
        machine.now += STREAM_SECONDS / 10
        assert not machine.poll()
    assert len(machine.timers) == 1
    machine.end_timer()
    assert machine.wakes == 1
    assert machine.poll()
    assert machine.polls == [100.0, 100.0 + STREAM_SECONDS]


def test_each_interval_has_its_own_timer() -> None:
    """After a timer, the next change waits for another one."""
    machine = StreamMachine()
    machine.poll()
    machine.poll()
    machine.end_timer()
    machine.poll()
    machine.poll()
    assert len(machine.timers) == 1


def test_patch_names_functions_that_exist() -> None:
    """The tested release of MiniStack has the function and the event that the patch uses."""
    functions = importlib.import_module("ministack.services.lambda_svc")
    copy = SimpleNamespace(
        _poll_dynamodb_streams=functions._poll_dynamodb_streams,
        _esm_wake=functions._esm_wake,
    )
    pace.pace_streams(copy)
    assert isinstance(copy._poll_dynamodb_streams, PacedPoll)
    assert "_poll_dynamodb_streams" in functions._poll_loop.__code__.co_names


def test_first_message_is_received_at_once() -> None:
    """A queue that was quiet has no delay, and one queue does not delay another one."""
    machine = QueueMachine()
    machine.queues = {"a": [1], "b": [2]}
    assert machine.receive("a", 10) == [1]
    assert machine.receive("b", 10) == [2]


def test_messages_of_an_interval_are_received_together() -> None:
    """Messages that follow a batch wait for one timer, and then form one batch."""
    machine = QueueMachine()
    machine.queues["a"] = [1]
    machine.receive("a", 10)
    for number in (2, 3, 4):
        machine.now += QUEUE_SECONDS / 10
        machine.queues["a"].append(number)
        assert machine.receive("a", 10) == []
    machine.end_timer()
    assert machine.wakes == 1
    assert machine.now == pytest.approx(100.0 + QUEUE_SECONDS)
    assert machine.receive("a", 10) == [2, 3, 4]


def test_a_full_batch_does_not_wait() -> None:
    """Ten messages are received at once, and what is left waits."""
    machine = QueueMachine()
    machine.queues["a"] = list(range(21))
    assert machine.receive("a", 10) == list(range(10))
    assert machine.receive("a", 10) == list(range(10, 20))
    assert machine.receive("a", 10) == []
    machine.end_timer()
    assert machine.receive("a", 10) == [20]


def test_an_empty_queue_starts_no_timer() -> None:
    """A message that comes later wakes the thread itself, and is received when the interval has passed."""
    machine = QueueMachine()
    machine.queues["a"] = [1]
    machine.receive("a", 10)
    assert machine.receive("a", 10) == []
    assert not machine.timers
    machine.now += QUEUE_SECONDS
    machine.queues["a"] = [2]
    assert machine.receive("a", 10) == [2]


def test_invisible_messages_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """With MiniStack's queues: received messages and delayed ones do not fill a batch."""
    queues: Any = importlib.import_module("ministack.services.sqs")
    received: list[str] = []
    url = "http://localhost/queue-pace"
    messages = [{"visible_at": time.time() - 1} for _ in range(3)] + [{"visible_at": time.time() + 900}] * 7
    monkeypatch.setattr(queues, "_get_q", lambda _: {"messages": messages})

    def receive(queue: str, most: int) -> list[str]:
        received.append(queue)
        return ["message"] * most

    monkeypatch.setattr(queues, "_receive_messages_for_esm", receive)
    wakes = SimpleNamespace(set=lambda: None)
    pace.pace_queues(queues, SimpleNamespace(_esm_wake=wakes))
    monkeypatch.setattr(queues._receive_messages_for_esm, "_start_timer", lambda *_: None)
    monkeypatch.setattr(queues._receive_messages_for_esm, "_clock", lambda: 100.0)
    queues._receive_messages_for_esm(url, 10)
    assert queues._receive_messages_for_esm(url, 10) == []
    assert queues._receive_messages_for_esm(url, 3) != []
    assert received == [url, url]


class Schedules:
    """Functions that a rule invokes at each tick. An invocation ends when a test says so."""

    def __init__(self) -> None:
        self.started: queue.Queue[tuple[str, object]] = queue.Queue()
        self.ends: dict[str, queue.Queue[None]] = {arn: queue.Queue() for arn in ("reconciler", "walker")}
        self.events: Any = SimpleNamespace(_tick_scheduled_rules=self._tick, _dispatch_to_lambda=self._dispatch)
        self.direct: list[str] = []
        functions = SimpleNamespace(
            _get_func_record_for_ref=lambda arn: ({"arn": arn}, {"arn": arn}, arn) if arn != "deleted" else (0, 0, arn),
            _execution_record_for_config=lambda function, _: function["arn"],
            _execute_function_with_config_scope=self._execute,
        )
        pace.pace_schedules(self.events, functions)

    def _tick(self) -> None:
        for arn in ("reconciler", "walker", "deleted"):
            self.events._dispatch_to_lambda(arn, f'{{"rule": "{arn}"}}')

    def _dispatch(self, arn: str, _payload: str) -> None:
        self.direct.append(arn)

    def _execute(self, arn: str, event: object) -> None:
        self.started.put((arn, event))
        self.ends[arn].get(timeout=600)
        self.started.put((arn, "ended"))

    def read(self) -> tuple[str, object]:
        """Return the next start or end of an invocation."""
        return self.started.get(timeout=600)


def test_a_schedule_waits_for_its_last_invocation() -> None:
    """Another tick starts no second process, and functions do not wait for each other."""
    schedules = Schedules()
    schedules.events._tick_scheduled_rules()
    started = [schedules.read(), schedules.read()]
    assert sorted(arn for arn, _ in started) == ["reconciler", "walker"]
    assert {"rule": "walker"} in [event for _, event in started]
    schedules.ends["walker"].put(None)
    assert schedules.read() == ("walker", "ended")
    found: list[tuple[str, object]] = []
    while not found:
        schedules.events._tick_scheduled_rules()
        with suppress(queue.Empty):
            found.append(schedules.started.get(timeout=0.05))
    assert found == [("walker", {"rule": "walker"})]
    assert schedules.started.empty()
    for arn in ("walker", "reconciler"):
        schedules.ends[arn].put(None)


def test_other_events_invoke_a_function_each_time() -> None:
    """Only schedules skip an invocation."""
    schedules = Schedules()
    for _ in range(2):
        schedules.events._dispatch_to_lambda("reconciler", "{}")
    assert schedules.direct == ["reconciler", "reconciler"]
