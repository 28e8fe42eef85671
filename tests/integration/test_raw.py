"""The way back to the image as it was sent."""

import json
from urllib.parse import parse_qs, urlsplit

import boto3
from support import sample_images
from support.moto_cloud import BUCKET, Cloud


def test_the_raw_image_comes_back_as_it_was(cloud: Cloud) -> None:
    """The link leads to the very bytes, of the type that their content has, under the name that they came with."""
    data = sample_images.jpeg()
    job = cloud.submit(data, query={"filename": "holiday.txt"})
    answer = cloud.call("GET", f"/v1/jobs/{job['id']}/raw", query={"redirect": "false"})
    assert (answer.status, answer.json["size"], answer.json["media_type"]) == (200, len(data), "image/jpeg")
    link = urlsplit(answer.json["url"])
    asked = parse_qs(link.query)
    assert asked["response-content-type"] == ["image/jpeg"]
    assert asked["response-content-disposition"][0].startswith('attachment; filename="holiday.txt"')
    key = link.path.lstrip("/").removeprefix(f"{BUCKET}/")
    assert boto3.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read() == data


def test_it_redirects_unless_told_otherwise(cloud: Cloud) -> None:
    """Without a word the answer is a redirect, as for results."""
    job = cloud.submit(sample_images.jpeg())
    answer = cloud.call("GET", f"/v1/jobs/{job['id']}/raw")
    assert (answer.status, answer.headers["Location"]) == (303, answer.json["url"])


def test_what_nobody_has_read_is_not_shown(cloud: Cloud) -> None:
    """A job that waits for its bytes has no image to show yet."""
    wanted = {"filename": "a.jpg", "content_type": "image/jpeg"}
    job = cloud.call("POST", "/v1/uploads", json.dumps(wanted), headers={"Content-Type": "application/json"}).json
    answer = cloud.call("GET", f"/v1/jobs/{job['id']}/raw")
    assert (answer.status, answer.json["code"]) == (409, "RESULT_NOT_READY")


def test_another_callers_picture_does_not_exist(cloud: Cloud) -> None:
    """Who asks for an image of another's learns nothing, not even that it is there."""
    job = cloud.submit(sample_images.jpeg(), identity={"userArn": "arn:aws:iam::1:user/ann"})
    answer = cloud.call("GET", f"/v1/jobs/{job['id']}/raw", identity={"userArn": "arn:aws:iam::1:user/bob"})
    assert (answer.status, answer.json["code"]) == (404, "JOB_NOT_FOUND")
