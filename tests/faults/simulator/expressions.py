"""DynamoDB expressions as Python functions: conditions, updates, projections.

The grammar follows the developer guide ("Condition and filter expressions", "Update expressions") as far as our code
uses it. Unknown syntax raises, so no test passes on a misread expression. ``tests/faults/test_doubles.py`` compares
every part with moto.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

#: One value on the wire: ``{"S": "text"}``.
Wire = Mapping[str, Any]
Item = Mapping[str, Wire]
Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression is evaluated against."""

    item: Item
    names: Mapping[str, str]
    values: Mapping[str, Wire]


Operand = Callable[[Scope], Wire | None]
Condition = Callable[[Scope], bool]
Change = Callable[[Scope, dict[str, Wire]], None]


class UnknownSyntax(Exception):
    """The expression is invalid or not supported by this parser."""


_TOKEN = re.compile(r"\s*(#\w+|:\w+|[A-Za-z_]\w*|<>|<=|>=|[=<>(),.+\-])")
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@lru_cache(maxsize=512)
def placeholders(text: str) -> frozenset[str]:
    """Return the ``#names`` and ``:values`` of an expression."""
    return frozenset(re.findall(r"[#:]\w+", text))


@lru_cache(maxsize=512)
def condition(text: str) -> Condition:
    """Parse a condition, filter or key condition."""
    reader = _Reader(text)
    found = reader.any_of()
    reader.expect_end()
    return found


@lru_cache(maxsize=512)
def update(text: str) -> tuple[Change, ...]:
    """Parse an update into changes; each reads the old item and writes to a copy."""
    reader = _Reader(text)
    changes: list[Change] = []
    while reader.next is not None:
        clause = reader.take().upper()
        if clause not in {"SET", "REMOVE", "ADD"}:
            raise UnknownSyntax(text)
        changes.append(getattr(reader, f"{clause.lower()}_one")())
        while reader.accept(","):
            changes.append(getattr(reader, f"{clause.lower()}_one")())
    return tuple(changes)


@lru_cache(maxsize=512)
def projection(text: str) -> tuple[str, ...]:
    """Parse the top-level attributes of a projection."""
    return tuple(part.strip() for part in text.split(","))


