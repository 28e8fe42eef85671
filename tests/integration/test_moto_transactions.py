"""Tests of the script that avoids copies of whole tables in moto transactions."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "moto_transactions.py"
TRIED = """
import runpy, sys
runpy.run_path(sys.argv[1])
import boto3
from moto import mock_aws
from moto.dynamodb import models

assert models.copy.__class__.__name__ == "Copy"
with mock_aws():
    client = boto3.client("dynamodb", region_name="us-east-1")
    for name, keys in (("Plain", ["A"]), ("Ranged", ["A", "B"])):
        client.create_table(
            TableName=name, BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
            KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"))],
        )

    def item(a, **more):
        return {name: {"S": value} for name, value in {"A": a, "B": "b", **more}.items()}

    def key(table, a):
        return {name: {"S": value} for name, value in (("A", a), ("B", "b")) if table == "Ranged" or name == "A"}

    def parts(table, is_wanted):
        update = {
            "Key": key(table, "old"), "UpdateExpression": "SET C = :c", "ConditionExpression": "C = :was",
            "ExpressionAttributeValues": {":c": {"S": "new"}, ":was": {"S": "was" if is_wanted else "never"}},
        }
        return [
            {"Put": {"TableName": table, "Item": item("added")}},
            {"Delete": {"TableName": table, "Key": key(table, "gone")}},
            {"Update": {"TableName": table, **update}},
        ]

    def all_of(table):
        return sorted(client.scan(TableName=table)["Items"], key=lambda each: each["A"]["S"])

    for table in ("Plain", "Ranged"):
        for each in (item("old", C="was"), item("gone"), item("other")):
            client.put_item(TableName=table, Item=each)
    before = all_of("Plain"), all_of("Ranged")
    refused = [*parts("Plain", True), *parts("Ranged", False)]
    try:
        client.transact_write_items(TransactItems=refused)
    except client.exceptions.TransactionCanceledException:
        print("refused")
    assert (all_of("Plain"), all_of("Ranged")) == before
    client.transact_write_items(TransactItems=[*parts("Plain", True), *parts("Ranged", True)])
    for table in ("Plain", "Ranged"):
        assert all_of(table) == [item("added"), item("old", C="new"), item("other")], all_of(table)
    print("done")
"""


@pytest.mark.usefixtures("environment")
def test_transaction_is_all_or_nothing() -> None:
    """A refused transaction changes no item; an accepted one writes all items."""
    done = subprocess.run([sys.executable, "-c", TRIED, SCRIPT], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["refused", "done"]
