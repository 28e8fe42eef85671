"""Everything that the worker can do with an image works in the box, where a confined child can load nothing later."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from support import sample_images
from support.heif_images import read_heif
from support.image_kinds import draw_scene, make_kinds
from support.lambda_box.box import EVERYTHING, NOTHING
from support.lambda_box.stack import BoxedStack

from shared.pipeline.image_formats import INPUT_FORMATS, detect_format
from shared.pipeline.operations import NAMES
from shared.pipeline.output import ANIMATED_FORMATS
from shared.pipeline.pipeline import OutputFormat
from worker.sandbox.confinement import LAYERS

FORMATS: Final = [each.value for each in OutputFormat]
#: Two forms of an operation: the watermark is a text or an asset.
OPERATIONS: Final[tuple[dict[str, Any], ...]] = (
    {"op": "resize", "width": 40, "height": 30, "fit": "cover"},
    {"op": "crop", "width": 40, "height": 30, "gravity": "entropy"},
    {"op": "rotate", "angle": 33.3},
    {"op": "flip", "direction": "horizontal"},
    {"op": "trim"},
    {"op": "pad", "left": 5, "background": "#123456"},
    {"op": "grayscale"},
    {"op": "adjust", "brightness": 1.2, "contrast": 0.9, "saturation": 1.5},
    {"op": "background", "color": "#ffffff"},
    {"op": "blur", "radius": 2},
    {"op": "sharpen"},
    {"op": "round_corners", "radius": 8},
    {"op": "watermark", "text": "© Ж ä"},
    {"op": "watermark", "image": "box-logo"},
)


def submit(stack: BoxedStack, data: bytes, operations: list[dict[str, Any]], formats: list[str]) -> str:
    """Create a job with an output per format."""
    outputs = [{"name": name, "format": name} for name in formats]
    return stack.submit(data, {"pipeline": {"operations": operations, "outputs": outputs}})


def test_every_kind_of_image_becomes_every_format(
    stack: BoxedStack, record_property: Callable[[str, object], None]
) -> None:
    """Each input format, color mode, depth, profile and animation, in all output formats."""
    kinds = make_kinds()
    ids = {submit(stack, kind.data, [], FORMATS): kind for kind in kinds}
    for job in stack.run_jobs(*ids):
        kind = ids[job["id"]]
        assert job["status"] == "COMPLETED", (kind.name, job)
        assert [output["name"] for output in job["result"]["outputs"]] == FORMATS
        for output in job["result"]["outputs"]:
            image = sample_images.decode(stack.read_output(output))
            assert image.size == kind.frames[0].size, (kind.name, output["name"])
            is_animated = OutputFormat(output["name"]) in ANIMATED_FORMATS
            assert getattr(image, "n_frames", 1) == (len(kind.frames) if is_animated else 1), (kind.name, output)
    peak = stack.box("worker").group.read_peak_bytes() / 1024**2
    record_property("shown", f"worker: {len(kinds)} kinds of images in {len(FORMATS)} formats, peak {peak:.0f} MiB")


@pytest.mark.parametrize("name", ["scene", "alpha", "ten-bits", "grid"])
def test_heif_images_are_decoded(stack: BoxedStack, name: str) -> None:
    """The library that decodes them is loaded before the child is confined."""
    (job,) = stack.run_jobs(submit(stack, read_heif(name), [], FORMATS))
    assert job["status"] == "COMPLETED", job
    images = [sample_images.decode(stack.read_output(output)) for output in job["result"]["outputs"]]
    assert len({image.size for image in images}) == 1
    assert len(images) == len(FORMATS)


def test_every_input_format_is_covered() -> None:
    """A new input format needs a file here."""
    found = {detect_format(kind.data) for kind in make_kinds()} | {detect_format(read_heif("scene"))}
    assert {each.name for each in found if each} == {each.name for each in INPUT_FORMATS}


def test_every_operation_runs(stack: BoxedStack) -> None:
    """Also a watermark of text, whose font is a file, and of an asset."""
    assert {operation["op"] for operation in OPERATIONS} == set(NAMES)
    logo = sample_images.make_png(20, 10, "RGBA")
    stored = stack.call("PUT", "/v1/assets/box-logo", logo, headers={"Content-Type": "image/png"})
    assert stored.status in {200, 201}, stored.body
    source = sample_images.encode(draw_scene(), "PNG")
    ids = {submit(stack, source, [operation], ["png"]): operation for operation in OPERATIONS}
    for job in stack.run_jobs(*ids):
        assert job["status"] == "COMPLETED", (ids[job["id"]], job)


def test_the_largest_image_fits_into_the_memory(
    stack: BoxedStack, record_property: Callable[[str, object], None]
) -> None:
    """50 megapixels, the limit, with the memory that MemorySize gives."""
    groups = "control groups" if stack.box("worker").group.folders else "no control groups: limits of each process"
    record_property("shown", f"memory and processor time are limited by {groups}")
    job_id = submit(stack, sample_images.encode(sample_images.draw_scene(8000, 6250), "JPEG"), [], ["jpeg"])
    (job,) = stack.run_jobs(job_id)
    assert job["status"] == "COMPLETED", job


def test_missing_measures_are_reported(stack: BoxedStack) -> None:
    """The log, a metric and the receipt say that the sandbox is incomplete; only the limits are complete."""
    (job,) = stack.run_jobs(submit(stack, sample_images.make_png(), [], ["png"]))
    receipt = stack.call("GET", f"/v1/jobs/{job['id']}/receipt").json["receipt"]
    assert receipt["sandbox"] == ["limits"]
    lines = [json.loads(line) for line in stack.box("worker").read_log().splitlines() if line.startswith("{")]
    warnings = [line for line in lines if line.get("message") == "The system does not support the whole sandbox"]
    assert warnings
    assert "system_calls" in warnings[0]["missing"]
    assert any(line.get("SandboxIncomplete") for line in lines)


def test_a_required_sandbox_lets_jobs_wait(stack: BoxedStack) -> None:
    """With ``Sandbox=require``, only a system with all layers renders."""
    job_id = submit(stack, sample_images.make_png(), [], ["png"])
    event = stack.receive_with("jobs", job_id)
    message = event["Records"][0]["messageId"]
    with stack.start("worker", EVERYTHING, SANDBOX="require") as box:
        assert box.invoke(event) == {"batchItemFailures": [{"itemIdentifier": message}]}
    assert not stack.call("GET", f"/v1/jobs/{job_id}").json["done"]
    with stack.start("worker", NOTHING, SANDBOX="require") as box:
        assert box.invoke(stack.receive_with("jobs", job_id)) == {"batchItemFailures": []}
    assert stack.call("GET", f"/v1/jobs/{job_id}").json["status"] == "COMPLETED"
    receipt = stack.call("GET", f"/v1/jobs/{job_id}/receipt").json["receipt"]
    assert receipt["sandbox"] == stack.call("GET", "/v1/capabilities").json["sandbox"]["layers"] == list(LAYERS)
