"""Sorted indexes give the same results as MiniStack's own."""

import copy
import importlib
import json
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from infra.engines.patches import sorted_indexes

dynamodb: Any = importlib.import_module("ministack.services.dynamodb")
Answer = dict[str, Any]
TABLE = "sorted-indexes"
INDEXES = {"ByText": "T", "ByNumber": "N"}
CONDITIONS = (
    "#h = :h",
    "#h = :h AND #r BETWEEN :a AND :b",
    "#h = :h AND #r < :a",
    "#h = :h AND #r <= :a",
    "#h = :h AND #r > :a",
    "#h = :h AND #r >= :a",
    "#h = :h AND begins_with(#r, :a)",
    ":h = #h",
    "#r = :a",
)


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Create the table; return a function that installs the sorted indexes."""
    for name in ("_query", "_index_members", "_index_item"):
        monkeypatch.setattr(dynamodb, name, getattr(dynamodb, name))
    answered(
        dynamodb._create_table(
            {
                "TableName": TABLE,
                "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{"AttributeName": "ID", "KeyType": "HASH"}],
                "AttributeDefinitions": [
                    {"AttributeName": name, "AttributeType": "N" if name == "N" else "S"} for name in ("ID", "H", *"TN")
                ],
                "GlobalSecondaryIndexes": [
                    {
                        "IndexName": index,
                        "KeySchema": [
                            {"AttributeName": "H", "KeyType": "HASH"},
                            {"AttributeName": range_, "KeyType": "RANGE"},
                        ],
                        "Projection": {"ProjectionType": "ALL"},
                    }
                    for index, range_ in INDEXES.items()
                ],
            }
        )
    )

    def install() -> None:
        sorted_indexes.install(dynamodb)
        dynamodb._items_replaced(dynamodb._tables[TABLE])

    yield install
    dynamodb._delete_table({"TableName": TABLE})


def answered(answer: tuple[int, Any, bytes]) -> Answer:
    """Return the body of a successful response."""
    assert answer[0] == 200, answer[2]
    found: Answer = json.loads(answer[2])
    return found


def change(dice: random.Random) -> None:
    """Write, replace, move or delete an item; some lack index attributes."""
    key = {"ID": {"S": f"id-{dice.randrange(60)}"}}
    if dice.random() < 0.2:
        answered(dynamodb._delete_item({"TableName": TABLE, "Key": key}))
        return
    item = {
        "H": {"S": dice.choice("xy")},
        "T": {"S": dice.choice(("a", "ab", "b", "é", "~"))},
        "N": {"N": str(dice.choice((-3, 0, 2.5, 10, 9)))},
    }
    kept = {name: value for name, value in item.items() if dice.random() < 0.9}
    answered(dynamodb._put_item({"TableName": TABLE, "Item": key | kept}))


def asked(dice: random.Random) -> dict[str, Any]:
    """Return a random query, which may be invalid."""
    index = dice.choice(list(INDEXES))
    condition = dice.choice(CONDITIONS)
    texts, numbers = ("a", "ab", "b", "é"), ("-3", "0", "2.5", "9")
    low, high = sorted(dice.choices(range(4), k=2))
    kind = "N" if (index == "ByNumber") != (dice.random() < 0.05) else "S"
    choice = numbers if kind == "N" else texts
    values = {":h": {"S": dice.choice("xyz")}, ":a": {kind: choice[low]}, ":b": {kind: choice[high]}}
    names = {"#h": "H", "#r": INDEXES[index]}
    return {
        "TableName": TABLE,
        "IndexName": index,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": {name: value for name, value in names.items() if name in condition},
        "ExpressionAttributeValues": {name: value for name, value in values.items() if name in condition},
        "ScanIndexForward": dice.random() < 0.5,
        **({"Limit": dice.randint(0, 8)} if dice.random() < 0.7 else {}),
    }


WRONG = (
    {"ExpressionAttributeValues": {":h": {"S": "x"}, ":a": {"N": "NaN"}}},
    {"ExpressionAttributeValues": {":h": {"S": "x"}, ":a": {"S": 5}}},
    {"ExclusiveStartKey": {"ID": {"S": 2}, "H": {"S": "x"}, "N": {"N": "1"}}},
    {"ExclusiveStartKey": {"ID": {"S": "a"}, "H": {"S": "x"}, "N": {"N": "NaN"}}},
    {"ExclusiveStartKey": "a"},
    {"TableName": [TABLE]},
    {"IndexName": "None"},
    {"Limit": "5"},
)


def pages(query: dict[str, Any]) -> list[tuple[int, Answer]]:
    """Query all pages."""
    told: list[tuple[int, Answer]] = []
    more: dict[str, Any] = {}
    while True:
        status, _, body = dynamodb._query(query | more)
        told.append((status, json.loads(body)))
        if "LastEvaluatedKey" not in told[-1][1]:
            return told
        more = {"ExclusiveStartKey": told[-1][1]["LastEvaluatedKey"]}


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(3))
def test_queries_return_the_same_with_and_without_the_patch(tables: Callable[[], None], seed: int) -> None:
    """For random writes and queries, page by page, in both directions."""
    dice = random.Random(seed)
    for _ in range(80):
        change(dice)
    queries = [asked(dice) for _ in range(150)]
    began = dice.getstate()

    def told() -> list[list[tuple[int, Answer]]]:
        dice.setstate(began)
        found = []
        for query in queries:
            change(dice)
            found.append(pages(query))
        return found

    kept = copy.deepcopy(dict(dynamodb._tables[TABLE]["items"]))
    by_ministack = told()
    dynamodb._tables[TABLE]["items"].clear()
    dynamodb._tables[TABLE]["items"].update(kept)
    tables()
    assert told() == by_ministack
    statuses = {status for each in by_ministack for status, _ in each}
    assert statuses == {200, 400}, "some queries must be good and some wrong"


@pytest.mark.parametrize("change", WRONG, ids=str)
def test_invalid_queries_fail_the_same(tables: Callable[[], None], change: dict[str, Any]) -> None:
    """With the same error as MiniStack."""
    answered(dynamodb._put_item({"TableName": TABLE, "Item": {"ID": {"S": "b"}, "H": {"S": "x"}, "N": {"N": "1"}}}))
    query = {
        "TableName": TABLE,
        "IndexName": "ByNumber",
        "KeyConditionExpression": "#h = :h AND #r <= :a",
        "ExpressionAttributeNames": {"#h": "H", "#r": "N"},
        "ExpressionAttributeValues": {":h": {"S": "x"}, ":a": {"N": "3"}},
    } | change

    def outcome() -> object:
        try:
            return dynamodb._query(query)[::2]
        except Exception as error:  # noqa: BLE001 - whichever it is
            return type(error)

    by_ministack = outcome()
    tables()
    assert outcome() == by_ministack


def test_items_can_expire_during_a_listing(tables: Callable[[], None]) -> None:
    """The remaining items are found in order, to the last page."""
    tables()
    key = "{:05}".format

    def put(number: int) -> None:
        item = {"ID": {"S": key(number)}, "H": {"S": "x"}, "T": {"S": key(number)}}
        answered(dynamodb._put_item({"TableName": TABLE, "Item": item}))

    for number in range(0, 3000, 2):
        put(number)
    query = {
        "TableName": TABLE,
        "IndexName": "ByText",
        "KeyConditionExpression": "H = :h",
        "ExpressionAttributeValues": {":h": {"S": "x"}},
        "Limit": 400,
    }
    pages(query)
    table = dynamodb._tables[TABLE]

    def expire() -> None:
        for number in range(0, 3000, 2):
            dynamodb._remove_item(table, key(number), "__no_sort__")

    thread = threading.Thread(target=expire)
    thread.start()
    for number in range(1, 3000, 2):
        put(number)
    thread.join()
    found = [item["ID"]["S"] for status, answer in pages(query) for item in answer["Items"]]
    assert found == [key(number) for number in range(1, 3000, 2)]


def test_a_page_evaluates_only_its_own_items(tables: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of evaluated conditions does not grow with the partition."""
    tables()
    for number in range(500):
        item = {"ID": {"S": f"{number:03}"}, "H": {"S": "x"}, "T": {"S": f"{number:03}"}}
        answered(dynamodb._put_item({"TableName": TABLE, "Item": item}))
    tried = Mock(wraps=dynamodb._evaluate_condition)
    monkeypatch.setattr(dynamodb, "_evaluate_condition", tried)
    answer = dynamodb._query(
        {
            "TableName": TABLE,
            "IndexName": "ByText",
            "KeyConditionExpression": "H = :h AND T BETWEEN :a AND :b",
            "ExpressionAttributeValues": {":h": {"S": "x"}, ":a": {"S": "100"}, ":b": {"S": "400"}},
            "ScanIndexForward": False,
            "Limit": 5,
        }
    )
    found = [item["T"]["S"] for item in answered(answer)["Items"]]
    assert found == ["400", "399", "398", "397", "396"]
    assert tried.call_count <= 6
