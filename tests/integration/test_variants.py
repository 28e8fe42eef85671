"""Jobs with several sizes and formats on moto: requests, results, receipts, events and limits."""

import json
from typing import Any

import pytest
from PIL import Image
from support import sample_images
from support.moto_cloud import BUCKET, TABLE, Cloud

from worker.receipt_check import Evidence, FindingState, verify

RESPONSIVE = {"widths": [40, 80, 5000], "formats": ["webp", "jpeg"], "quality": {"jpeg": 70}}
NAMES = ["w40-webp", "w40-jpeg", "w80-webp", "w80-jpeg"]
FACTS = ("name", "format", "media_type", "width", "height")


def complete(cloud: Cloud, pipeline: dict[str, Any] | None = None, **query: str) -> Any:
    """Create and process a job for an image of 120 × 90 pixels. Return it."""
    query |= {} if pipeline is None else {"pipeline": json.dumps(pipeline)}
    job = cloud.submit(sample_images.make_jpeg(120, 90), query=query)
    assert cloud.deliver(cloud.receive()) == []
    return cloud.call("GET", f"/v1/jobs/{job['id']}").json


def read_output(cloud: Cloud, key: str) -> bytes:
    """Return a stored object."""
    return cloud.clients.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def test_query_asks_for_widths_and_formats(cloud: Cloud) -> None:
    """The job has one output for each, in color, and the widths that would enlarge the image are listed."""
    job = complete(cloud, widths="40,80,5000", formats="WEBP, jpg", quality="70")
    assert job["status"] == "COMPLETED", job
    assert job["pipeline"]["responsive"] == RESPONSIVE | {"quality": {"jpeg": 70, "webp": 70, "avif": None}}
    result = job["result"]
    assert [(each["name"], each["width"], each["height"]) for each in result["outputs"]] == [
        ("w40-webp", 40, 30),
        ("w40-jpeg", 40, 30),
        ("w80-webp", 80, 60),
        ("w80-jpeg", 80, 60),
    ]
    assert result["skipped"] == [
        {"name": f"w5000-{name.lower()}", "width": 5000, "format": name, "reason": reason}
        for reason in ["The image is 120 pixels wide and is not enlarged."]
        for name in ("WEBP", "JPEG")
    ]
    assert job["key"] == result["outputs"][0]["key"]
    for output in result["outputs"]:
        image = sample_images.decode(read_output(cloud, output["key"]))
        assert (image.size, image.mode) == ((output["width"], output["height"]), "RGB")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"widths": "40,wide"}, "/widths/1"),
        ({"widths": ""}, "/widths/0"),
        ({"widths": "40,40"}, ""),
        ({"widths": "40", "formats": "svg"}, "/formats/0"),
        ({"formats": "webp"}, "/formats"),
        ({"widths": "40", "width": "40"}, "/width"),
        ({"widths": "40", "formats": "webp", "format": "png"}, "/format"),
        ({"widths": "40", "quality": "70"}, "/quality"),
        ({"widths": "40", "formats": "jpeg", "quality": "101"}, "/quality/jpeg"),
        ({"widths": "40", "preset": "web"}, ""),
    ],
)
def test_invalid_shorthand_names_its_field(cloud: Cloud, query: dict[str, str], pointer: str) -> None:
    """Each is 422 with a pointer, and no job is created."""
    answer = cloud.call("POST", "/v1/jobs", sample_images.make_jpeg(), query=query)
    assert (answer.status, answer.json["code"]) == (422, "INVALID_PIPELINE"), answer.text
    assert pointer in {each["pointer"] for each in answer.json["errors"]}
    assert cloud.count() == 0


