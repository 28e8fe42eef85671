"""Presets of callers in the ``Library`` table: every version for good, and which one counts.

Two kinds of entries, both under the owner: ``preset#{name}`` is the newest version, or marks a deletion;
``preset-version#{name}#{version}`` is one version and never changes. A transaction writes both, so that the
newest is always among the versions, and a number is given once even when the preset is deleted and made anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError
from pydantic import ValidationError

from shared.aws.dynamodb.job_item import from_wire, to_wire
from shared.aws.errors import error_code, translate_aws_errors
from shared.clock import from_iso, to_iso
from shared.errors import PipelineUnreadable, PresetChanged, PresetNotFound, ServiceError, ServiceThrottled
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.preset import Preset

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import PutTypeDef, TransactWriteItemTypeDef

PREFIX: Final = "preset#"
VERSION_PREFIX: Final = "preset-version#"
#: How often a write is tried when others change the same preset at the same moment.
MAX_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class PresetPage:
    """Some presets by name, and where the next page begins."""

    presets: tuple[Preset, ...]
    next_after: str | None


class PresetTable:
    """All that one can do to callers' presets. Every method raises ServiceError where DynamoDB fails."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        """Work on the ``Library`` table."""
        self._client = client
        self._table = table

    def get(self, owner: str, name: str, version: int | None = None) -> Preset:
        """Read the newest version, or a certain one even of a deleted preset.

        Raises PresetNotFound, or PipelineUnreadable for what another version of this code has written.
        """
        entry = PREFIX + name if version is None else _version_entry(name, version)
        item = self._item(owner, entry)
        if item is None or "Pipeline" not in item:
            raise PresetNotFound
        preset = _from_item(item)
        if preset is None:
            raise PipelineUnreadable
        return preset

    def page(self, owner: str, *, limit: int, after: str | None = None) -> PresetPage:
        """List the newest versions by name; ``after`` is the last name of the page before.

        What another version of this code has written and this one can't read is left out.
        """
        values = {":owner": owner, ":prefix": PREFIX}
        request: dict[str, Any] = {} if after is None else {"ExclusiveStartKey": _key(owner, PREFIX + after)}
        with translate_aws_errors():
            answer = self._client.query(
                TableName=self._table,
                KeyConditionExpression="#Owner = :owner AND begins_with(#Entry, :prefix)",
                ExpressionAttributeNames={"#Owner": "Owner", "#Entry": "Entry"},
                ExpressionAttributeValues=to_wire(values),
                ConsistentRead=True,
                Limit=limit,
                **request,
            )
        items = [from_wire(item) for item in answer["Items"]]
        last = answer.get("LastEvaluatedKey")
        return PresetPage(
            presets=tuple(preset for item in items if "Pipeline" in item and (preset := _from_item(item))),
            next_after=from_wire(last)["Entry"].removeprefix(PREFIX) if last else None,
        )

    def put(  # noqa: PLR0913 - a preset has these facts, and a precondition
        self,
        owner: str,
        name: str,
        pipeline: Pipeline,
        description: str,
        *,
        now: datetime,
        expected: int | None = None,
    ) -> tuple[Preset, bool]:
        """Write a new version; return it, and whether there was none before.

        ``expected`` is the version that must be the newest, 0 for none at all: else PresetChanged. Without it
        whatever is there gets a successor.
        """
        for _ in range(MAX_TRIES):
            current, last = self._state(owner, name)
            if expected is not None and expected != current:
                raise PresetChanged
            preset = Preset(name=name, version=last + 1, pipeline=pipeline, description=description, created_at=now)
            item = {"Owner": owner, **_to_item(preset)}
            version = to_wire(item | {"Entry": _version_entry(name, last + 1)})
            newest = self._newest(item | {"Entry": PREFIX + name}, last)
            if self._write(newest, {"Put": {"TableName": self._table, "Item": version}}):
                return preset, current == 0
        raise ServiceThrottled(retry_after_seconds=1)

    def delete(self, owner: str, name: str, *, now: datetime, expected: int | None = None) -> None:
        """Take a preset off the list; its versions stay readable. Raises PresetNotFound or PresetChanged."""
        for _ in range(MAX_TRIES):
            current, last = self._state(owner, name)
            if current == 0:
                raise PresetNotFound
            if expected is not None and expected != current:
                raise PresetChanged
            # The mark has a number of its own, so that no precondition takes it for the version before.
            mark = {"Owner": owner, "Entry": PREFIX + name, "Name": name, "Version": last + 1, "DeletedAt": to_iso(now)}
            if self._write(self._newest(mark, last)):
                return
        raise ServiceThrottled(retry_after_seconds=1)

    def _state(self, owner: str, name: str) -> tuple[int, int]:
        """Return the version that counts, 0 for none, and the last number that was given."""
        item = self._item(owner, PREFIX + name)
        last = 0 if item is None else int(item["Version"])
        return (last if item is not None and "Pipeline" in item else 0), last

    def _item(self, owner: str, entry: str) -> dict[str, Any] | None:
        with translate_aws_errors():
            answer = self._client.get_item(TableName=self._table, Key=_key(owner, entry), ConsistentRead=True)
        return from_wire(answer["Item"]) if "Item" in answer else None

    def _newest(self, item: Mapping[str, Any], last: int) -> "TransactWriteItemTypeDef":
        """Replace the newest entry on condition that its number is the one that was read, 0 for no entry."""
        put: PutTypeDef = {
            "TableName": self._table,
            "Item": to_wire(item),
            "ConditionExpression": "#Version = :last" if last else "attribute_not_exists(#Version)",
            "ExpressionAttributeNames": {"#Version": "Version"},
        }
        if last:
            put["ExpressionAttributeValues"] = to_wire({":last": last})
        return {"Put": put}

    def _write(self, *writes: "TransactWriteItemTypeDef") -> bool:
        """Write all or nothing; False when somebody was faster.

        botocore gives each call a token of its own, by which DynamoDB knows the second try of a lost answer.
        """
        try:
            with translate_aws_errors():
                self._client.transact_write_items(TransactItems=writes)
        except ServiceError as error:
            cause = error.__cause__
            if isinstance(cause, ClientError) and error_code(cause) == "TransactionCanceledException":
                return False
            raise
        return True


def _key(owner: str, entry: str) -> dict[str, Any]:
    return {"Owner": {"S": owner}, "Entry": {"S": entry}}


def _version_entry(name: str, version: int) -> str:
    return f"{VERSION_PREFIX}{name}#{version:010d}"


def _to_item(preset: Preset) -> dict[str, Any]:
    return {
        "Name": preset.name,
        "Version": preset.version,
        "Pipeline": preset.pipeline.model_dump_json(exclude_none=True),
        "Description": preset.description,
        "CreatedAt": to_iso(preset.created_at) if preset.created_at else "",
    }


def _from_item(item: Mapping[str, Any]) -> Preset | None:
    """Read a version back; None where the pipeline is of another version of this code."""
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
