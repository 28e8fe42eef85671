"""Conversion between a job and its item in the ``Images`` table.

Other systems can rely on the first seven attributes. ``docs/data-dictionary.md`` describes all attributes. Attributes
without a value are absent, so the sparse indexes ``Open`` and ``Dead`` contain only the jobs that have their keys.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from zlib import crc32

from pydantic import ValidationError

from shared.aws.dynamodb.wire import Item, drop_none, from_optional_iso, to_optional_iso
from shared.clock import from_iso, to_iso
from shared.jobs import object_keys
from shared.jobs.job import Job, JobFailure, JobStatus, RawImage, Transition
from shared.jobs.job_spec import JobSpec
from shared.jobs.source import ImportSource, S3Location, UrlSource
from shared.jobs.stored_outputs import compress_receipt, from_map, read_receipt, to_maps
from shared.jobs.upload_declaration import UploadDeclaration, UploadMethod
from shared.pipeline.asset import AssetPin
from shared.pipeline.facts import DEFAULT_FACTS, FactsRequest
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.preset import PresetRef

#: Partitions of ``Open``. DynamoDB allows 1,000 writes per second to one partition, and each job causes three writes.
OPEN_SHARDS = 8
#: Partitions of ``Dead``. An outage may fail many jobs within a short time.
DEAD_SHARDS = 4
#: Maximum number of parsed pipelines in the cache. Members of a batch, and often jobs of a listing, have the same one.
PIPELINE_CACHE_SIZE = 128
#: Values of ``FactsRequest``.
NO_FACTS, WITH_GPS = "none", "gps"
#: Attributes that a transition may remove.
OPTIONAL_ATTRIBUTES = (
    *("RawSize", "RawFormat", "Digest", "Width", "Height", "S3Path", "Size", "Format", "Preset", "Assets", "Outputs"),
    *("Warnings", "Excused", "AttemptsUsed", "Sweeps", "DeadLetters", "LeaseUntil", "DueAt", "OpenShard", "Error"),
    *("Receipt", "Facts", "DeadShard", "DeadReason", "FullWidth"),
)
#: Attributes that are written when a job is created and never change.
IMMUTABLE_ATTRIBUTES = frozenset(
    {
        *("ID", "Filename", "UploadedAt", "Promise", "Source", "BatchID", "Webhook", "Owner", "OwnerShard"),
        *("ExpiresAt", "Counted", "Token", "Tags", "FactsRequest"),
    }
)


def to_item(job: Job, bucket: str, listing_shards: int) -> Item:
    """Return a job as an item. ``listing_shards`` is the number of partitions per owner in ``Recent``."""
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
        **spec_to_item(job),
        "Promise": _declaration_to_map(job.declaration) if job.declaration else None,
        "Source": _source_to_map(job.source) if job.source else None,
        "Outputs": to_maps(job.outputs, job.id, job.attempt) or None,
        "FullWidth": job.full_width,
        "Warnings": list(job.warnings) or None,
        "Attempt": job.attempt,
        "Generation": job.generation,
        "Excused": job.uncounted or None,
        "AttemptsUsed": job.attempts_used or None,
        "Sweeps": job.requeues or None,
        "DeadLetters": job.dead_letters or None,
        "LeaseUntil": to_optional_iso(job.lease_until),
        "DueAt": to_optional_iso(job.due_at) if job.is_unfinished else None,
        "OpenShard": open_shard(job.id) if job.is_unfinished else None,
        "Error": failure_to_map(job.error) if job.error else None,
        "History": [transition_to_map(line) for line in job.history],
        "BatchID": job.batch_id,
        "Owner": job.owner,
        "OwnerShard": owner_shard(job.owner, shard_of(job.id, listing_shards)),
        "ExpiresAt": int(job.expires_at.timestamp()) if job.expires_at else None,
        "Receipt": compress_receipt(job.receipt),
        "Facts": job.facts,
        "Redrives": job.redrives or None,
        "DeadShard": dead_shard(shard_of(job.id, DEAD_SHARDS)) if job.is_dead_letter else None,
        "DeadReason": dead_letter_sort_key(job) if job.is_dead_letter else None,
        "Counted": job.is_counted or None,
        "DeletedAt": to_optional_iso(job.deleted_at),
    }
    return drop_none(item)


def from_item(item: Mapping[str, Any]) -> Job:
    """Return the job that an item holds."""
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
        **spec_from_item(item).spec_fields(),
        owner=item["Owner"],
        declaration=_declaration_from_map(item["Promise"]) if "Promise" in item else None,
        source=_source_from_map(item["Source"]) if "Source" in item else None,
        outputs=tuple(from_map(output, item["ID"], item["Attempt"]) for output in item.get("Outputs", ())),
        full_width=item.get("FullWidth"),
        warnings=tuple(item.get("Warnings", ())),
        attempt=item["Attempt"],
        generation=item["Generation"],
        uncounted=item.get("Excused", 0),
        requeues=item.get("Sweeps", 0),
        dead_letters=item.get("DeadLetters", 0),
        lease_until=from_optional_iso(item.get("LeaseUntil")),
        due_at=from_optional_iso(item.get("DueAt")),
        error=failure_from_map(item["Error"]) if "Error" in item else None,
        history=tuple(_transition_from_map(line) for line in item.get("History", ())),
        batch_id=item.get("BatchID"),
        expires_at=datetime.fromtimestamp(item["ExpiresAt"], tz=from_iso(item["UploadedAt"]).tzinfo)
        if "ExpiresAt" in item
        else None,
        receipt=read_receipt(item.get("Receipt")),
        facts=item.get("Facts"),
        redrives=item.get("Redrives", 0),
        is_counted=item.get("Counted", False),
        deleted_at=from_optional_iso(item.get("DeletedAt")),
    )


def spec_to_item(spec: JobSpec) -> Item:
    """Return the attributes of a job spec, which a job's item and a batch's item share. Absent values are None."""
    return {
        "Pipeline": spec.pipeline.model_dump_json(exclude_none=True) if spec.pipeline else None,
        "Preset": {"Name": spec.preset.name, "Version": spec.preset.version} if spec.preset else None,
        "Assets": {pin.name: pin.digest for pin in spec.assets} or None,
        "Webhook": spec.webhook,
        "Token": spec.token_id,
        "Tags": dict(spec.tags) or None,
        "FactsRequest": _facts_request_to_text(spec.facts_request),
    }


def spec_from_item(item: Mapping[str, Any]) -> JobSpec:
    """Return the job spec that a job's item or a batch's item holds."""
    pipeline = item.get("Pipeline")
    return JobSpec(
        pipeline=_pipeline(pipeline) if isinstance(pipeline, str) else None,
        preset=PresetRef(item["Preset"]["Name"], item["Preset"]["Version"]) if "Preset" in item else None,
        assets=tuple(AssetPin(name, digest) for name, digest in item.get("Assets", {}).items()),
        webhook=item.get("Webhook"),
        token_id=item.get("Token"),
        tags=tuple(sorted(item.get("Tags", {}).items())),
        facts_request=_facts_request_from_text(item.get("FactsRequest")),
    )


def _facts_request_to_text(request: FactsRequest | None) -> str | None:
    """Return a request for facts as text. The default one is absent."""
    if request is None:
        return NO_FACTS
    return WITH_GPS if request.gps else None


def _facts_request_from_text(text: str | None) -> FactsRequest | None:
    """Return the request for facts. For a text of a newer version, return the default, which is not private."""
    if text == NO_FACTS:
        return None
    return FactsRequest(gps=True) if text == WITH_GPS else DEFAULT_FACTS


def shard_of(job_id: str, shards: int) -> int:
    """Return the shard of a job. Use a hash of its ID, because IDs of the same time start with the same characters."""
    return crc32(job_id.encode()) % shards


def open_shard(job_id: str) -> str:
    """Return the partition key of an unfinished job in ``Open``."""
    return f"open#{shard_of(job_id, OPEN_SHARDS)}"


def owner_shard(owner: str, shard: int) -> str:
    """Return the key of one partition of ``Recent``."""
    return f"{owner}#{shard}"


def dead_shard(shard: int) -> str:
    """Return the key of one partition of ``Dead``."""
    return f"dead#{shard}"


def dead_letter_sort_key(job: Job) -> str:
    """Return the sort key of a dead letter in ``Dead``: error code, time and job ID. It is unique."""
    code = job.error.code if job.error else ""
    return f"{code}#{to_iso(job.timestamp)}#{job.id}"


def transition_to_map(line: Transition) -> dict[str, str]:
    """Return one transition of the history as a map."""
    written = {"Status": line.status.value, "At": to_iso(line.at)}
    return written | {"Code": line.code} if line.code else written


def _transition_from_map(line: Mapping[str, Any]) -> Transition:
    return Transition(status=JobStatus(line["Status"]), at=from_iso(line["At"]), code=line.get("Code"))


def _declaration_to_map(declaration: UploadDeclaration) -> dict[str, Any]:
    written = {
        "MediaType": declaration.media_type,
        "Size": declaration.size,
        "Digest": declaration.digest,
        "Method": None if declaration.method is UploadMethod.POST else declaration.method.value,
        "PartSize": declaration.part_size,
    }
    return drop_none(written)


def _declaration_from_map(written: Mapping[str, Any]) -> UploadDeclaration:
    return UploadDeclaration(
        media_type=written["MediaType"],
        size=written.get("Size"),
        digest=written.get("Digest"),
        method=UploadMethod(written.get("Method", UploadMethod.POST)),
        part_size=written.get("PartSize"),
    )


def _source_to_map(source: ImportSource | UrlSource) -> dict[str, str]:
    if isinstance(source, UrlSource):
        return {"Url": source.url}
    return drop_none(
        {
            "Path": source.location.uri,
            "ETag": source.etag,
            "Version": source.location.version,
            "JobID": source.job_id,
        }
    )


def _source_from_map(written: Mapping[str, str]) -> ImportSource | UrlSource:
    if "Url" in written:
        return UrlSource(url=written["Url"])
    bucket, key = object_keys.split_s3_uri(written["Path"])
    return ImportSource(
        location=S3Location(bucket=bucket, key=key, version=written.get("Version")),
        etag=written["ETag"],
        job_id=written.get("JobID"),
    )


def failure_to_map(failure: JobFailure) -> dict[str, Any]:
    """Return the public facts of an error as a map."""
    return {"Code": failure.code, "Message": failure.message, "Retriable": failure.retriable}


def failure_from_map(failure: Mapping[str, Any]) -> JobFailure:
    """Return the public facts of an error from a map."""
    return JobFailure(code=failure["Code"], message=failure["Message"], retriable=failure["Retriable"])


@lru_cache(maxsize=PIPELINE_CACHE_SIZE)
def _pipeline(text: str) -> Pipeline | None:
    """Parse a stored pipeline. Return None if it is invalid, so that only its own job fails, not a listing."""
    try:
        return Pipeline.model_validate_json(text)
    except ValidationError:
        return None
