"""The memory budget shared by threads."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.memory_budget import MemoryBudget


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 150), min_size=1, max_size=12))
def test_reservations_never_exceed_the_budget(sizes: list[int]) -> None:
    """The sum never exceeds the budget, except for one larger request that runs alone."""
    budget, lock, held = MemoryBudget(100), Lock(), []

    def work(size: int) -> None:
        with budget.reserve(size):
            with lock:
                held.append(size)
                assert sum(held) <= 100 or len(held) == 1
            with lock:
                held.remove(size)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, sizes))
    assert held == []


def test_reservation_ends_after_an_error() -> None:
    """A record that fails frees its bytes."""
    budget = MemoryBudget(10)
    for _ in range(3):
        with pytest.raises(ValueError, match="x"), budget.reserve(10):
            raise ValueError("x")


def test_request_that_does_not_fit_waits() -> None:
    """A record that does not fit starts when another one has ended."""
    budget, inside, leave = MemoryBudget(10), Event(), Event()

    def first() -> str:
        with budget.reserve(8):
            inside.set()
            leave.wait()
        return "first"

    def second() -> bool:
        with budget.reserve(8):
            return leave.is_set()

    with ThreadPoolExecutor(2) as threads:
        threads.submit(first)
        inside.wait()
        waiting = threads.submit(second)
        while not vars(budget._changed)["_waiters"]:
            assert not waiting.done()
        leave.set()
        assert waiting.result() is True