@pytest.mark.parametrize(
    "pipeline",
    [
        {"responsive": RESPONSIVE},
        {"responsive": {"widths": [500, 900], "formats": ["png"]}},
        {"operations": [{"op": "rotate", "angle": 90}], "responsive": RESPONSIVE},
        {"operations": [{"op": "crop", "width": 60, "height": 50}], "responsive": RESPONSIVE},
        {
            "operations": [{"op": "flip"}],
            "outputs": [
                {"name": "card", "operations": [{"op": "resize", "width": 30, "height": 30, "fit": "cover"}]},
                {"name": "wide", "operations": [{"op": "pad", "left": 9}, {"op": "resize", "width": 77}]},
                {"name": "full", "format": "webp"},
            ],
            "responsive": RESPONSIVE,
        },
    ],
)
def test_plan_predicts_every_output(cloud: Cloud, pipeline: dict[str, Any]) -> None:
    """Names, formats, exact sizes and skipped outputs."""
    facts = {"width": 120, "height": 90, "format": "JPEG", "pipeline": pipeline}
    planned = cloud.post("/v1/plan", facts).json
    job = complete(cloud, pipeline)
    assert [{name: each[name] for name in FACTS} for each in planned["outputs"]] == [
        {name: each[name] for name in FACTS} for each in job["result"]["outputs"]
    ]
    assert planned["skipped"] == job["result"]["skipped"]
    assert all(each["exact"] for each in planned["outputs"])


def test_receipt_covers_every_output(cloud: Cloud) -> None:
    """Rendering again gives the same files."""
    job = complete(cloud, {"responsive": RESPONSIVE})
    document = cloud.call("GET", f"/v1/jobs/{job['id']}/receipt").json
    assert [each["name"] for each in document["receipt"]["outputs"]] == NAMES
    outputs = {each["name"]: read_output(cloud, each["key"]) for each in job["result"]["outputs"]}
    findings = verify(document, Evidence(sample_images.make_jpeg(120, 90), outputs, {}), {})
    assert {each.what: each.state for each in findings} == {
        "receipt": FindingState.SAME,
        "raw": FindingState.SAME,
        "software": FindingState.SAME,
        **{f"output {name}": FindingState.SAME for name in NAMES},
        **{f"again {name}": FindingState.SAME for name in NAMES},
    }


def test_result_has_markup(cloud: Cloud) -> None:
    """With links to the API. A list leaves it out."""
    job = complete(cloud, {"responsive": RESPONSIVE}, filename='"><b>.jpg')
    links, markup = job["links"]["outputs"], job["result"]["markup"]
    assert markup["srcset"] == {
        "webp": f"{links['w40-webp']} 40w, {links['w80-webp']} 80w",
        "jpeg": f"{links['w40-jpeg']} 40w, {links['w80-jpeg']} 80w",
    }
    assert "<b>" not in markup["picture"]
    (listed,) = cloud.call("GET", "/v1/jobs").json["jobs"]
    assert listed["result"]["markup"] is None
    assert len(listed["result"]["outputs"]) == len(NAMES)


def test_every_output_has_its_link(cloud: Cloud) -> None:
    """A name that was skipped does not exist."""
    job = complete(cloud, {"responsive": RESPONSIVE})
    for name in NAMES:
        answer = cloud.call("GET", f"/v1/jobs/{job['id']}/outputs/{name}", query={"redirect": "false"})
        assert (answer.status, name in answer.json["url"]) == (200, True)
    assert cloud.call("GET", f"/v1/jobs/{job['id']}/outputs/w5000-webp").json["code"] == "OUTPUT_NOT_FOUND"


def test_failure_of_one_output_fails_the_job(cloud: Cloud) -> None:
    """The message names the output, and nothing is stored."""
    outside = {"op": "crop", "x": 9000, "y": 0, "width": 5, "height": 5}
    pipeline = {"outputs": [{"name": "full"}, {"name": "card", "operations": [outside]}]}
    job = complete(cloud, pipeline)
    assert (job["status"], job["error"]["code"], job["result"]) == ("FAILED", "OUTSIDE_IMAGE", None)
    assert job["error"]["message"].startswith("Output card: ")
    assert not any("processed/" in key for key in list(cloud.keys()))


