"""Parsed expressions and copies of items are the same as MiniStack's."""

import copy
import importlib
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest

from infra.engines.patches import cached_expressions, state_files

dynamodb: Any = importlib.import_module("ministack.services.dynamodb")
PATCHED = ("_tokenize", "_condition_syntax_error", "copy")
EXPRESSIONS = (
    "attribute_not_exists(ID)",
    "#s = :pending OR (#s = :processing AND LeaseUntil < :now)",
    "SET #s = :s, History = list_append(if_not_exists(History, :none), :entry) REMOVE DueAt ADD Attempt :one",
    "size(Parts[0].#name) BETWEEN :a AND :b",
)


@pytest.fixture(autouse=True)
def _restore(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the patch after a test."""
    for name in PATCHED:
        monkeypatch.setattr(dynamodb, name, getattr(dynamodb, name))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_tokens_are_the_same_on_every_call(expression: str) -> None:
    """A caller that changes its tokens does not change those of the next caller."""
    expected = dynamodb._tokenize(expression)
    cached_expressions.install(dynamodb)
    for _ in range(2):
        tokens = dynamodb._tokenize(expression)
        assert tokens == expected
        tokens.clear()


def test_an_error_of_an_expression_is_reported_every_time() -> None:
    """A condition with a wrong token is refused on each call, and a good one never."""
    cached_expressions.install(dynamodb)
    for _ in range(2):
        with pytest.raises(ValueError, match="Syntax error"):
            dynamodb._evaluate_condition("ID = = :a", {}, {":a": {"S": "x"}}, {})
        assert dynamodb._evaluate_condition("ID = :a", {"ID": {"S": "x"}}, {":a": {"S": "x"}}, {})
        assert not dynamodb._evaluate_condition("ID = :a", {"ID": {"S": "x"}}, {":a": {"S": "y"}}, {})


def test_an_update_leaves_the_old_item_as_it_was() -> None:
    """The same update of two items, one after the other, changes only the copies."""
    cached_expressions.install(dynamodb)
    for number in ("1", "2"):
        item = {"ID": {"S": "x"}, "Entries": {"L": [{"M": {"at": {"N": number}}}]}}
        before = copy.deepcopy(item)
        changed, _ = dynamodb._apply_update_expression(
            item, "SET Entries[0].#at = :new REMOVE ID", {":new": {"N": "9"}}, {"#at": "at"}
        )
        assert changed == {"Entries": {"L": [{"M": {"at": {"N": "9"}}}]}}
        assert item == before


def test_copies_of_values_that_are_not_plain() -> None:
    """Types that a fast copy does not know are copied in the slow way."""
    value = defaultdict(dict, {"key": {"n": Decimal("1.50"), "raw": b"\x00", "set": {1, 2}}})
    found = cached_expressions.copy_value(value)
    assert found == value
    assert type(found) is defaultdict
    found["key"]["set"].add(3)
    assert value["key"]["set"] == {1, 2}


def test_a_snapshot_copies_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The child that writes the state takes the items as they are."""
    cached_expressions.install(dynamodb)
    persistence: Any = importlib.import_module("ministack.core.persistence")
    application: Any = importlib.import_module("ministack.app")
    saved: list[bool] = []
    value = {"ID": {"S": "x"}}
    monkeypatch.setattr(application, "_build_persistence_save_dict", dict)
    monkeypatch.setattr(persistence, "save_all", lambda _: saved.append(dynamodb.copy.deepcopy(value) is value))
    for module, name in ((copy, "deepcopy"), (importlib.import_module("json"), "dump")):
        monkeypatch.setattr(module, name, getattr(module, name))
    state_files.save_all()
    assert saved == [True]
