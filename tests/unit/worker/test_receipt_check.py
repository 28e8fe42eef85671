"""Receipts: reproduced bit by bit in every format, and every change is found."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support import sample_images
from support.sample_jobs import LATER, NOW, make_processing_job
from support.sandboxes import LIMITS, sandbox
from support.thorough import every

from shared.jobs.job import ProcessedImage, RawImage
from shared.jobs.receipt import build_receipt, digest_receipt
from shared.pipeline.asset import AssetPin
from shared.pipeline.operations import Watermark
from shared.pipeline.pipeline import Output, OutputFormat, Pipeline, Resize
from worker.imaging import render
from worker.receipt_check import Evidence, Finding, FindingState, ReceiptUnreadable, verify

PHOTOS = Path(__file__).parents[3] / "safelight" / "demo_images"
EVERY = tuple(Output(name=each.value, format=each) for each in OutputFormat)
ALL_FORMATS = Pipeline(operations=(Resize(width=160, height=160),), outputs=EVERY)


def digest(data: bytes) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


@cache
def made(name: str, pipeline: Pipeline = ALL_FORMATS) -> tuple[str, Evidence]:
    """Process an image as the worker does; return its receipt and its files."""
    assets = {"logo": sample_images.make_png(20, 10, "RGBA")} if "logo" in pipeline.model_dump_json() else {}
    data = (PHOTOS / name).read_bytes()
    with sandbox() as made_in:  # as the worker does: outside of it, AVIF is written by several threads, otherwise
        rendered = made_in.render(data, pipeline, LIMITS, assets)
    raw = RawImage(
        key="raw/api/X",
        size=len(data),
        format=rendered.format,
        digest=digest(data),
        width=rendered.width,
        height=rendered.height,
    )
    outputs = tuple(
        ProcessedImage(
            name=output.name,
            key=f"processed/X/1/{output.name}",
            size=len(encoded.data),
            width=encoded.width,
            height=encoded.height,
            format=encoded.image_format.name,
            media_type=encoded.image_format.media_type,
            digest=digest(encoded.data),
        )
        for output, encoded in rendered.outputs
    )
    pins = tuple(AssetPin(each, digest(asset)) for each, asset in assets.items())
    job = replace(make_processing_job(), pipeline=pipeline, assets=pins)
    job = job.complete(raw=raw, outputs=outputs, warnings=rendered.warnings, now=LATER)
    receipt = build_receipt(job, rendered.software, rendered.sandbox, LIMITS, started_at=NOW)
    assert receipt is not None
    stored = {output.name: encoded.data for output, encoded in rendered.outputs}
    return receipt, Evidence(data, stored, assets)


def states(receipt: str, evidence: Evidence, **changes: Any) -> Mapping[str, FindingState]:
    """Verify a receipt with some changed members; return the states by name."""
    document = json.loads(receipt) | changes
    findings: list[Finding] = verify({"digest": digest_receipt(receipt), "receipt": document}, evidence, {})
    return {each.what: each.state for each in findings}


@pytest.mark.parametrize(
    "name", every(4, ["astronaut.jpg", "coffee-sideways.jpg", "horse-transparent.png", "cat.webp"])
)
def test_a_receipt_is_reproduced_bit_for_bit_in_every_format(name: str) -> None:
    """Images of every kind, rendered again from the receipt in a sandbox."""
    found = states(*made(name))
    assert set(found.values()) == {FindingState.SAME}
    assert {each for each in found if each.startswith("again")} == {f"again {each.value}" for each in OutputFormat}


def test_assets_are_needed_with_the_job_s_content() -> None:
    """Without the watermark's file, or with another, the outputs are not rendered."""
    pipeline = Pipeline(operations=(Resize(width=90, height=90), Watermark(image="logo")))
    receipt, evidence = made("astronaut.jpg", pipeline)
    assert states(receipt, evidence)["again image"] is FindingState.SAME
    for assets in ({}, {"logo": sample_images.make_png(21, 10)}):
        assert states(receipt, replace(evidence, assets=assets))["again image"] is FindingState.NOT_DONE


