"""Statements about deleted jobs, in the ``Idempotency`` table: who deletes once more is answered from here.

They are apart from the jobs, whose table has backups: of a deleted job nothing should be in the next one.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.aws.dynamodb.expressions import names, refused_item
from shared.aws.dynamodb.job_item import Item, from_wire, to_wire
from shared.aws.errors import translate_aws_errors
from shared.clock import from_iso, to_iso
from shared.errors import ServiceError
from shared.jobs.deletion import DeletedObject, Deletion

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class DeletionLog:
    """All that one can do to a statement. Every method raises ServiceError where DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Work on ``table``."""
        self._client = client
        self._table = table

    def keep(self, deletion: Deletion) -> Deletion:
        """Write a statement, and return the one that stands: of an earlier try, if that came so far."""
        try:
            with translate_aws_errors():
                self._client.put_item(
                    TableName=self._table,
                    Item=to_wire(_to_item(deletion)),
                    # An ID can be used anew after its deletion, by a request that was repeated under its key.
                    ConditionExpression="attribute_not_exists(#ID) OR #DeletedAt < :at",
                    ExpressionAttributeNames=names("ID", "DeletedAt"),
                    ExpressionAttributeValues=to_wire({":at": to_iso(deletion.deleted_at)}),
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
        except ServiceError as error:
            if (old := refused_item(error)) is None:
                raise
            return _from_item(old, deletion.owner)
        return deletion

    def note_versions(self, deletion: Deletion) -> Deletion:
        """Add to a statement that the bucket keeps older versions, and return it."""
        noted = replace(deletion, leaves_versions=True)
        with translate_aws_errors():
            self._client.put_item(TableName=self._table, Item=to_wire(_to_item(noted)))
        return noted

    def find(self, job_id: str, owner: str, *, now: datetime) -> Deletion | None:
        """Return the statement about a job that an owner has deleted, if it is still kept."""
        with translate_aws_errors():
            answer = self._client.get_item(
                TableName=self._table, Key=to_wire({"ID": _place(job_id, owner)}), ConsistentRead=True
            )
        if "Item" not in answer:
            return None
        found = _from_item(from_wire(answer["Item"]), owner)
        # DynamoDB removes what has expired late.
        return found if found.expires_at > now else None


def _place(job_id: str, owner: str) -> str:
    return "deletion#" + hashlib.sha256(json.dumps([owner, job_id]).encode()).hexdigest()


def _to_item(deletion: Deletion) -> Item:
    item: Item = {
        "ID": _place(deletion.job_id, deletion.owner),
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
    return item | ({"LeavesVersions": True} if deletion.leaves_versions else {})


def _from_item(item: Mapping[str, Any], owner: str) -> Deletion:
    return Deletion(
        job_id=item["JobID"],
        owner=owner,
        deleted_at=from_iso(item["DeletedAt"]),
        objects=tuple(DeletedObject(each["Key"], each["Size"], each.get("Digest")) for each in item["Objects"]),
        object_count=item["ObjectCount"],
        bytes=item["Bytes"],
        leaves_versions=item.get("LeavesVersions", False),
    )
