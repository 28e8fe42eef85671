"""Room: bytes that threads share."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worker.memory_budget import Room


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 150), min_size=1, max_size=12))
def test_no_more_is_held_than_fits_and_everybody_gets_in(sizes: list[int]) -> None:
    """Whatever the sizes, the sum never exceeds the room, except for one that is too large and gets it alone."""
    room, lock, held = Room(100), Lock(), []

    def work(size: int) -> None:
        with room.hold(size):
            with lock:
                held.append(size)
                assert sum(held) <= 100 or len(held) == 1
            with lock:
                held.remove(size)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, sizes))
    assert held == []


def test_room_is_given_back_after_a_fault() -> None:
    """A record that fails leaves its bytes to the next."""
    room = Room(10)
    for _ in range(3):
        with pytest.raises(ValueError, match="x"), room.hold(10):
            raise ValueError("x")


def test_who_does_not_fit_waits() -> None:
    """A record that does not fit beside another starts when that one has ended."""
    room, inside, leave = Room(10), Event(), Event()

    def first() -> str:
        with room.hold(8):
            inside.set()
            leave.wait(60)
        return "first"

    def second() -> bool:
        with room.hold(8):
            return leave.is_set()

    with ThreadPoolExecutor(2) as threads:
        threads.submit(first)
        inside.wait(60)
        waiting = threads.submit(second)
        leave.set()
        assert waiting.result() is True
