"""DynamoDB in memory: the calls that ``shared.aws`` makes, with conditions.

Much faster than moto, which thousands of runs need. It answers synchronously; delays and failures are injected by
``aws_interception``. Stored items are never changed in place, so responses can share their values.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from faults.simulator.aws_errors import make_client_error
from faults.simulator.expressions import Scope, UnknownSyntax, condition, placeholders, projection, update

Item = dict[str, Any]


class Observer(Protocol):
    """Receives every write."""

    def written(self, table: str, old: Item | None, new: Item | None) -> None:
        """Handle one write; ``new`` is None for a deletion."""

    def settled(self) -> None:
        """Handle the end of a call, after all its writes."""


@dataclass(frozen=True, slots=True)
class Index:
    """A secondary index: its keys and projected attributes (None: all)."""

    partition: str
    sort: str | None
    shows: frozenset[str] | None


@dataclass
class Table:
    """One table: keys, indexes, and items by their keys in one text."""

    key: str
    indexes: Mapping[str, Index] = field(default_factory=dict)
    sort: str | None = None
    items: dict[str, Item] = field(default_factory=dict)

    def name(self, item: Mapping[str, Any]) -> str:
        """Return an item's keys as text; without a sort key, only the partition key."""
        own: str = item[self.key]["S"]
        return own if self.sort is None else f"{own} {item[self.sort]['S']}"

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the key attributes."""
        return (self.key,) if self.sort is None else (self.key, self.sort)


class Tables:
    """The tables of one account."""

    def __init__(self, tables: Mapping[str, Table], observer: Observer) -> None:
        """Hold ``tables`` by name; report every write to ``observer``."""
        self.tables = tables
        #: Tokens of transactions that were carried out; the real ones are known for ten minutes.
        self._done: set[str] = set()
        self._observer = observer
        self._calls: Mapping[str, Callable[[Mapping[str, Any]], Item]] = {
            "PutItem": self._put,
            "GetItem": self._get,
            "UpdateItem": self._update,
            "DeleteItem": self._delete,
            "Query": self._query,
            "BatchGetItem": self._batch_get,
            "TransactWriteItems": self._transact,
        }

    def call(self, operation: str, request: Mapping[str, Any]) -> Item:
        """Run one operation. Raises botocore's ClientError as AWS would."""
        _check_placeholders(operation, request)
        answer = self._calls[operation](request)
        self._observer.settled()
        return answer

    def _find(self, request: Mapping[str, Any]) -> tuple[Table, str]:
        table = self.tables[request["TableName"]]
        key = request.get("Key") or request["Item"]
        return table, table.name(key)

    def _put(self, request: Mapping[str, Any]) -> Item:
        table, key = self._find(request)
        old = table.items.get(key)
        _demand("PutItem", request, old)
        self._store(request["TableName"], key, dict(request["Item"]))
        return {"Attributes": old} if old and request.get("ReturnValues") == "ALL_OLD" else {}

    def _get(self, request: Mapping[str, Any]) -> Item:
        table, key = self._find(request)
        found = table.items.get(key)
        return {} if found is None else {"Item": _shown(found, request)}

    def _update(self, request: Mapping[str, Any]) -> Item:
        table, key = self._find(request)
        old = table.items.get(key)
        _demand("UpdateItem", request, old)
        new = dict(old) if old is not None else dict(request["Key"])
        scope = _scope(request, old)
        try:
            for change in update(request["UpdateExpression"]):
                change(scope, new)
        except UnknownSyntax as error:
            raise make_client_error("UpdateItem", "ValidationException") from error
        self._store(request["TableName"], key, new)
        wanted = request.get("ReturnValues", "NONE")
        shown = {"ALL_NEW": new, "ALL_OLD": old, "NONE": None}[wanted]
        return {} if shown is None else {"Attributes": dict(shown)}

    def _delete(self, request: Mapping[str, Any]) -> Item:
        table, key = self._find(request)
        old = table.items.get(key)
        _demand("DeleteItem", request, old)
        self._store(request["TableName"], key, None)
        return {"Attributes": old} if old and request.get("ReturnValues") == "ALL_OLD" else {}

    def _batch_get(self, request: Mapping[str, Any]) -> Item:
        answers: dict[str, list[Item]] = {}
        for name, wanted in request["RequestItems"].items():
            table = self.tables[name]
            found = (table.items.get(table.name(key)) for key in wanted["Keys"])
            answers[name] = [_shown(item, wanted) for item in found if item is not None]
        return {"Responses": answers, "UnprocessedKeys": {}}

    def _query(self, request: Mapping[str, Any]) -> Item:
        table = self.tables[request["TableName"]]
        index = table.indexes[request["IndexName"]] if "IndexName" in request else Index(table.key, table.sort, None)
        found = sorted(
            (item for item in table.items.values() if _is_indexed(item, index) and _matches(request, item)),
            key=lambda item: _order(item, index, table),
            reverse=not request.get("ScanIndexForward", True),
        )
        start = request.get("ExclusiveStartKey")
        if start is not None:
            before = _order(start, index, table)
            backwards = not request.get("ScanIndexForward", True)
            found = [
                item
                for item in found
                if (_order(item, index, table) < before if backwards else _order(item, index, table) > before)
            ]
        page = found[: request.get("Limit", len(found))]
        answer: Item = {}
        if len(page) < len(found) or ("Limit" in request and page and len(page) == request["Limit"]):
            keys = [*table.keys, index.partition, *([index.sort] if index.sort else [])]
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in keys}
        kept = [item for item in page if _passes("FilterExpression", request, item)]
        visible = [_cut(item, index) for item in kept]
        return answer | {"Items": [_shown(item, request) for item in visible], "Count": len(kept)}

    def _transact(self, request: Mapping[str, Any]) -> Item:
        token = request.get("ClientRequestToken")
        if token in self._done:
            return {}
        reasons: list[Item] = []
        for action in request["TransactItems"]:
            ((kind, inner),) = action.items()
            table, key = self._find(inner)
            old = table.items.get(key)
            holds = _passes("ConditionExpression", inner, old or {})
            reason: Item = {"Code": "None"} if holds else {"Code": "ConditionalCheckFailed"}
            if not holds and old and inner.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
                reason["Item"] = old
            reasons.append(reason)
        if any(reason["Code"] != "None" for reason in reasons):
            error = make_client_error("TransactWriteItems", "TransactionCanceledException")
            error.response["CancellationReasons"] = reasons  # type: ignore[typeddict-item] # less strict than the stubs
            raise error
        for action in request["TransactItems"]:
            ((kind, inner),) = action.items()
            if kind != "ConditionCheck":
                self._calls[f"{kind}Item"](inner)
        if token is not None:
            self._done.add(token)
        return {}

    def _store(self, name: str, key: str, new: Item | None) -> None:
        items = self.tables[name].items
        old = items.get(key)
        if new is None:
            items.pop(key, None)
        else:
            items[key] = new
        self._observer.written(name, old, new)


