"""Records of deletions in the ``Idempotency`` table. They answer repeated requests for a deletion.

They are not in the ``Images`` table, because it has backups, and a new backup must not contain data of deleted jobs.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.expressions import get_refused_item, placeholders
from shared.aws.dynamodb.wire import Item, from_wire, to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import from_iso, to_iso
from shared.errors import ServiceError
from shared.jobs.deletion import DeletedObject, Deletion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DeletionLog:
    """Records of deletions. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use the ``Idempotency`` table."""
        self._client = client
        self._table = table

    def record(self, deletion: Deletion) -> Deletion:
        """Store a deletion and return it. If an earlier try has stored the deletion, return that record instead."""
        # A repeated request with the same Idempotency-Key can create a job again with the ID of the deleted job.
        condition = "attribute_not_exists(#ID) OR #DeletedAt < :at"
        try:
            with translate_aws_errors():
                self._client.put_item(
                    TableName=self._table,
                    Item=to_wire(_to_item(deletion)),
                    ConditionExpression=condition,
                    ExpressionAttributeNames=placeholders(condition),
                    ExpressionAttributeValues=to_wire({":at": to_iso(deletion.deleted_at)}),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ServiceError as error:
            if (old := get_refused_item(error)) is None:
                raise
            return _from_item(old, deletion.owner)
        return deletion

    def record_versions(self, deletion: Deletion) -> Deletion:
        """Record that the bucket keeps older versions of the deleted objects, and return the deletion."""
        recorded = replace(deletion, leaves_versions=True)
        with translate_aws_errors():
            self._client.put_item(TableName=self._table, Item=to_wire(_to_item(recorded)))
        return recorded

    def find(self, job_id: str, owner: str, *, now: datetime) -> Deletion | None:
        """Return the record of a job that an owner deleted, or None if there is none or it has expired."""
        with translate_aws_errors():
            response = self._client.get_item(
                TableName=self._table, Key=to_wire({"ID": _record_id(job_id, owner)}), ConsistentRead=True
            )
        if "Item" not in response:
            return None
        found = _from_item(from_wire(response["Item"]), owner)
        # DynamoDB removes expired items late.
        return found if found.expires_at > now else None


def _record_id(job_id: str, owner: str) -> str:
    return "deletion#" + hashlib.sha256(json.dumps([owner, job_id]).encode()).hexdigest()


def _to_item(deletion: Deletion) -> Item:
    item: Item = {
        "ID": _record_id(deletion.job_id, deletion.owner),
        "JobID": deletion.job_id,
        "DeletedAt": to_iso(deletion.deleted_at),
        "Objects": [
            {"Key": each.key, "Size": each.size} | ({"Digest": each.digest} if each.digest else {})
            for each in deletion.objects
        ],
        "ObjectCount": deletion.object_count,
        "Bytes": deletion.bytes,
        "ExpiresAt": int(deletion.expires_at.timestamp()),
    }
    flags = {
        "LeavesVersions": deletion.leaves_versions,
        "HasWebhook": deletion.has_webhook,
        "ExpectsObjects": deletion.expects_objects,
    }
    return item | {name: True for name, is_set in flags.items() if is_set}


def _from_item(item: Mapping[str, Any], owner: str) -> Deletion:
    return Deletion(
        job_id=item["JobID"],
        owner=owner,
        deleted_at=from_iso(item["DeletedAt"]),
        objects=tuple(DeletedObject(each["Key"], each["Size"], each.get("Digest")) for each in item["Objects"]),
        object_count=item["ObjectCount"],
        bytes=item["Bytes"],
        leaves_versions=item.get("LeavesVersions", False),
        has_webhook=item.get("HasWebhook", False),
        expects_objects=item.get("ExpectsObjects", False),
    )
