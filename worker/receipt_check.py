"""Verification of a receipt: render the job again and compare the bytes of the outputs, then their pixels.

This code runs on a user's machine, not in a Lambda function. The files are untrusted, so the sandbox renders them.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from pydantic import ValidationError

from shared.errors import ImageError, SafelightError
from shared.jobs.receipt import Receipt, ReceiptOutput, digest_receipt, to_canonical_json
from shared.pipeline.limits import NUMERIC_LIMITS
from shared.pipeline.pipeline import Output, Pipeline
from shared.version import VERSION
from worker.imaging import Limits, RenderResult
from worker.imaging.software import get_software_versions
from worker.sandbox.budget import Budget
from worker.sandbox.pool import Sandbox

#: This limit is higher than in the worker, because the user's machine may be slow.
RENDER_SECONDS: Final = 120
MEMORY_MIB: Final = 4096
#: A pipeline that writes all frames of an image as one PNG. Images with equal pixels give equal files.
PIXELS_AS_PNG: Final = Pipeline(operations=(), outputs=(Output(),))


class FindingState(StrEnum):
    """Result of one comparison."""

    SAME = "same"
    #: The file or receipt does not have the expected digest.
    CHANGED = "changed"
    MISSING = "missing"
    #: The software differs from that in the receipt. This can cause other differences.
    OTHER = "other"
    #: The new output differs from the stored output but has the same pixels.
    EQUAL_PIXELS = "equal-pixels"
    #: The new output has other pixels, or there is no unchanged stored output to compare.
    DIFFERENT = "different"
    #: The job could not be rendered again.
    NOT_DONE = "not-done"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one comparison."""

    #: What was compared: ``receipt``, ``raw``, ``output NAME``, ``software`` or ``again NAME``.
    what: str
    state: FindingState
    detail: str = ""


class ReceiptUnreadable(ValueError):
    """The document is not a receipt, or this version of the code cannot read the receipt."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The current files of the job. A missing raw image or output is None; a missing asset has no entry."""

    raw: bytes | None
    outputs: Mapping[str, bytes | None]
    assets: Mapping[str, bytes]


def verify(document: Mapping[str, Any], evidence: Evidence, environment: Mapping[str, str]) -> list[Finding]:
    """Compare the files with a receipt, render the job again and compare the outputs.

    ``document`` is the API's response with ``digest`` and ``receipt``. ``environment`` contains the variables that a
    child process needs to run Python. Raises ReceiptUnreadable if the document can't be read as a receipt.
    """
    try:
        receipt = Receipt.model_validate_json(json.dumps(document["receipt"]))
        limits = Limits(**{name: receipt.limits[name] for name in NUMERIC_LIMITS}, heif=True)
        digest = digest_receipt(to_canonical_json(document["receipt"]))
    except (ValidationError, KeyError, TypeError, ValueError) as error:
        raise ReceiptUnreadable("This version cannot read the document as a receipt.") from error
    findings = [
        Finding("receipt", FindingState.SAME if digest == document.get("digest") else FindingState.CHANGED, digest),
        _compare("raw", evidence.raw, receipt.raw.digest),
        *(_compare(f"output {made.name}", evidence.outputs.get(made.name), made.digest) for made in receipt.outputs),
    ]
    if findings[1].state is not FindingState.SAME or evidence.raw is None:
        return [*findings, *_skip_outputs(receipt, "the raw image is missing or changed")]
    if missing := _find_missing_assets(receipt, evidence.assets):
        return [*findings, *_skip_outputs(receipt, f"these assets are missing: {', '.join(missing)}")]
    budget = Budget.of(limits, memory_mib=MEMORY_MIB, children=1, cpu_seconds=RENDER_SECONDS)
    sandbox = Sandbox(budget, children=1, environment=environment)
    try:
        rendered = sandbox.render(evidence.raw, receipt.pipeline, limits, evidence.assets)
        findings.append(_compare_software(receipt.software, rendered))
        return [*findings, *_render_again(receipt, rendered, evidence, sandbox, limits)]
    except SafelightError as error:
        return [
            *findings,
            _compare_software(receipt.software, None),
            *_skip_outputs(receipt, f"{error.detail} ({error.code})"),
        ]
    finally:
        sandbox.close()


def _compare(what: str, data: bytes | None, digest: str) -> Finding:
    if data is None:
        return Finding(what, FindingState.MISSING, digest)
    found = hashlib.sha256(data).hexdigest()
    return Finding(what, FindingState.SAME if found == digest else FindingState.CHANGED, found)


def _find_missing_assets(receipt: Receipt, assets: Mapping[str, bytes]) -> list[str]:
    """Return the names of the receipt's assets that are missing or have another digest."""
    return [
        name
        for name, digest in receipt.assets.items()
        if name not in assets or hashlib.sha256(assets[name]).hexdigest() != digest
    ]


def _skip_outputs(receipt: Receipt, why: str) -> list[Finding]:
    return [Finding(f"again {made.name}", FindingState.NOT_DONE, why) for made in receipt.outputs]


def _compare_software(then: Mapping[str, str], rendered: RenderResult | None) -> Finding:
    """Return a finding that lists the versions that differ, including software that only one side has."""
    now = {"safelight": VERSION, **(rendered.software if rendered is not None else get_software_versions())}
    others = [
        f"{name} {then.get(name, 'absent')} then, {now.get(name, 'absent')} now"
        for name in sorted({*then, *now})
        if then.get(name) != now.get(name)
    ]
    return Finding("software", FindingState.OTHER if others else FindingState.SAME, "; ".join(others))


def _render_again(
    receipt: Receipt, rendered: RenderResult, evidence: Evidence, sandbox: Sandbox, limits: Limits
) -> Iterator[Finding]:
    for made, (_, encoded) in zip(receipt.outputs, rendered.outputs, strict=True):
        what, digest = f"again {made.name}", hashlib.sha256(encoded.data).hexdigest()
        if digest == made.digest:
            yield Finding(what, FindingState.SAME, digest)
            continue
        alike = _has_equal_pixels(encoded.data, _get_stored_output(made, evidence), sandbox, limits)
        yield Finding(what, FindingState.EQUAL_PIXELS if alike else FindingState.DIFFERENT, digest)


def _get_stored_output(made: ReceiptOutput, evidence: Evidence) -> bytes | None:
    """Return the stored output, or None if it is missing or changed."""
    data = evidence.outputs.get(made.name)
    return data if data is not None and hashlib.sha256(data).hexdigest() == made.digest else None


def _has_equal_pixels(data: bytes, stored: bytes | None, sandbox: Sandbox, limits: Limits) -> bool:
    if stored is None:
        return False
    try:
        ((_, one),) = sandbox.render(data, PIXELS_AS_PNG, limits).outputs
        ((_, other),) = sandbox.render(stored, PIXELS_AS_PNG, limits).outputs
    except ImageError:
        return False
    return one.data == other.data
