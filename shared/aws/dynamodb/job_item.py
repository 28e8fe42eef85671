"""A job as an item of the ``Images`` table, and back.

The first seven attributes are the data dictionary; ``docs/data-dictionary.md`` lists all of them.
Attributes without a value are absent, so that the sparse index ``Open`` holds open jobs alone.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zlib import crc32

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from pydantic import ValidationError

from shared.clock import from_iso, to_iso
from shared.jobs import object_keys
from shared.jobs.job import Job, JobFailure, JobStatus, ProcessedImage, RawImage, Transition
from shared.jobs.source import ImportSource, S3Location
from shared.jobs.upload_declaration import UploadDeclaration
from shared.pipeline.asset import AssetPin
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.preset import PresetRef

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

Item = dict[str, Any]
WireItem = dict[str, "AttributeValueTypeDef"]

#: Partitions of ``Open``. One takes 1,000 writes a second and a job makes three.
OPEN_SHARDS = 8
#: Partitions of ``Dead``: an outage may fail many jobs at once.
DEAD_SHARDS = 4
#: Read ones that are kept: the members of a batch, and most jobs of a listing, have the same.
KEPT_PIPELINES = 128

_serializer = TypeSerializer()
_deserializer = TypeDeserializer()


def to_item(job: Job, bucket: str, listing_shards: int) -> Item:
    """Write a job as an item in Python's types; ``listing_shards`` spreads ``Recent`` (see settings)."""
    first = job.outputs[0] if job.outputs else None
    item: Item = {
        "ID": job.id,
        "Filename": job.filename,
        "Status": job.status.value,
        "Timestamp": to_iso(job.timestamp),
        "S3Path": object_keys.s3_uri(bucket, first.key) if first else None,
        "Size": first.size if first else None,
        "Format": first.format if first else None,
        "UploadedAt": to_iso(job.uploaded_at),
        "RawPath": object_keys.s3_uri(bucket, job.raw.key),
        "RawSize": job.raw.size,
        "RawFormat": job.raw.format,
        "Width": job.raw.width,
        "Height": job.raw.height,
        "Digest": job.raw.digest,
        "Pipeline": job.pipeline.model_dump_json(exclude_none=True) if job.pipeline else None,
        "Promise": _promise_to_map(job.declaration) if job.declaration else None,
        "Source": _source_to_map(job.source) if job.source else None,
        "Preset": {"Name": job.preset.name, "Version": job.preset.version} if job.preset else None,
        "Assets": {pin.name: pin.digest for pin in job.assets} or None,
        "Outputs": [_output_to_map(output) for output in job.outputs] or None,
        "Warnings": list(job.warnings) or None,
        "Attempt": job.attempt,
        "Generation": job.generation,
        "Excused": job.uncounted or None,
        "Sweeps": job.requeues or None,
        "DeadLetters": job.dead_letters or None,
        "LeaseUntil": _iso(job.lease_until),
        "DueAt": _iso(job.due_at) if job.is_unfinished else None,
        "OpenShard": open_shard(job.id) if job.is_unfinished else None,
        "Error": _failure_to_map(job.error) if job.error else None,
        "History": [transition_to_map(line) for line in job.history],
        "BatchID": job.batch_id,
        "Webhook": job.webhook,
        "Owner": job.owner,
        "OwnerShard": owner_shard(job.owner, shard_of(job.id, listing_shards)),
        "ExpiresAt": int(job.expires_at.timestamp()) if job.expires_at else None,
        "Receipt": job.receipt,
        "Redrives": job.redrives or None,
        "DeadShard": dead_shard(shard_of(job.id, DEAD_SHARDS)) if job.is_dead_letter else None,
        "DeadReason": dead_reason(job) if job.is_dead_letter else None,
        "DeletedAt": _iso(job.deleted_at),
    }
    return {name: value for name, value in item.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> Job:
    """Read an item back."""
    return Job(
        id=item["ID"],
        filename=item["Filename"],
        status=JobStatus(item["Status"]),
        timestamp=from_iso(item["Timestamp"]),
        uploaded_at=from_iso(item["UploadedAt"]),
        raw=RawImage(
            key=object_keys.split_s3_uri(item["RawPath"])[1],
            size=item.get("RawSize"),
            format=item.get("RawFormat"),
            digest=item.get("Digest"),
            width=item.get("Width"),
            height=item.get("Height"),
        ),
        pipeline=_pipeline(item["Pipeline"]) if isinstance(item["Pipeline"], str) else None,
        owner=item["Owner"],
        declaration=_promise_from_map(item["Promise"]) if "Promise" in item else None,
        source=_source_from_map(item["Source"]) if "Source" in item else None,
        preset=PresetRef(item["Preset"]["Name"], item["Preset"]["Version"]) if "Preset" in item else None,
        assets=tuple(AssetPin(name, digest) for name, digest in item.get("Assets", {}).items()),
        outputs=tuple(_output_from_map(output) for output in item.get("Outputs", ())),
        warnings=tuple(item.get("Warnings", ())),
        attempt=item["Attempt"],
        generation=item["Generation"],
        uncounted=item.get("Excused", 0),
        requeues=item.get("Sweeps", 0),
        dead_letters=item.get("DeadLetters", 0),
        lease_until=_moment(item.get("LeaseUntil")),
        due_at=_moment(item.get("DueAt")),
        error=_failure_from_map(item["Error"]) if "Error" in item else None,
        history=tuple(_transition_from_map(line) for line in item.get("History", ())),
        batch_id=item.get("BatchID"),
        webhook=item.get("Webhook"),
        expires_at=datetime.fromtimestamp(item["ExpiresAt"], tz=from_iso(item["UploadedAt"]).tzinfo)
        if "ExpiresAt" in item
        else None,
        receipt=item.get("Receipt"),
        redrives=item.get("Redrives", 0),
        deleted_at=_moment(item.get("DeletedAt")),
    )


def to_wire(item: Mapping[str, Any]) -> WireItem:
    """Turn Python's types into DynamoDB's."""
    return {name: _serializer.serialize(value) for name, value in item.items()}


def from_wire(item: Mapping[str, Any]) -> Item:
    """Turn DynamoDB's types into Python's; numbers become ``int``, all of ours are whole."""
    return {name: _plain(_deserializer.deserialize(value)) for name, value in item.items()}


def shard_of(job_id: str, shards: int) -> int:
    """Spread IDs evenly: made at the same moment, they share their first characters."""
    return crc32(job_id.encode()) % shards


def open_shard(job_id: str) -> str:
    """Return the partition of ``Open`` that an unfinished job is in."""
    return f"open#{shard_of(job_id, OPEN_SHARDS)}"


def owner_shard(owner: str, shard: int) -> str:
    """Return one partition of ``Recent``."""
    return f"{owner}#{shard}"


def dead_shard(shard: int) -> str:
    """Return one partition of ``Dead``."""
    return f"dead#{shard}"


def dead_reason(job: Job) -> str:
    """Return the place of a dead letter in ``Dead``: by reason, then by time. No two jobs share one."""
    code = job.error.code if job.error else ""
    return f"{code}#{to_iso(job.timestamp)}#{job.id}"


def transition_to_map(line: Transition) -> dict[str, str]:
    """Write one line of the history."""
    written = {"Status": line.status.value, "At": to_iso(line.at)}
    return written | {"Code": line.code} if line.code else written


def _transition_from_map(line: Mapping[str, Any]) -> Transition:
    return Transition(status=JobStatus(line["Status"]), at=from_iso(line["At"]), code=line.get("Code"))


def _output_to_map(output: ProcessedImage) -> dict[str, Any]:
    return {
        "Name": output.name,
        "Key": output.key,
        "Size": output.size,
        "Width": output.width,
        "Height": output.height,
        "Format": output.format,
        "MediaType": output.media_type,
        "Digest": output.digest,
    }


def _output_from_map(output: Mapping[str, Any]) -> ProcessedImage:
    return ProcessedImage(
        name=output["Name"],
        key=output["Key"],
        size=output["Size"],
        width=output["Width"],
        height=output["Height"],
        format=output["Format"],
        media_type=output["MediaType"],
        digest=output["Digest"],
    )


def _promise_to_map(declaration: UploadDeclaration) -> dict[str, Any]:
    written = {"MediaType": declaration.media_type, "Size": declaration.size, "Digest": declaration.digest}
    return {name: value for name, value in written.items() if value is not None}


def _promise_from_map(written: Mapping[str, Any]) -> UploadDeclaration:
    return UploadDeclaration(media_type=written["MediaType"], size=written.get("Size"), digest=written.get("Digest"))


def _source_to_map(source: ImportSource) -> dict[str, str]:
    written = {"Path": source.location.uri, "ETag": source.etag}
    return written | {"Version": source.location.version} if source.location.version else written


def _source_from_map(written: Mapping[str, str]) -> ImportSource:
    bucket, key = object_keys.split_s3_uri(written["Path"])
    return ImportSource(
        location=S3Location(bucket=bucket, key=key, version=written.get("Version")),
        etag=written["ETag"],
    )


def _failure_to_map(failure: JobFailure) -> dict[str, Any]:
    return {"Code": failure.code, "Message": failure.message, "Retriable": failure.retriable}


def _failure_from_map(failure: Mapping[str, Any]) -> JobFailure:
    return JobFailure(code=failure["Code"], message=failure["Message"], retriable=failure["Retriable"])


@lru_cache(maxsize=KEPT_PIPELINES)
def _pipeline(text: str) -> Pipeline | None:
    """Read a stored pipeline. One that can't be read fails its own job, not a listing or a sweep."""
    try:
        return Pipeline.model_validate_json(text)
    except ValidationError:
        return None


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else to_iso(moment)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else from_iso(text)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever DynamoDB can hold
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return value
