"""A receipt: what a job was made of, by what, and what came of it, so that anybody can do it again and compare.

It is written once, in the transition that completes the job, and never changes: the text that is kept is in canonical
form and its SHA-256 names it.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict

from shared.clock import to_iso
from shared.jobs.job import Job
from shared.pipeline.limits import Limits
from shared.pipeline.pipeline import Pipeline
from shared.version import VERSION

#: Of a receipt. The longest pipeline that may be asked for stays below; DynamoDB takes 400 KiB a record.
MAX_BYTES: Final = 64 * 1024


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ReceiptRaw(_Facts):
    """The image that went in."""

    digest: str
    size: int
    format: str
    width: int
    height: int


class ReceiptOutput(_Facts):
    """One image that came out."""

    name: str
    key: str
    digest: str
    size: int
    format: str
    media_type: str
    width: int
    height: int


class ReceiptPreset(_Facts):
    """Where the pipeline came from."""

    name: str
    version: int


class Receipt(_Facts):
    """What is known of one completed job. Fields that a later version adds are passed over."""

    #: Of this document.
    form: Literal[1] = 1
    job_id: str
    attempt: int
    uploaded_at: str
    started_at: str
    finished_at: str
    raw: ReceiptRaw
    #: As it ran: presets and short options resolved, every default filled in.
    pipeline: Pipeline
    preset: ReceiptPreset | None
    #: SHA-256, by name, of stored images that the pipeline refers to.
    assets: dict[str, str]
    #: Of the worker; an image beyond them is refused, and what is not refused does not depend on them.
    limits: dict[str, int]
    outputs: tuple[ReceiptOutput, ...]
    warnings: tuple[str, ...]
    #: Versions by name.
    software: dict[str, str]


def build_receipt(job: Job, software: Mapping[str, str], limits: Limits, *, started_at: datetime) -> str | None:
    """Write the receipt of a job that has just been completed.

    None where it would be longer than a record bears, or holds a number that no canonical form has.
    """
    assert job.pipeline is not None  # noqa: S101 - it has just run
    document: dict[str, Any] = {
        "form": 1,
        "job_id": job.id,
        "attempt": job.attempt,
        "uploaded_at": to_iso(job.uploaded_at),
        "started_at": to_iso(started_at),
        "finished_at": to_iso(job.timestamp),
        "raw": _facts(job.raw, ReceiptRaw),
        "pipeline": job.pipeline.model_dump(mode="json", exclude_none=True),
        "preset": {"name": job.preset.name, "version": job.preset.version} if job.preset else None,
        "assets": {pin.name: pin.digest for pin in job.assets},
        "limits": _facts(limits, None),
        "outputs": [_facts(output, ReceiptOutput) for output in job.outputs],
        "warnings": list(job.warnings),
        "software": {"safelight": VERSION, **software},
    }
    try:
        text = to_canonical_json(document)
    except ValueError:
        # A pipeline may say a whole number that JSON's readers can't hold; that is no reason to lose the job.
        return None
    return text if len(text.encode()) <= MAX_BYTES else None


def to_canonical_json(receipt: dict[str, Any]) -> str:
    """Write a receipt in canonical form (RFC 8785). Raises ValueError for what has none."""
    return rfc8785.dumps(receipt).decode()


def digest_receipt(text: str) -> str:
    """Return the SHA-256 of a receipt in canonical form, hexadecimal: its name."""
    return hashlib.sha256(text.encode()).hexdigest()


def _facts(value: Any, kind: type[_Facts] | None) -> dict[str, Any]:  # noqa: ANN401 - any of our frozen values
    names = kind.model_fields if kind is not None else value.__dataclass_fields__
    return {name: getattr(value, name) for name in names}