class _Reader:
    """A recursive-descent parser over the tokens of one expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            found = _TOKEN.match(text, at)
            if found is None:
                raise UnknownSyntax(text)
            self._tokens.append(found[1])
            at = found.end()
        self._at = 0

    @property
    def next(self) -> str | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def take(self) -> str:
        if self.next is None:
            raise UnknownSyntax(self._text)
        self._at += 1
        return self._tokens[self._at - 1]

    def accept(self, token: str) -> bool:
        if self.next is not None and self.next.upper() == token:
            self._at += 1
            return True
        return False

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise UnknownSyntax(self._text)

    def expect_end(self) -> None:
        if self.next is not None:
            raise UnknownSyntax(self._text)

    def any_of(self) -> Condition:
        parts = [self.all_of()]
        while self.accept("OR"):
            parts.append(self.all_of())
        return parts[0] if len(parts) == 1 else lambda scope: any(part(scope) for part in parts)

    def all_of(self) -> Condition:
        parts = [self.negated()]
        while self.accept("AND"):
            parts.append(self.negated())
        return parts[0] if len(parts) == 1 else lambda scope: all(part(scope) for part in parts)

    def negated(self) -> Condition:
        if self.accept("NOT"):
            inner = self.negated()
            return lambda scope: not inner(scope)
        if self.accept("("):
            inner = self.any_of()
            self.expect(")")
            return inner
        return self.comparison()

    def comparison(self) -> Condition:
        if self.next in _TESTS:
            return self.test(self.take())
        left = self.operand()
        if self.accept("BETWEEN"):
            low = self.operand()
            self.expect("AND")
            high = self.operand()
            return lambda scope: _compared(">=", left, low, scope) and _compared("<=", left, high, scope)
        if self.accept("IN"):
            choices = self.arguments()
            return lambda scope: any(_compared("=", left, choice, scope) for choice in choices)
        sign = self.take()
        if sign not in _COMPARE:
            raise UnknownSyntax(self._text)
        right = self.operand()
        return lambda scope: _compared(sign, left, right, scope)

    def test(self, name: str) -> Condition:
        arguments = self.arguments()
        function = _TESTS[name]
        return lambda scope: function(*(argument(scope) for argument in arguments))

    def arguments(self) -> list[Operand]:
        self.expect("(")
        found = [self.operand()]
        while self.accept(","):
            found.append(self.operand())
        self.expect(")")
        return found

    def operand(self) -> Operand:
        here = self.next
        if here is not None and here.startswith(":"):
            self.take()
            return lambda scope: scope.values[here]
        path = self.path()
        return lambda scope: _read(scope.item, [scope.names.get(step, step) for step in path])

    def path(self) -> Path:
        steps = [self.take()]
        while self.accept("."):
            steps.append(self.take())
        if any(not re.fullmatch(r"#?\w+", step) for step in steps):
            raise UnknownSyntax(self._text)
        return tuple(steps)

    def set_one(self) -> Change:
        path = self.path()
        self.expect("=")
        value = self.sum()

        def change(scope: Scope, item: dict[str, Wire]) -> None:
            found = value(scope)
            if found is None:
                raise UnknownSyntax("The provided expression refers to an attribute that does not exist")
            _write(item, [scope.names.get(step, step) for step in path], found)

        return change

    def remove_one(self) -> Change:
        path = self.path()
        if len(path) != 1:
            raise UnknownSyntax(self._text)

        def change(scope: Scope, item: dict[str, Wire]) -> None:
            item.pop(scope.names.get(path[0], path[0]), None)

        return change

    def add_one(self) -> Change:
        (name,) = self.path()
        amount = self.operand()

        def change(scope: Scope, item: dict[str, Wire]) -> None:
            own = scope.names.get(name, name)
            total = _sum(scope.item.get(own, {"N": "0"}), amount(scope), 1)
            if total is None:
                raise UnknownSyntax(own)
            item[own] = total

        return change

    def sum(self) -> Operand:
        left = self.value()
        if self.next in {"+", "-"}:
            factor = 1 if self.take() == "+" else -1
            right = self.value()
            return lambda scope: _sum(left(scope), right(scope), factor)
        return left

    def value(self) -> Operand:
        if self.accept("LIST_APPEND"):
            self.expect("(")
            first = self.value()
            self.expect(",")
            second = self.value()
            self.expect(")")
            return lambda scope: _joined(first(scope), second(scope))
        if self.accept("IF_NOT_EXISTS"):
            self.expect("(")
            stored = self.operand()
            self.expect(",")
            otherwise = self.value()
            self.expect(")")
            return lambda scope: found if (found := stored(scope)) is not None else otherwise(scope)
        return self.operand()


def _plain(wire: Wire) -> tuple[str, Any]:
    ((kind, value),) = wire.items()
    return kind, Decimal(value) if kind == "N" else value


def _compared(sign: str, left: Operand, right: Operand, scope: Scope) -> bool:
    first, second = left(scope), right(scope)
    if first is None or second is None:
        return sign == "<>"
    (kind, one), (other_kind, other) = _plain(first), _plain(second)
    if kind != other_kind:
        return sign == "<>"
    return _COMPARE[sign](one, other)


def _contains(stored: Wire | None, wanted: Wire | None) -> bool:
    if stored is None or wanted is None:
        return False
    kind, value = _plain(stored)
    return wanted in value if kind == "L" else _plain(wanted)[1] in value


def _begins_with(stored: Wire | None, start: Wire | None) -> bool:
    return stored is not None and start is not None and stored.get("S", "").startswith(start["S"])


_TESTS: Mapping[str, Callable[..., bool]] = {
    "attribute_exists": lambda stored: stored is not None,
    "attribute_not_exists": lambda stored: stored is None,
    "attribute_type": lambda stored, kind: stored is not None and kind["S"] in stored,
    "begins_with": _begins_with,
    "contains": _contains,
}


def _sum(left: Wire | None, right: Wire | None, factor: int) -> Wire | None:
    if left is None or right is None or "N" not in left or "N" not in right:
        return None
    return {"N": str(Decimal(left["N"]) + factor * Decimal(right["N"]))}


def _joined(first: Wire | None, second: Wire | None) -> Wire | None:
    if first is None or second is None or "L" not in first or "L" not in second:
        return None
    return {"L": [*first["L"], *second["L"]]}


def _read(item: Item, path: list[str]) -> Wire | None:
    found: Wire | None = item.get(path[0])
    for step in path[1:]:
        found = found["M"].get(step) if found is not None and "M" in found else None
    return found


def _write(item: dict[str, Wire], path: list[str], value: Wire) -> None:
    if len(path) == 1:
        item[path[0]] = value
        return
    inner = dict(item[path[0]]["M"])
    _write(inner, path[1:], value)
    item[path[0]] = {"M": inner}
