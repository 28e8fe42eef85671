"""Polls of streams on the embedded engine: at most four per second, and none is forgotten."""

import importlib
from collections.abc import Callable
from types import SimpleNamespace

from infra.engines.patches import stream_pace
from infra.engines.patches.stream_pace import INTERVAL_SECONDS, PacedPoll


class Machine:
    """A clock that stands still, timers that a test ends, and a stream."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[tuple[float, Callable[[], object]]] = []
        self.polls: list[float] = []
        self.wakes = 0
        self.poll = PacedPoll(self._poll, self._wake, clock=lambda: self.now, start_timer=self._start_timer)

    def _poll(self) -> bool:
        self.polls.append(self.now)
        return True

    def _wake(self) -> None:
        self.wakes += 1

    def _start_timer(self, seconds: float, function: Callable[[], object]) -> None:
        self.timers.append((self.now + seconds, function))

    def end_timer(self) -> None:
        """Let the only timer end."""
        ((self.now, function),) = self.timers
        self.timers.clear()
        function()


def test_first_change_is_found_at_once() -> None:
    """A stream that was quiet has no delay."""
    machine = Machine()
    assert machine.poll()
    assert machine.polls == [100.0]


def test_changes_of_an_interval_are_found_together() -> None:
    """Many wakes within an interval lead to one timer and one poll at its end."""
    machine = Machine()
    machine.poll()
    for _ in range(5):
        machine.now += INTERVAL_SECONDS / 10
        assert not machine.poll()
    assert len(machine.timers) == 1
    machine.end_timer()
    assert machine.wakes == 1
    assert machine.poll()
    assert machine.polls == [100.0, 100.0 + INTERVAL_SECONDS]


def test_each_interval_has_its_own_timer() -> None:
    """After a timer, the next change waits for another one."""
    machine = Machine()
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
    stream_pace.install(copy)
    assert isinstance(copy._poll_dynamodb_streams, PacedPoll)
    assert "_poll_dynamodb_streams" in functions._poll_loop.__code__.co_names
