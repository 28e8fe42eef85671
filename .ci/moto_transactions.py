"""Run by the LocalStack of .ci/localstack when it is ready: a transaction copies only the items that it touches.

That LocalStack keeps its tables in moto, which copies the whole table for each part of a transaction to be able to undo
it: a hundred copies of a table for a hundred members of a batch, in which time every other call of DynamoDB waits.
"""

import copy
import threading

from moto.dynamodb import models
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table

now = threading.local()
transact = models.DynamoDBBackend.transact_write_items


def touched(table, parts):
    """Yield the hash and the range (or None) of each item of a table that a transaction may change."""
    for part in parts:
        (act,) = part.values()
        if act.get("TableName") in {table.name, table.table_arn}:
            names = act.get("Key") or act["Item"]
            range_ = DynamoType(names[table.range_key_attr]) if table.range_key_attr else None
            yield DynamoType(names[table.hash_key_attr]), range_


def undoable(table, parts):
    """Copy a table as far as a transaction may change it."""
    kept = copy.copy(table)
    kept.items = table.items.copy()
    for hash_, range_ in touched(table, parts):
        if hash_ not in table.items:
            continue
        if range_ is None:
            kept.items[hash_] = copy.deepcopy(table.items[hash_])
            continue
        if kept.items[hash_] is table.items[hash_]:
            kept.items[hash_] = table.items[hash_].copy()
        if range_ in table.items[hash_]:
            kept.items[hash_][range_] = copy.deepcopy(table.items[hash_][range_])
    return kept


class Copy:
    """Stands in for the module ``copy`` in moto's models."""

    def deepcopy(self, value, *more):
        """Copy a value; in a transaction, a table only as far as need be, and once."""
        made = getattr(now, "made", None)
        if made is None or not isinstance(value, Table):
            return copy.deepcopy(value, *more)
        if value.name not in made:
            made[value.name] = undoable(value, now.parts)
        return made[value.name]


def transact_without_whole_copies(self, transact_items):
    """Take the place of moto's own."""
    now.made, now.parts = {}, transact_items
    try:
        return transact(self, transact_items)
    finally:
        now.made = None


models.copy = Copy()
models.DynamoDBBackend.transact_write_items = transact_without_whole_copies
