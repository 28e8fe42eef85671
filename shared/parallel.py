"""The same call to a service for many things: some at a time, since each is mostly waiting."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

#: As many as a client has connections (``shared.aws.clients``).
MAX_CONCURRENCY = 10
_T = TypeVar("_T")
_R = TypeVar("_R")


def map_parallel(function: Callable[[_T], _R], things: Iterable[_T]) -> list[_R]:
    """Return what a function returns for each thing, in their order; raises the first thing's error that has one."""
    with ThreadPoolExecutor(MAX_CONCURRENCY, thread_name_prefix="call") as threads:
        return list(threads.map(function, things))
