"""Links to the raw image."""

import json
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from support import sample_images
from support.moto_cloud import BUCKET, Cloud


def test_link_returns_the_raw_image(cloud: Cloud) -> None:
    """The link has the uploaded bytes, the type of their content and the original file name."""
    data = sample_images.make_jpeg()
    job = cloud.submit(data, query={"filename": "holiday.JPEG"})
    answer = cloud.call("GET", f"/v1/jobs/{job['id']}/raw", query={"redirect": "false"})
    assert (answer.status, answer.json["size"], answer.json["media_type"]) == (200, len(data), "image/jpeg")
    link = urlsplit(answer.json["url"])
    query = parse_qs(link.query)
    assert query["response-content-type"] == ["image/jpeg"]
    assert query["response-content-disposition"][0].startswith('attachment; filename="holiday.JPEG"')
    key = link.path.lstrip("/").removeprefix(f"{BUCKET}/")
    assert boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() == data


@pytest.mark.parametrize(
    ("filename", "data", "name"),
    [
        ("holiday.txt", sample_images.make_jpeg(), "holiday.jpg"),
        ("holiday.jpg", sample_images.make_png(), "holiday.png"),
        ("holiday", sample_images.make_png(), "holiday.png"),
        ("scan.tiff", sample_images.make_jpeg(), "scan.jpg"),
        ("photo.jpe", sample_images.make_jpeg(), "photo.jpe"),
    ],
)
def test_extension_of_the_link_follows_the_content(cloud: Cloud, filename: str, data: bytes, name: str) -> None:
    """The extension that the caller gave stays only if it is usual for the detected format."""
    job = cloud.submit(data, query={"filename": filename})
    assert cloud.call("GET", f"/v1/jobs/{job['id']}/raw", query={"redirect": "false"}).json["filename"] == name
    assert cloud.call("GET", f"/v1/jobs/{job['id']}").json["filename"] == filename


def test_extension_of_an_upload_of_any_type_follows_the_content(cloud: Cloud) -> None:
    """The name of an upload without a declared format ends in .bin, the link's in the extension of the content."""
    job = cloud.create_upload(content_type="application/octet-stream")
    assert job["filename"] == f"{job['id']}.bin"
    cloud.store(job["upload"]["fields"]["key"], sample_images.make_png())
    cloud.deliver_s3_events(job["upload"]["fields"]["key"])
    answer = cloud.call("GET", f"/v1/jobs/{job['id']}/raw", query={"redirect": "false"})
    assert answer.json["filename"] == f"{job['id']}.png"


def test_raw_image_redirects_by_default(cloud: Cloud) -> None:
    """As for results, the default response is a redirect."""
    job = cloud.submit(sample_images.make_jpeg())
    answer = cloud.call("GET", f"/v1/jobs/{job['id']}/raw")
    assert (answer.status, answer.headers["Location"]) == (303, answer.json["url"])


def test_unread_upload_has_no_raw_image(cloud: Cloud) -> None:
    """A job that awaits its bytes has no image yet."""
    upload = {"filename": "a.jpg", "content_type": "image/jpeg"}
    job = cloud.call("POST", "/v1/uploads", json.dumps(upload), headers={"Content-Type": "application/json"}).json
    answer = cloud.call("GET", f"/v1/jobs/{job['id']}/raw")
    assert (answer.status, answer.json["code"]) == (409, "RESULT_NOT_READY")


@pytest.mark.parametrize("content_type", ["image/jpeg", "application/octet-stream"])
def test_confirmed_upload_has_no_raw_image_until_it_is_read(cloud: Cloud, content_type: str) -> None:
    """Its bytes may be anything. Nor does a job have one that ended before a worker read them."""
    read, unread = (cloud.create_upload(content_type=content_type) for _ in range(2))
    for job in (read, unread):
        cloud.store(job["upload"]["fields"]["key"], sample_images.make_jpeg())
        assert cloud.call("POST", f"/v1/uploads/{job['id']}/confirm").json["status"] == "PENDING"
        answer = cloud.call("GET", f"/v1/jobs/{job['id']}/raw")
        assert (answer.status, answer.json["code"]) == (409, "RESULT_NOT_READY")
        assert "Location" not in answer.headers
    assert cloud.call("POST", f"/v1/jobs/{unread['id']}/cancel").json["status"] == "CANCELLED"
    answer = cloud.call("GET", f"/v1/jobs/{unread['id']}/raw")
    assert (answer.status, answer.json["code"]) == (409, "JOB_FAILED")
    cloud.deliver(cloud.receive())
    assert cloud.call("GET", f"/v1/jobs/{read['id']}/raw").status == 303


def test_bytes_that_are_no_image_have_no_raw_image(cloud: Cloud) -> None:
    """A link to a page of a stranger would have the name of this service."""
    job = cloud.create_upload(content_type="application/octet-stream")
    cloud.store(job["upload"]["fields"]["key"], b"<script>alert(1)</script>")
    cloud.deliver_s3_events(job["upload"]["fields"]["key"])
    answer = cloud.call("GET", f"/v1/jobs/{job['id']}/raw")
    assert (answer.status, answer.json["code"]) == (409, "JOB_FAILED")


def test_another_callers_raw_image_is_not_found(cloud: Cloud) -> None:
    """The response does not reveal that the job exists."""
    job = cloud.submit(sample_images.make_jpeg(), identity={"userArn": "arn:aws:iam::1:user/ann"})
    answer = cloud.call("GET", f"/v1/jobs/{job['id']}/raw", identity={"userArn": "arn:aws:iam::1:user/bob"})
    assert (answer.status, answer.json["code"]) == (404, "JOB_NOT_FOUND")
