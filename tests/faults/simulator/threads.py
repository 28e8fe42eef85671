"""A replacement of ``ThreadPoolExecutor`` whose threads run in an order that the run decides."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Any, Self

from faults.simulator.invocations import End, Invocation, current, pause


class Threads:
    """A pool whose threads are actors of the invocation; outside of actors it runs one by one."""

    #: Creates a thread of an invocation; set by ``Functions``.
    starter: Callable[[Invocation, Callable[[], Any]], Invocation]

    def __init__(self, max_workers: int | None = None, **_: Any) -> None:
        """Run at most ``max_workers`` at a time."""
        self._places = max_workers or 1

    def __enter__(self) -> Self:
        """Start."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; ``map`` has waited for all."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Run all, each when a slot is free; yield the results in order."""
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
