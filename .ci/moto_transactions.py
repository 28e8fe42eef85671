"""Startup script of the LocalStack in .ci/localstack: transactions copy only the items that they change.

This LocalStack stores its tables in moto. For rollback, moto copies the whole table for each part of a transaction: 100
copies of a table for 100 members of a batch, while all other DynamoDB calls wait.
"""

import copy
import threading

from moto.dynamodb import models
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

now = threading.local()
transact = models.DynamoDBBackend.transact_write_items


def list_changed_items(table, parts):
    """Yield hash and range key (or None) of each item of a table that a transaction can change."""
    for part in parts:
        (action,) = part.values()
        if action.get("TableName") in {table.name, table.table_arn}:
            names = action.get("Key") or action["Item"]
            range_ = DynamoType(names[table.range_key_attr]) if table.range_key_attr else None
            yield DynamoType(names[table.hash_key_attr]), range_


def copy_for_rollback(table, parts):
    """Copy the parts of a table that a transaction can change."""
    copied = copy.copy(table)
    copied.items = table.items.copy()
    for hash_, range_ in list_changed_items(table, parts):
        if hash_ not in table.items:
            continue
        if range_ is None:
            copied.items[hash_] = copy.deepcopy(table.items[hash_])
            continue
        if copied.items[hash_] is table.items[hash_]:
            copied.items[hash_] = table.items[hash_].copy()
        if range_ in table.items[hash_]:
            copied.items[hash_][range_] = copy.deepcopy(table.items[hash_][range_])
    return copied


class Copy:
    """Replaces the module ``copy`` in the models of moto."""

    def deepcopy(self, value, *more):
        """Copy a value; within a transaction, copy each table once and only partially."""
        copies = getattr(now, "copies", None)
        if copies is None or not isinstance(value, Table):
            return copy.deepcopy(value, *more)
        if value.name not in copies:
            copies[value.name] = copy_for_rollback(value, now.parts)
        return copies[value.name]


def transact_with_partial_copies(self, transact_items):
    """Run a transaction with partial copies."""
    now.copies, now.parts = {}, transact_items
    try:
        return transact(self, transact_items)
    finally:
        now.copies = None


models.copy = Copy()
models.DynamoDBBackend.transact_write_items = transact_with_partial_copies