def test_event_lists_every_output(cloud: Cloud) -> None:
    """With name, format and size."""
    job = complete(cloud, {"responsive": RESPONSIVE})
    assert cloud.notify(cloud.make_stream_record(job["id"])) == []
    (event,) = cloud.receive_events()
    assert [each["name"] for each in event["data"]["outputs"]] == NAMES


def test_record_stays_small(cloud: Cloud) -> None:
    """24 outputs and their receipt take less than 8 KiB."""
    widths = [20, 30, 40, 50, 60, 70, 80, 90]
    job = complete(cloud, {"responsive": {"widths": widths, "formats": ["png", "webp", "jpeg"]}})
    assert len(job["result"]["outputs"]) == 24
    wire = cloud.clients.dynamodb.get_item(TableName=TABLE, Key={"ID": {"S": job["id"]}})["Item"]
    assert len(json.dumps(wire, default=lambda value: bytes(value).hex())) < 12_000
    assert cloud.call("GET", f"/v1/jobs/{job['id']}/receipt").status == 200


def test_preset_and_batch_have_variants(cloud: Cloud) -> None:
    """A preset with responsive outputs applies to the members of a batch."""
    body = json.dumps({"pipeline": {"responsive": RESPONSIVE}})
    created = cloud.call("PUT", "/v1/presets/photos", body, headers={"Content-Type": "application/json"})
    assert created.status == 201, created.text
    key = cloud.submit(sample_images.make_jpeg(120, 90))["id"]
    assert cloud.deliver(cloud.receive()) == []
    answer = cloud.post("/v1/batches", {"preset": "photos", "backfill": {}})
    assert answer.status == 202, answer.text
    assert cloud.call("POST", f"/v1/batches/{answer.json['batch']['id']}/backfill").json["backfill"]["complete"]
    assert cloud.deliver(cloud.receive(cloud.bulk_queue_url)) == []
    (job,) = cloud.call("GET", f"/v1/batches/{answer.json['batch']['id']}/items").json["items"]
    assert job["id"] != key
    assert [each["name"] for each in job["result"]["outputs"]] == NAMES
    assert job["preset"] == {"name": "photos", "version": 1}


EXPENSIVE = {"responsive": {"widths": list(range(3000, 3020)), "formats": ["avif", "png"]}}


def test_too_much_work_is_refused_when_it_is_sent(cloud: Cloud) -> None:
    """Jobs, presets, batches, uploads and plans name the field, the estimate, the limit and a remedy."""
    image = sample_images.encode(Image.new("RGB", (4000, 3000)), "JPEG")
    job = cloud.call("POST", "/v1/jobs", image, query={"pipeline": json.dumps(EXPENSIVE)})
    body = json.dumps({"pipeline": EXPENSIVE})
    answers = [
        job,
        cloud.call("PUT", "/v1/presets/heavy", body, headers={"Content-Type": "application/json"}),
        cloud.post("/v1/batches", {"pipeline": EXPENSIVE}),
        cloud.post("/v1/uploads", {"content_type": "image/jpeg", "pipeline": EXPENSIVE}),
        cloud.post("/v1/plan", {"width": 4000, "height": 3000, "format": "JPEG", "pipeline": EXPENSIVE}),
    ]
    for answer in answers:
        assert (answer.status, answer.json["code"]) == (422, "INVALID_PIPELINE"), answer.text
        (error,) = answer.json["errors"]
        assert error["pointer"] == "/pipeline/responsive"
        assert "4000 × 3000 pixels take about" in error["detail"]
        assert "at most 15 s are allowed. Use fewer or smaller outputs" in error["detail"]
    assert cloud.count() == 0


def test_small_image_may_have_a_pipeline_that_is_too_much_for_a_large_one(cloud: Cloud) -> None:
    """The estimate uses the size of the image in the request."""
    assert complete(cloud, EXPENSIVE)["status"] == "COMPLETED"