def _scope(request: Mapping[str, Any], item: Mapping[str, Any] | None) -> Scope:
    return Scope(item or {}, request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {}))


def _passes(which: str, request: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    return which not in request or condition(request[which])(_scope(request, item))


def _demand(operation: str, request: Mapping[str, Any], old: Item | None) -> None:
    if not _passes("ConditionExpression", request, old or {}):
        tell = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
        raise make_client_error(operation, "ConditionalCheckFailedException", item=old if tell else None)


_EXPRESSIONS = (
    "ConditionExpression",
    "UpdateExpression",
    "KeyConditionExpression",
    "FilterExpression",
    "ProjectionExpression",
)


def _check_placeholders(operation: str, request: Mapping[str, Any]) -> None:
    """Refuse missing and unused placeholders, as AWS does."""
    if "TransactItems" in request or "RequestItems" in request:
        return
    texts = [request[name] for name in _EXPRESSIONS if name in request]
    used: frozenset[str] = frozenset().union(*(placeholders(text) for text in texts))
    given = set(request.get("ExpressionAttributeNames", ())) | set(request.get("ExpressionAttributeValues", ()))
    if used != given:
        raise make_client_error(operation, "ValidationException")


def _is_indexed(item: Item, index: Index) -> bool:
    return index.partition in item and (index.sort is None or index.sort in item)


def _matches(request: Mapping[str, Any], item: Item) -> bool:
    return _passes("KeyConditionExpression", request, item)


def _order(item: Mapping[str, Any], index: Index, table: Table) -> tuple[Any, ...]:
    """Sort as an index does; equal sort keys keep a stable order, here by the table's keys."""
    sort = next(iter(item[index.sort].values())) if index.sort else ""
    return (sort, table.name(item))


def _cut(item: Item, index: Index) -> Item:
    return item if index.shows is None else {name: value for name, value in item.items() if name in index.shows}


def _shown(item: Item, request: Mapping[str, Any]) -> Item:
    if "ProjectionExpression" not in request:
        return dict(item)
    names: Mapping[str, str] = request.get("ExpressionAttributeNames", {})
    wanted: Iterable[str] = (names.get(part, part) for part in projection(request["ProjectionExpression"]))
    return {name: item[name] for name in wanted if name in item}


def from_template(properties: Mapping[str, Any]) -> Table:
    """Read a table's keys and indexes from the template."""
    indexes = {
        each["IndexName"]: Index(*_schema(each["KeySchema"]), shows=_projected(each, properties["KeySchema"]))
        for each in properties.get("GlobalSecondaryIndexes", ())
    }
    key, sort = _schema(properties["KeySchema"])
    return Table(key, indexes, sort)


def _schema(schema: Iterable[Mapping[str, str]]) -> tuple[str, str | None]:
    by_kind = {each["KeyType"]: each["AttributeName"] for each in schema}
    return by_kind["HASH"], by_kind.get("RANGE")


def _projected(index: Mapping[str, Any], table_schema: Iterable[Mapping[str, str]]) -> frozenset[str] | None:
    kind = index["Projection"]["ProjectionType"]
    if kind == "ALL":
        return None
    keys = {each["AttributeName"] for each in (*index["KeySchema"], *table_schema)}
    return frozenset(keys | set(index["Projection"].get("NonKeyAttributes", ())))
