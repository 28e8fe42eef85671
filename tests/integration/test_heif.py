"""HEIC images from the request to the result, and the setting that turns them off."""

import base64
import json
from typing import Any

import pytest
from support import heif_boxes
from support.heif_images import read_heif
from support.moto_cloud import Cloud

PHOTO = read_heif("orientation-6")
PIPELINE = {"operations": [{"op": "resize", "width": 24}], "output": {"format": "jpeg"}}


@pytest.fixture
def off(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A stack that does not accept HEIC."""
    monkeypatch.setenv("HEIF_INPUT", "off")
    return cloud


def run_upload(cloud: Cloud, data: bytes, media_type: str) -> Any:
    """Upload a file to S3 and return its job after the worker has seen it."""
    job = cloud.create_upload(content_type=media_type)
    cloud.store(job["upload"]["fields"]["key"], data)
    assert cloud.deliver_s3_events(job["upload"]["fields"]["key"]) == []
    return cloud.call("GET", f"/v1/jobs/{job['id']}").json


def create_plan(cloud: Cloud, data: bytes) -> Any:
    """Return the plan for a file."""
    return cloud.post("/v1/plan", {"head": base64.b64encode(data).decode(), "pipeline": PIPELINE}).json


def test_a_photo_is_processed_as_planned(cloud: Cloud) -> None:
    """The plan knows the upright size from the header. Job, link and receipt name the format."""
    job = cloud.submit(PHOTO, query={"filename": "IMG_1.HEIC", "pipeline": json.dumps(PIPELINE)})
    assert cloud.deliver(cloud.receive()) == []
    done = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    assert done["status"] == "COMPLETED"
    assert (done["raw"]["format"], done["raw"]["width"], done["raw"]["height"]) == ("HEIC", 48, 64)
    (output,) = done["result"]["outputs"]
    planned = create_plan(cloud, PHOTO)
    assert planned["picture"]["format"] == "HEIC"
    assert (output["width"], output["height"]) == tuple(planned["outputs"][0][side] for side in ("width", "height"))
    link = cloud.call("GET", f"/v1/jobs/{job['id']}/raw", query={"redirect": "false"}).json
    assert (link["media_type"], link["filename"]) == ("image/heic", "IMG_1.HEIC")
    receipt = cloud.call("GET", f"/v1/jobs/{job['id']}/receipt").json["receipt"]
    assert (receipt["raw"]["format"], "libheif" in receipt["software"]) == ("HEIC", True)


@pytest.mark.parametrize("media_type", ["image/heic", "image/heif", "application/octet-stream"])
def test_a_photo_is_uploaded_with_any_of_its_types(cloud: Cloud, media_type: str) -> None:
    """Android declares image/heif."""
    assert run_upload(cloud, PHOTO, media_type)["status"] == "COMPLETED"


def test_another_codec_is_refused_with_a_remedy(cloud: Cloud) -> None:
    """The job says which codec the file has."""
    job = run_upload(cloud, heif_boxes.make_heif({1: b"avc1"}, brand=b"mif1"), "image/heif")
    assert (job["status"], job["error"]["code"]) == ("FAILED", "UNSUPPORTED_FLAVOR")
    assert "AVC" in job["error"]["message"]


def test_requests_are_refused_while_heic_is_off(off: Cloud) -> None:
    """The error names the setting. The capabilities list HEIC as not available."""
    for answer in (
        off.call("POST", "/v1/jobs", PHOTO, headers={"Content-Type": "image/heic"}),
        off.post("/v1/uploads", {"content_type": "image/heif"}),
    ):
        assert (answer.status, answer.json["code"]) == (415, "UNSUPPORTED_TYPE")
        assert "HeifInput" in answer.json["detail"]
    capabilities = off.call("GET", "/v1/capabilities").json
    assert "HEIC" not in {each["format"] for each in capabilities["inputs"]}
    assert "HEIC" in {each["format"] for each in capabilities["not_available"]}


def test_a_job_fails_as_planned_while_heic_is_off(off: Cloud) -> None:
    """An upload of any type is refused by the worker."""
    job = run_upload(off, PHOTO, "application/octet-stream")
    assert (job["status"], job["error"]["code"]) == ("FAILED", "UNSUPPORTED_FLAVOR")
    assert "HeifInput" in job["error"]["message"]
    assert create_plan(off, PHOTO)["failure"]["code"] == "UNSUPPORTED_FLAVOR"