def test_a_changed_output_is_reported() -> None:
    """The receipt can still be reproduced from the raw image."""
    receipt, evidence = made("astronaut.jpg")
    changed = {**evidence.outputs, "png": sample_images.make_png(), "webp": None}
    found = states(receipt, replace(evidence, outputs=changed))
    assert (found["output png"], found["output webp"]) == (FindingState.CHANGED, FindingState.MISSING)
    assert (found["again png"], found["again webp"], found["output jpeg"]) == (FindingState.SAME,) * 3


@pytest.mark.parametrize(
    ("raw", "state"), [(None, FindingState.MISSING), (sample_images.make_jpeg(), FindingState.CHANGED)]
)
def test_a_changed_raw_image_is_reported(raw: bytes | None, state: FindingState) -> None:
    """The outputs are not rendered."""
    receipt, evidence = made("astronaut.jpg")
    found = states(receipt, replace(evidence, raw=raw))
    assert (found["raw"], found["again png"], found["output png"]) == (state, FindingState.NOT_DONE, FindingState.SAME)


def test_a_changed_receipt_has_another_digest() -> None:
    """Any changed member changes the digest."""
    receipt, evidence = made("astronaut.jpg")
    assert states(receipt, evidence, started_at="2020-01-01T00:00:00.000Z")["receipt"] is FindingState.CHANGED


def test_differing_software_is_named() -> None:
    """The files are still compared."""
    receipt, evidence = made("astronaut.jpg")
    then = json.loads(receipt)["software"] | {"pillow": "1.1.7", "gone": "3"}
    document = {"digest": "", "receipt": json.loads(receipt) | {"software": then}}
    (told,) = [each for each in verify(document, evidence, {}) if each.what == "software"]
    assert told.state is FindingState.OTHER
    assert "gone 3 then, absent now; pillow 1.1.7 then" in told.detail


def test_equal_pixels_differ_from_other_pixels() -> None:
    """A repacked PNG has equal pixels; one with an extra dot does not."""
    receipt, evidence = made("astronaut.jpg")
    image = sample_images.decode(evidence.outputs["png"] or b"")
    packed = sample_images.encode(image, "PNG", compress_level=1)
    dotted = image.copy()
    dotted.putpixel((5, 5), (255, 0, 255))
    outputs = json.loads(receipt)["outputs"]
    for data, state in (
        (packed, FindingState.EQUAL_PIXELS),
        (sample_images.encode(dotted, "PNG"), FindingState.DIFFERENT),
    ):
        then = [each | {"digest": digest(data)} if each["name"] == "png" else each for each in outputs]
        stored = replace(evidence, outputs={**evidence.outputs, "png": data})
        found = states(receipt, stored, outputs=then)
        assert (found["output png"], found["again png"]) == (FindingState.SAME, state)


def test_all_frames_are_compared() -> None:
    """A difference in the second frame counts."""
    frames = [Image.new("RGB", (40, 30), color) for color in ("red", "green", "blue")]
    pipeline = Pipeline(outputs=(Output(format=OutputFormat.WEBP),))
    files = [
        sample_images.encode(frames[0], "WEBP", save_all=True, append_images=rest, lossless=True, duration=100)
        for rest in (frames[1:], [frames[1], frames[0]])
    ]
    rendered = [render(each, pipeline, LIMITS).outputs[0][1].data for each in files]
    receipt, evidence = made("astronaut.jpg", pipeline)
    outputs = json.loads(receipt)["outputs"]
    document = json.loads(receipt)
    raw = document["raw"] | {"digest": digest(files[0])}
    for data, state in ((rendered[0], FindingState.SAME), (rendered[1], FindingState.DIFFERENT)):
        then = [outputs[0] | {"digest": digest(data)}]
        found = states(receipt, Evidence(files[0], {"image": data}, {}), raw=raw, outputs=then)
        assert found["again image"] is state
    assert evidence.raw is not None


@pytest.mark.parametrize("document", [{}, {"receipt": []}, {"receipt": {"form": 2}}, {"receipt": {"form": 1}}])
def test_an_unreadable_receipt_is_an_error(document: dict[str, Any]) -> None:
    """Another document, or an unknown form."""
    with pytest.raises(ReceiptUnreadable):
        verify(document, Evidence(None, {}, {}), {})
