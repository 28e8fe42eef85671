"""Stands in for ``ThreadPoolExecutor``: what a function does side by side, in an order that the run chooses."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Any, Self

from faults.simulator.actors import Actor, End, current, pause


class Threads:
    """A pool whose threads are further actors of the invocation; outside of all actors it works one by one."""

    #: Makes a thread of an invocation; the stage says how.
    starter: Callable[[Actor, Callable[[], Any]], Actor]

    def __init__(self, max_workers: int | None = None, **_: Any) -> None:
        """Run at most ``max_workers`` at a time."""
        self._places = max_workers or 1

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; ``map`` has waited for all."""

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> Iterator[Any]:
        """Do all, each when a place is free; yield the results in the order of the items."""
        actor = current()
        if actor is None:
            return iter([function(item) for item in items])
        waiting = [partial(function, item) for item in items]
        threads: list[Actor] = []
        while waiting or actor.is_waiting:
            while waiting and sum(thread.end is None for thread in threads) < self._places:
                threads.append(type(self).starter(actor, waiting.pop(0)))
            pause()
        for thread in threads:
            if thread.end is End.RAISED:
                raise thread.result
        return iter([thread.result for thread in threads])
