"""Callers' presets in the ``Library`` table: every version, and which one is current.

A preset has two kinds of entries under its owner. ``preset#{name}`` contains the newest version, or marks the preset as
deleted. ``preset-version#{name}#{version}`` contains one version and never changes. One transaction writes both, so the
newest version always has an entry of each kind. Version numbers are never reused, even if a preset is deleted and
created again.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from pydantic import ValidationError

from shared.aws.dynamodb.expressions import placeholders
from shared.aws.dynamodb.owned_items import OwnedItems, OwnedPage
from shared.aws.dynamodb.wire import Item, to_wire
from shared.aws.errors import error_code, translate_aws_errors
from shared.clock import from_iso, to_iso
from shared.errors import PipelineUnreadable, PresetChanged, PresetNotFound, ServiceError, ServiceThrottled
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.preset import Preset

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutTypeDef, TransactWriteItemTypeDef

#: Maximum number of tries of a write if other requests change the preset at the same time.
MAX_TRIES: Final = 3


class PresetTable:
    """Callers' presets. Every method raises ServiceError if DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Use the ``Library`` table."""
        self._client = client
        self._newest = OwnedItems(client, table, "preset#")
        self._versions = OwnedItems(client, table, "preset-version#")

    def get(self, owner: str, name: str, version: int | None = None) -> Preset:
        """Return the newest version of a preset, or the given version, even if the preset was deleted since.

        Raises PresetNotFound if there is no such preset or version, and PipelineUnreadable if this version of the code
        can't read the pipeline.
        """
        if version is None:
            item = self._newest.get(owner, name)
        else:
            item = self._versions.get(owner, _version_name(name, version))
        if item is None or "Pipeline" not in item:
            raise PresetNotFound
        preset = _from_item(item)
        if preset is None:
            raise PipelineUnreadable
        return preset

    def page(self, owner: str, *, limit: int, after: str | None = None) -> OwnedPage[Preset]:
        """List the newest versions by name; ``after`` is the last name of the previous page.

        Deleted presets and pipelines that this version of the code can't read are left out.
        """
        page = self._newest.page(owner, limit=limit, after=after)
        presets = tuple(preset for item in page.entries if "Pipeline" in item and (preset := _from_item(item)))
        return OwnedPage(presets, page.next_after)

    def put(  # noqa: PLR0913 - the fields of a preset, and a precondition
        self,
        owner: str,
        name: str,
        pipeline: Pipeline,
        description: str,
        *,
        now: datetime,
        expected: int | None = None,
    ) -> tuple[Preset, bool]:
        """Write a new version. Return it, and whether the preset is new.

        ``expected`` is the number of the version that must be the newest, 0 if the preset must not exist, or None to
        write in any case. Raises PresetChanged if another version is the newest, and ServiceThrottled if other requests
        change the preset during every try.
        """
        for _ in range(MAX_TRIES):
            current, last = self._numbers(owner, name)
            if expected is not None and expected != current:
                raise PresetChanged
            preset = Preset(name=name, version=last + 1, pipeline=pipeline, description=description, created_at=now)
            item = _to_item(preset)
            version: PutTypeDef = {
                "TableName": self._versions.table,
                "Item": to_wire(self._versions.key(owner, _version_name(name, last + 1)) | item),
            }
            if self._write(self._put_newest(owner, name, item, last), {"Put": version}):
                return preset, current == 0
        raise ServiceThrottled(retry_after_seconds=1)

    def delete(self, owner: str, name: str, *, now: datetime, expected: int | None = None) -> None:
        """Mark a preset as deleted. Its versions stay readable.

        Raises PresetNotFound if the preset does not exist, and PresetChanged if ``expected`` is not the newest version.
        """
        for _ in range(MAX_TRIES):
            current, last = self._numbers(owner, name)
            if current == 0:
                raise PresetNotFound
            if expected is not None and expected != current:
                raise PresetChanged
            # The mark has its own number, so that no precondition mistakes it for the previous version.
            mark = {"Name": name, "Version": last + 1, "DeletedAt": to_iso(now)}
            if self._write(self._put_newest(owner, name, mark, last)):
                return
        raise ServiceThrottled(retry_after_seconds=1)

    def _numbers(self, owner: str, name: str) -> tuple[int, int]:
        """Return the number of the current version, or 0 if there is none, and the last number that was used."""
        item = self._newest.get(owner, name)
        last = 0 if item is None else int(item["Version"])
        return (last if item is not None and "Pipeline" in item else 0), last

    def _put_newest(self, owner: str, name: str, item: Item, last: int) -> "TransactWriteItemTypeDef":
        """Return the write of the newest entry, on condition that the stored number is ``last``. 0 means no entry."""
        condition = "#Version = :last" if last else "attribute_not_exists(#Version)"
        put: PutTypeDef = {
            "TableName": self._newest.table,
            "Item": to_wire(self._newest.key(owner, name) | item),
            "ConditionExpression": condition,
            "ExpressionAttributeNames": placeholders(condition),
        }
        if last:
            put["ExpressionAttributeValues"] = to_wire({":last": last})
        return {"Put": put}

    def _write(self, *writes: "TransactWriteItemTypeDef") -> bool:
        """Write all items or none. Return False if another request changed the preset first."""
        try:
            with translate_aws_errors():
                self._client.transact_write_items(TransactItems=writes)
        except ServiceError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and error_code(cause) == "TransactionCanceledException":
                return False
            raise
        return True


def _version_name(name: str, version: int) -> str:
    return f"{name}#{version:010d}"


def _to_item(preset: Preset) -> dict[str, Any]:
    return {
        "Name": preset.name,
        "Version": preset.version,
        "Pipeline": preset.pipeline.model_dump_json(exclude_none=True),
        "Description": preset.description,
        "CreatedAt": to_iso(preset.created_at) if preset.created_at else "",
    }


def _from_item(item: Mapping[str, Any]) -> Preset | None:
    """Return the preset, or None if this version of the code can't read its pipeline."""
    try:
        pipeline = Pipeline.model_validate_json(item["Pipeline"])
    except ValidationError:
        return None
    return Preset(
        name=item["Name"],
        version=item["Version"],
        pipeline=pipeline,
        description=item["Description"],
        created_at=from_iso(item["CreatedAt"]),
    )
