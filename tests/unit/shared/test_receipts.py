"""Receipts: what they say, that they are bounded, and what names them."""

import json
from dataclasses import replace

import pytest
from support.sample_jobs import LATER, NOW, processing_job

from shared.jobs.job import ProcessedImage, RawImage
from shared.jobs.receipt import MAX_BYTES, Receipt, build_receipt, digest_receipt, to_canonical_json
from shared.pipeline.limits import Limits
from shared.pipeline.operations import Watermark
from shared.pipeline.output import OutputFormat
from shared.pipeline.pipeline import MAX_OPERATIONS, MAX_OUTPUTS, Output, Pipeline

LIMITS = Limits(max_bytes=1, max_pixels=2, max_side=3)


def written(pipeline: Pipeline, warnings: tuple[str, ...] = ()) -> str | None:
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
    job = replace(processing_job(), pipeline=pipeline).complete(raw=raw, outputs=outputs, warnings=warnings, now=LATER)
    return build_receipt(job, {"pillow": "13"}, LIMITS, started_at=NOW)


def test_a_receipt_says_what_went_in_what_was_done_and_what_came_out() -> None:
    """Digests, the pipeline with every default filled in, preset, assets, limits, versions and moments."""
    text = written(Pipeline())
    assert text is not None
    receipt = Receipt.model_validate_json(text)
    assert (receipt.raw.digest, receipt.outputs[0].digest) == ("00" * 32, "11" * 32)
    assert receipt.preset is not None
    assert (receipt.preset.name, receipt.assets, receipt.software["pillow"]) == ("default", {"logo": "00" * 32}, "13")
    assert json.loads(text)["pipeline"]["outputs"][0]["background"] == "#ffffff"
    assert (receipt.started_at, receipt.finished_at) == ("2026-11-22T12:00:00.000Z", "2026-11-22T12:00:05.000Z")
    assert set(receipt.limits) == {"max_bytes", "max_pixels", "max_side", "max_frames", "max_total_pixels"}


def test_equal_receipts_have_equal_names_and_others_other_ones() -> None:
    """The digest names the content."""
    one, same, other = written(Pipeline()), written(Pipeline()), written(Pipeline(), ("A note.",))
    assert one is not None
    assert other is not None
    assert one == same
    assert digest_receipt(one) != digest_receipt(other)


def test_the_name_does_not_depend_on_how_the_receipt_is_written() -> None:
    """Other order, other spaces, other notation of the same number: the canonical form is the text that is kept."""
    text = written(Pipeline())
    assert text is not None
    members = dict(reversed(json.loads(text).items()))
    members["attempt"] = float(members["attempt"])
    assert to_canonical_json(json.loads(json.dumps(members, indent=2))) == text


@pytest.mark.parametrize("value", [float("nan"), 10**400, "\ud800"])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    """No number, one that no reader could hold, no text."""
    with pytest.raises(ValueError, match=r"representable|exceeds|codepoints"):
        to_canonical_json({"attempt": value})


def test_a_number_without_a_form_costs_the_receipt_and_not_the_job() -> None:
    """A pipeline may ask for a result of less than 2 to the 53rd bytes."""
    assert written(Pipeline(outputs=(Output(format=OutputFormat.JPEG, max_bytes=2**53),))) is None


def test_the_longest_pipeline_leaves_room_in_the_record() -> None:
    """As many operations and outputs as may be, with the longest texts, and every warning: still written."""
    text = "\u0001" * Watermark.model_json_schema()["properties"]["text"]["anyOf"][0]["maxLength"]
    operation = Watermark(text=text.replace("\u0001", "€"))
    outputs = tuple(Output(name=f"{number:032d}") for number in range(MAX_OUTPUTS))
    written_out = written(Pipeline(operations=(operation,) * MAX_OPERATIONS, outputs=outputs), ("w" * 300,) * 20)
    assert written_out is not None
    assert len(written_out.encode()) < MAX_BYTES
