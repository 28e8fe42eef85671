"""A receipt: the inputs, software and outputs of a completed job. With it, anyone can repeat the job and compare.

A receipt is written once, in the transition that completes the job. It is stored as canonical JSON and identified by
the SHA-256 digest of this text.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict

from shared.clock import to_iso
from shared.jobs.job import Job
from shared.pipeline.limits import NUMERIC_LIMITS, Limits
from shared.pipeline.pipeline import Pipeline
from shared.version import VERSION

#: Maximum size of a receipt. The longest valid pipeline fits, and DynamoDB allows 400 KiB per item.
MAX_BYTES: Final = 64 * 1024


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class ReceiptRaw(_Facts):
    """The raw image."""

    digest: str
    size: int
    format: str
    width: int
    height: int


class ReceiptOutput(_Facts):
    """One processed image."""

    name: str
    key: str
    digest: str
    size: int
    format: str
    media_type: str
    width: int
    height: int


class ReceiptPreset(_Facts):
    """The preset that the pipeline came from."""

    name: str
    version: int


class Receipt(_Facts):
    """The receipt of one completed job. Unknown fields of later versions are ignored."""

    #: Version of this document.
    form: Literal[1] = 1
    job_id: str
    attempt: int
    uploaded_at: str
    started_at: str
    finished_at: str
    raw: ReceiptRaw
    #: The complete pipeline that ran. Presets, options and defaults are resolved.
    pipeline: Pipeline
    preset: ReceiptPreset | None
    #: SHA-256 of the assets that the pipeline refers to, by name.
    assets: dict[str, str]
    #: Limits of the worker. They decide whether an image is refused, and nothing else.
    limits: dict[str, int]
    outputs: tuple[ReceiptOutput, ...]
    warnings: tuple[str, ...]
    #: Versions by name.
    software: dict[str, str]
    #: Names of the sandbox layers that were applied completely. Older receipts do not have them.
    sandbox: tuple[str, ...] = ()


def build_receipt(
    job: Job, software: Mapping[str, str], sandbox: tuple[str, ...], limits: Limits, *, started_at: datetime
) -> str | None:
    """Return the receipt of a job that has just been completed.

    Return None if the receipt is too long to store, or if canonical JSON can't represent one of its numbers.
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
        "limits": {name: getattr(limits, name) for name in NUMERIC_LIMITS},
        "outputs": [_facts(output, ReceiptOutput) for output in job.outputs],
        "warnings": list(job.warnings),
        "software": {"safelight": VERSION, **software},
        "sandbox": list(sandbox),
    }
    try:
        text = to_canonical_json(document)
    except ValueError:
        # A pipeline can contain an integer that is too large for canonical JSON. The job must not fail for this reason.
        return None
    return text if len(text.encode()) <= MAX_BYTES else None


def to_canonical_json(receipt: dict[str, Any]) -> str:
    """Return a receipt as canonical JSON (RFC 8785). Raises ValueError if canonical JSON can't represent a value."""
    return rfc8785.dumps(receipt).decode()


def digest_receipt(text: str) -> str:
    """Return the SHA-256 of a receipt in canonical JSON, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _facts(value: Any, kind: type[_Facts]) -> dict[str, Any]:  # noqa: ANN401 - any of our frozen values
    return {name: getattr(value, name) for name in kind.model_fields}
