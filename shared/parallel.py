"""Concurrent calls to a service."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

#: The number of connections of a client (``shared.aws.clients``).
MAX_CONCURRENCY = 10
_T = TypeVar("_T")
_R = TypeVar("_R")


def map_parallel(function: Callable[[_T], _R], items: Iterable[_T]) -> list[_R]:
    """Return the results of a function for all items, in order. Raise the error of the first item that failed."""
    items = list(items)
    if len(items) <= 1:
        return [function(item) for item in items]
    with ThreadPoolExecutor(MAX_CONCURRENCY, thread_name_prefix="call") as threads:
        return list(threads.map(function, items))
