"""``POST /v1/uploads/sign`` on moto: the requests that Uppy 6 passes to ``signRequest``, and its sequence of them."""

from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import BUCKET, Cloud
from support.multipart import PART, get_key, list_uploads, read_signed, send_part

from shared.jobs.job import JobStatus

JPEG = sample_images.make_jpeg()
FILE = JPEG + bytes(PART + 1000 - len(JPEG))


def ask(cloud: Cloud, query: dict[str, str] | None = None, **request: Any) -> dict[str, Any]:
    """Sign a request."""
    answer = cloud.post("/v1/uploads/sign", request, query=query or {})
    assert answer.status == 200, answer.text
    signed: dict[str, Any] = answer.json
    return signed


def start(cloud: Cloud) -> dict[str, Any]:
    """Start a multipart upload as Uppy does. Return its key and ID."""
    signed = ask(cloud, method="POST", key="scan.jpg", size=len(FILE), contentType="image/jpeg", width=20)
    assert read_signed(signed["url"])["X-Amz-SignedHeaders"] == "content-type;host"
    assert signed["headers"] == {"Content-Type": "image/jpeg"}
    started = cloud.clients.s3.create_multipart_upload(
        Bucket=BUCKET, Key=get_key(signed["url"]), ContentType="image/jpeg"
    )
    return {"key": signed["key"], "uploadId": started["UploadId"]}


def test_multipart_upload_of_uppy(cloud: Cloud) -> None:
    """Uppy starts, sends, lists and completes in S3 itself; S3's event starts the job."""
    upload = start(cloud)
    etags = []
    for number, data in ((1, FILE[:PART]), (2, FILE[PART:])):
        part = ask(cloud, method="PUT", partNumber=number, **upload)
        assert read_signed(part["url"])["X-Amz-SignedHeaders"] == "content-length;host"
        etags.append(send_part(cloud, part, data))
    assert read_signed(ask(cloud, method="GET", **upload)["url"])["uploadId"] == upload["uploadId"]
    end = ask(cloud, method="POST", **upload)
    assert get_key(end["url"]) == upload["key"]
    parts: Any = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(etags, 1)]
    cloud.clients.s3.complete_multipart_upload(
        Bucket=BUCKET, Key=upload["key"], UploadId=upload["uploadId"], MultipartUpload={"Parts": parts}
    )
    assert cloud.deliver_s3_events(upload["key"]) == []
    job = cloud.job(end["job_id"])
    assert (job.status, job.filename, job.outputs[0].width) == (JobStatus.COMPLETED, "scan.jpg", 20)
    assert cloud.count() == 1


def test_completion_is_signed_only_with_all_parts(cloud: Cloud) -> None:
    """S3 would accept a file without its last parts."""
    upload = start(cloud)
    send_part(cloud, ask(cloud, method="PUT", partNumber=1, **upload), FILE[:PART])
    answer = cloud.post("/v1/uploads/sign", {"method": "POST", **upload})
    assert (answer.status, answer.json["code"]) == (409, "PARTS_MISSING")


def test_single_put_is_bound_to_the_size(cloud: Cloud) -> None:
    """With a size, Uppy sends one PUT."""
    signed = ask(cloud, method="PUT", key="a.jpg", contentType="image/jpeg", size=len(JPEG))
    assert signed["fields"] is None
    assert signed["headers"] == {"Content-Type": "image/jpeg", "If-None-Match": "*"}
    assert read_signed(signed["url"])["X-Amz-SignedHeaders"] == "content-length;content-type;host;if-none-match"
    cloud.store(signed["key"], JPEG)
    assert cloud.deliver_s3_events(signed["key"]) == []
    assert cloud.job(signed["job_id"]).status is JobStatus.COMPLETED


