"""Sorted secondary indexes for MiniStack, so that the time of a query depends only on the items that it reads.

For each query, MiniStack sorts all keys of an index partition and checks every key against the condition of the query.
With 100,000 jobs of one owner, a listing takes a second (``benchmarks/table_growth.py``). Here, a partition keeps its
keys sorted, and MiniStack's code gets only the keys within the range, start and limit of a query. For queries with an
uncommon condition, MiniStack's code gets all keys, as before.
"""

# ruff: noqa: SLF001, ANN401 - patches private functions of an untyped module

import re
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from contextvars import ContextVar
from itertools import islice
from operator import itemgetter
from threading import RLock
from typing import Any, Final

#: Hash and range key of an item in its table.
Key = tuple[Any, Any]
#: Range key of an item in an index, then its hash and range keys in the table, as comparable values.
Position = tuple[Any, ...]

_PATCHED: Final = ("_index_members", "_index_item", "_query")
_CONDITION: Final = re.compile(
    r"\s*(?P<hash>#?\w+)\s*=\s*(?P<value>:\w+)"
    r"(?:\s+AND\s+(?P<range>#?\w+)\s*(?:(?P<sign><=|>=|<|>)\s*(?P<than>:\w+)|BETWEEN\s+(?P<low>:\w+)\s+AND\s+(?P<high>:\w+)))?\s*"
)
_position: Final = itemgetter(0)


class Partition(dict[Key, Position]):
    """The keys of one partition of an index: a dict, which MiniStack expects, and a sorted list."""

    def __init__(self, entries: Iterable[tuple[Key, Position]] = ()) -> None:
        """Sort the initial entries."""
        super().__init__(entries)
        self.order: list[tuple[Position, Key]] = sorted((position, key) for key, position in self.items())

    def put(self, key: Key, position: Position) -> None:
        """Add or move a key."""
        self.drop(key)
        self[key] = position
        insort(self.order, (position, key))

    def drop(self, key: Key) -> None:
        """Remove a key if it exists."""
        position = self.pop(key, None)
        if position is not None:
            del self.order[bisect_left(self.order, (position, key))]

    def between(self, low: Any, high: Any, *, low_inclusive: bool, high_inclusive: bool) -> slice:
        """Return the positions of the keys within the bounds, as a slice. None means no bound."""
        first, last = 0, len(self.order)
        if low is not None:
            first = (bisect_left if low_inclusive else bisect_right)(self.order, low, key=_range_of)
        if high is not None:
            last = (bisect_right if high_inclusive else bisect_left)(self.order, high, key=_range_of)
        return slice(first, max(first, last))


def install(dynamodb: Any) -> None:
    """Replace the index functions of MiniStack's DynamoDB module in this process."""
    indexes = _Indexes(dynamodb)
    for name in _PATCHED:
        setattr(dynamodb, name, getattr(indexes, name.removeprefix("_")))


