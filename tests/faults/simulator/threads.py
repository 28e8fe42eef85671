"""A replacement of ``ThreadPoolExecutor`` whose threads run in an order that the run decides."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Any, Self

from faults.simulator.invocations import End, Invocation, current, pause


class Threads:
    """A pool whose threads are actors of the invocation. Outside of actors, ``map`` calls the function sequentially."""

    #: Creates a thread of an invocation; set by ``Functions``.
    starter: Callable[[Invocation, Callable[[], Any]], Invocation]

    def __init__(self, max_workers: int | None = None, **_: Any) -> None:
        """Run at most ``max_workers`` threads at a time."""
        self._places = max_workers or 1

    def __enter__(self) -> Self:
        """Return the pool."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: ``map`` has waited for all threads."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Call the function for each item when a thread is free; return the results in the order of the items."""
        actor = current()
        if actor is None:
            return iter([function(item) for item in items])
        waiting = [partial(function, item) for item in items]
        threads: list[Invocation] = []
        while waiting or actor.is_waiting:
            while waiting and sum(thread.end is None for thread in threads) < self._places:
                threads.append(type(self).starter(actor, waiting.pop(0)))
            pause()
        for thread in threads:
            if thread.end is End.RAISED:
                raise thread.result
        return iter([thread.result for thread in threads])