def test_single_upload_without_size_is_a_form(cloud: Cloud) -> None:
    """Uppy's request alone has no size. Uppy sends the form with the fields, and S3 limits the size."""
    signed = ask(cloud, {"preset": "thumbnail"}, method="PUT", key="a.jpg", contentType="image/jpeg")
    assert signed["headers"] is None
    assert signed["fields"]["key"] == signed["key"]
    cloud.store(signed["key"], JPEG)
    assert cloud.deliver_s3_events(signed["key"]) == []
    job = cloud.job(signed["job_id"])
    assert (job.status, job.preset and job.preset.name) == (JobStatus.COMPLETED, "thumbnail")


def test_only_the_key_of_the_job_is_signed(cloud: Cloud) -> None:
    """Not that of a member of a batch with the same ID."""
    upload = start(cloud)
    other = upload | {"key": upload["key"].replace("raw/direct/", "raw/bulk/")}
    for method, more in (("PUT", {"partNumber": 1}), ("GET", {}), ("DELETE", {})):
        answer = cloud.post("/v1/uploads/sign", {"method": method, **other, **more})
        assert (answer.status, answer.json["code"]) == (404, "JOB_NOT_FOUND"), method
    assert cloud.job(upload["key"].rpartition("/")[2]).status is JobStatus.AWAITING_UPLOAD


def test_cancellation_in_uppy_cancels_the_job(cloud: Cloud) -> None:
    """Uppy deletes the parts with the signed request; a late request of the same upload has a code."""
    upload = start(cloud)
    signed = ask(cloud, method="DELETE", **upload)
    assert cloud.job(signed["job_id"]).status is JobStatus.CANCELLED
    query = read_signed(signed["url"])
    cloud.clients.s3.abort_multipart_upload(Bucket=BUCKET, Key=get_key(signed["url"]), UploadId=query["uploadId"])
    assert list_uploads(cloud) == []
    late = cloud.post("/v1/uploads/sign", {"method": "PUT", "partNumber": 1, **upload})
    assert (late.status, late.json["code"]) == (409, "NOT_AWAITING_UPLOAD")


@pytest.mark.parametrize(
    ("request_body", "code"),
    [
        ({"method": "POST", "key": "a.jpg"}, "INVALID_REQUEST"),
        ({"method": "GET", "key": "a.jpg"}, "INVALID_REQUEST"),
        ({"method": "DELETE", "key": "a.jpg"}, "INVALID_REQUEST"),
        ({"method": "PUT", "key": "a.jpg", "partNumber": 1}, "INVALID_REQUEST"),
        ({"method": "PUT", "key": "a.jpg", "uploadId": "u"}, "INVALID_REQUEST"),
        ({"method": "PUT", "key": "raw/api/x", "uploadId": "u", "partNumber": 1}, "JOB_NOT_FOUND"),
        ({"method": "PUT", "key": "a.svg", "contentType": "image/svg+xml"}, "UNSUPPORTED_TYPE"),
        ({"method": "PUT", "key": "a.jpg", "size": 10**12}, "TOO_MANY_BYTES"),
        ({"method": "PUT", "key": "a.jpg", "widht": 5}, "INVALID_REQUEST"),
        ({"key": "a.jpg"}, "INVALID_REQUEST"),
    ],
)
def test_wrong_request_is_not_signed(cloud: Cloud, request_body: dict[str, Any], code: str) -> None:
    """It has a code, and makes no job."""
    answer = cloud.post("/v1/uploads/sign", request_body)
    assert answer.json["code"] == code
    assert cloud.count() == 0


def test_repeated_first_request_makes_one_job(cloud: Cloud) -> None:
    """With an Idempotency-Key, a retry in Uppy sends the same file to the same key."""
    body, headers = {"method": "PUT", "key": "a.jpg", "size": 10}, {"Idempotency-Key": "file-1"}
    first, second = (cloud.post("/v1/uploads/sign", body, headers=headers).json for _ in range(2))
    assert (first["key"], cloud.count()) == (second["key"], 1)