class _Indexes:
    """Replacements for MiniStack's functions of the same names."""

    def __init__(self, dynamodb: Any) -> None:
        self._own = dynamodb
        self._query = dynamodb._query
        self._asked: ContextVar[dict[str, Any] | None] = ContextVar("asked", default=None)
        # MiniStack removes expired items in a separate thread.
        self._lock = RLock()

    def index_members(self, table: dict[str, Any]) -> dict[str, Any]:
        """Return the partitions of each index by name. During a query, they contain only the keys that it can read.

        MiniStack calls this method after it has validated the query.
        """
        with self._lock:
            members = self._members(table)
            data = self._asked.get()
            try:
                return members if data is None else self._readable(data, table, members)
            except (TypeError, ArithmeticError):  # values that cannot be compared
                return members

    def index_item(self, table: dict[str, Any], base_pk: Any, base_sk: Any, item: Any, add: bool) -> None:
        """Update the indexes after an item was added or removed."""
        with self._lock:
            self._index_item(table, (base_pk, base_sk), item, add=add)

    def query(self, data: dict[str, Any]) -> Any:
        """Return the response of MiniStack to a query. Meanwhile, :meth:`index_members` can read the request."""
        token = self._asked.set(data)
        try:
            return self._query(data)
        finally:
            self._asked.reset(token)

    def _index_item(self, table: dict[str, Any], key: Key, item: Any, *, add: bool) -> None:
        members = table.get(self._own._INDEX_MEMBERS)
        if members is None:
            return
        for name, hashes, ranges in self._own._index_key_schemas(table):
            if name not in members:
                table.pop(self._own._INDEX_MEMBERS)  # the index is new: the next read builds all indexes again
                return
            value = self._own._index_partition(item, hashes, ranges)
            if value is None:
                continue
            if add:
                position = self._position_of(table, ranges, item)
                members[name].setdefault(value, Partition()).put(key, position)
            elif value in members[name]:
                members[name][value].drop(key)
                if not members[name][value]:
                    del members[name][value]

    def _members(self, table: dict[str, Any]) -> dict[str, Any]:
        members: dict[str, Any] | None = table.get(self._own._INDEX_MEMBERS)
        if members is None:
            members = {}
            for name, hashes, ranges in self._own._index_key_schemas(table):
                found: dict[Any, list[tuple[Key, Position]]] = {}
                for base_pk, by_range in table["items"].items():
                    for base_sk, item in by_range.items():
                        value = self._own._index_partition(item, hashes, ranges)
                        if value is not None:
                            entry = ((base_pk, base_sk), self._position_of(table, ranges, item))
                            found.setdefault(value, []).append(entry)
                members[name] = {value: Partition(entries) for value, entries in found.items()}
            table[self._own._INDEX_MEMBERS] = members
        return members

    def _position_of(self, table: dict[str, Any], ranges: list[str], item: Any) -> Position:
        keys = self._own._index_order_keys(table, ranges)
        return tuple(self._own._index_order_value(item, name, kind) for name, kind in keys)

    def _readable(self, data: dict[str, Any], table: dict[str, Any], members: dict[str, Any]) -> dict[str, Any]:
        """Return the keys of the index that a query can read, or all keys if the query has an uncommon condition."""
        name, condition, start = data["IndexName"], data.get("KeyConditionExpression"), data.get("ExclusiveStartKey")
        asked = _CONDITION.fullmatch(condition) if isinstance(condition, str) else None
        if asked is None:
            return members
        index = self._own._index_def(table, name)
        hashes, ranges = self._own._index_key_lists(index)
        names, values = data.get("ExpressionAttributeNames") or {}, data.get("ExpressionAttributeValues") or {}
        named = [names.get(asked[part], asked[part]) for part in ("hash", "range") if asked[part]]
        used: list[Any] = [values.get(asked[part]) for part in ("value", "than", "low", "high") if asked[part]]
        kinds = [self._own._get_attr_type(table, each) for each in hashes + ranges]
        limit = data.get("Limit")
        if (
            len(hashes) != 1
            or len(ranges) != 1
            or named != [*hashes, *ranges][: len(named)]
            or any(not isinstance(each, dict) or len(each) != 1 for each in used)
            or any(next(iter(each)) != kind for each, kind in zip(used, [kinds[0], kinds[1], kinds[1]], strict=False))
            or not isinstance(limit, int | None)
        ):
            return members
        value = self._own._extract_key_val(values[asked["value"]])
        partition = members[name].get(value)
        if partition is None:
            return members
        low, high = self._bounds(asked, values, kinds[1])
        found = partition.between(low[0], high[0], low_inclusive=low[1], high_inclusive=high[1])
        forward = data.get("ScanIndexForward", True)
        if start:
            found = _after(partition, found, self._position_of(table, ranges, start), forward=forward)
        positions = range(found.start, max(found.start, found.stop))
        items = table["items"]
        keys = (partition.order[at][1] for at in (positions if forward else reversed(positions)))
        there = (key for key in keys if key[1] in items.get(key[0], ()))
        # One key more than the limit: if an item expires before it is read, the page must not look like the last page.
        return {name: {value: list(there if limit is None else islice(there, limit + 1))}}

    def _bounds(
        self, asked: re.Match[str], values: dict[str, Any], kind: str
    ) -> tuple[tuple[Any, bool], tuple[Any, bool]]:
        """Return the lower and upper bound of a condition, each with True if it is inclusive."""

        def of(part: str) -> Any:
            return self._own._sort_key_value(values[asked[part]], kind)

        none = (None, True)
        if asked["low"]:
            return (of("low"), True), (of("high"), True)
        if not asked["sign"]:
            return none, none
        bound = (of("than"), asked["sign"].endswith("="))
        return (none, bound) if asked["sign"].startswith("<") else (bound, none)


def _range_of(entry: tuple[Position, Key]) -> Any:
    return entry[0][0]


def _after(partition: Partition, found: slice, start: Position, *, forward: bool) -> slice:
    """Return the slice without the keys that earlier pages contained."""
    if forward:
        return slice(max(found.start, bisect_right(partition.order, start, key=_position)), found.stop)
    return slice(found.start, min(found.stop, bisect_left(partition.order, start, key=_position)))
