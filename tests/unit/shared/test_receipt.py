"""Tests of receipts: content, length and digest."""

import json
from dataclasses import replace

import pytest
from support.sample_jobs import LATER, NOW, make_processing_job

from shared.jobs.job import ProcessedImage, RawImage
from shared.jobs.receipt import MAX_BYTES, Receipt, build_receipt, digest_receipt, to_canonical_json
from shared.pipeline.limits import Limits
from shared.pipeline.operations import Watermark
from shared.pipeline.output import OutputFormat
from shared.pipeline.pipeline import MAX_OPERATIONS, MAX_OUTPUTS, Output, Pipeline

LIMITS = Limits(max_bytes=1, max_pixels=2, max_side=3)


def build(pipeline: Pipeline, warnings: tuple[str, ...] = ()) -> str | None:
    """Complete a job and write its receipt."""
    raw = RawImage(key="raw/api/X", size=10, format="JPEG", digest="00" * 32, width=4, height=3)
    outputs = tuple(
        ProcessedImage(
            name=output.name,
            key=f"processed/X/1/{output.name}.png",
            size=1,
            width=4,
            height=3,
            format="PNG",
            media_type="image/png",
            digest="11" * 32,
        )
        for output in pipeline.outputs
    )
    processing = replace(make_processing_job(), pipeline=pipeline)
    job = processing.complete(raw=raw, outputs=outputs, warnings=warnings, now=LATER)
    return build_receipt(job, {"pillow": "13"}, ("limits",), LIMITS, started_at=NOW)


def test_receipt_has_inputs_pipeline_and_outputs() -> None:
    """It has digests, the pipeline with defaults, preset, assets, limits, versions and times."""
    text = build(Pipeline())
    assert text is not None
    receipt = Receipt.model_validate_json(text)
    assert (receipt.raw.digest, receipt.outputs[0].digest) == ("00" * 32, "11" * 32)
    assert receipt.preset is not None
    assert (receipt.preset.name, receipt.assets, receipt.software["pillow"]) == ("default", {"logo": "00" * 32}, "13")
    assert json.loads(text)["pipeline"]["outputs"][0]["background"] == "#ffffff"
    assert (receipt.started_at, receipt.finished_at) == ("2026-11-22T12:00:00.000Z", "2026-11-22T12:00:05.000Z")
    assert set(receipt.limits) == {"max_bytes", "max_pixels", "max_side", "max_frames", "max_total_pixels"}


def test_digest_identifies_the_receipt() -> None:
    """Equal receipts have equal digests; others differ."""
    one, same, other = build(Pipeline()), build(Pipeline()), build(Pipeline(), ("A note.",))
    assert one is not None
    assert other is not None
    assert one == same
    assert digest_receipt(one) != digest_receipt(other)


def test_digest_does_not_depend_on_notation() -> None:
    """Order, spaces and number notation do not change the canonical JSON."""
    text = build(Pipeline())
    assert text is not None
    members = dict(reversed(json.loads(text).items()))
    members["attempt"] = float(members["attempt"])
    assert to_canonical_json(json.loads(json.dumps(members, indent=2))) == text


@pytest.mark.parametrize("value", [float("nan"), 10**400, "\ud800"])
def test_values_without_canonical_form_are_refused(value: object) -> None:
    """NaN, integers that are too large and unpaired surrogates are refused."""
    with pytest.raises(ValueError, match=r"representable|exceeds|codepoints"):
        to_canonical_json({"attempt": value})


def test_number_without_canonical_form_gives_no_receipt() -> None:
    """The job completes without a receipt."""
    assert build(Pipeline(outputs=(Output(format=OutputFormat.JPEG, max_bytes=2**53),))) is None


def test_receipt_of_the_longest_pipeline_fits() -> None:
    """A receipt with the longest valid pipeline and all warnings fits."""
    text = "\u0001" * Watermark.model_json_schema()["properties"]["text"]["anyOf"][0]["maxLength"]
    operation = Watermark(text=text.replace("\u0001", "€"))
    outputs = tuple(Output(name=f"{number:032d}") for number in range(MAX_OUTPUTS))
    receipt = build(Pipeline(operations=(operation,) * MAX_OPERATIONS, outputs=outputs), ("w" * 300,) * 20)
    assert receipt is not None
    assert len(receipt.encode()) < MAX_BYTES
