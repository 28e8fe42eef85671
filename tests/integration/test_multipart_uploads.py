"""Uploads in parts on moto: signed, interrupted, continued, completed twice, aborted."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support import sample_images
from support.moto_cloud import BUCKET, Cloud
from support.multipart import PART, get_key, list_uploads, read_signed, send_part, split

import worker.reconciler
from shared.aws.s3.multipart_uploads import MultipartUploads
from shared.clock import utc_now
from shared.errors import ServiceUnavailable
from shared.jobs.job import JobStatus

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

#: A file of two parts. A JPEG ends at its marker, so the rest is ignored.
JPEG = sample_images.make_jpeg()
FILE = JPEG + bytes(PART + 1000 - len(JPEG))
OTHER = {"userArn": "arn:aws:iam::000000000000:user/other"}


def announce(cloud: Cloud, data: bytes = FILE, **fields: Any) -> dict[str, Any]:
    """Create a multipart upload of a file. Return its job."""
    return cloud.create_upload(method="multipart", size=len(data), **fields)


def sign(cloud: Cloud, job: dict[str, Any], *numbers: int) -> list[dict[str, Any]]:
    """Sign parts."""
    body = {"upload_id": job["multipart"]["upload_id"], "part_numbers": list(numbers)}
    answer = cloud.post(f"/v1/uploads/{job['id']}/parts", body)
    assert answer.status == 200, answer.text
    parts: list[dict[str, Any]] = answer.json["parts"]
    return parts


def send(cloud: Cloud, job: dict[str, Any], data: bytes = FILE) -> list["CompletedPartTypeDef"]:
    """Send all parts of a file. Return what the caller knows about them."""
    parts = split(data)
    signed = sign(cloud, job, *range(1, len(parts) + 1))
    return [
        {"PartNumber": each["PartNumber"], "ETag": send_part(cloud, each, part)}
        for each, part in zip(signed, parts, strict=True)
    ]


def complete(cloud: Cloud, job: dict[str, Any], **more: Any) -> Any:
    """Complete an upload."""
    body = {"upload_id": job["multipart"]["upload_id"], **more}
    return cloud.post(f"/v1/uploads/{job['id']}/complete", body)


def pass_time(monkeypatch: pytest.MonkeyPatch, distance: timedelta) -> None:
    """Advance the reconciler's clock."""
    reconciler = worker.reconciler.get_reconciler()
    later = replace(reconciler, clock=lambda: utc_now() + distance)
    monkeypatch.setattr(worker.reconciler, "get_reconciler", lambda: later)


def test_interrupted_upload_continues_and_makes_one_job(cloud: Cloud) -> None:
    """A client that knows only the job ID finds the parts that S3 has, and sends the others."""
    job = announce(cloud, filename="scan.jpg", digest=hashlib.sha256(FILE).hexdigest())
    assert (job["status"], job["upload"], job["put"]) == ("AWAITING_UPLOAD", None, None)
    assert (job["multipart"]["part_size"], job["multipart"]["part_count"]) == (PART, 2)
    (first,) = sign(cloud, job, 1)
    etag = send_part(cloud, first, FILE[:PART])
    again = cloud.call("POST", f"/v1/uploads/{job['id']}/form").json["multipart"]
    assert again == job["multipart"]
    listed = cloud.call("GET", f"/v1/uploads/{job['id']}/parts", query={"upload_id": again["upload_id"]}).json
    assert listed["parts"] == [{"PartNumber": 1, "ETag": etag, "Size": PART}]
    (second,) = sign(cloud, job, 2)
    send_part(cloud, second, FILE[PART:])
    done = complete(cloud, job)
    assert (done.status, done.json["status"], done.json["raw"]["size"]) == (202, "PENDING", len(FILE))
    assert cloud.deliver_s3_events(get_key(first["url"])) == []
    cloud.deliver(cloud.receive())
    ended = cloud.job(job["id"])
    assert (ended.status, ended.attempt, cloud.count()) == (JobStatus.COMPLETED, 1, 1)
    assert ended.raw.digest == hashlib.sha256(FILE).hexdigest()


def test_s3_accepts_a_part_only_with_its_size(cloud: Cloud) -> None:
    """The signature of each part covers the length of its body."""
    job = announce(cloud)
    parts = sign(cloud, job, 1, 2)
    assert [each["size"] for each in parts] == [PART, 1000]
    assert {read_signed(each["url"])["X-Amz-SignedHeaders"] for each in parts} == {"content-length;host"}
    assert [(each["method"], each["headers"]) for each in parts] == [("PUT", {})] * 2


def test_put_is_bound_to_size_type_and_digest(cloud: Cloud) -> None:
    """The signature covers the headers that bind them, and the one that refuses a second file."""
    digest = hashlib.sha256(JPEG).hexdigest()
    job = cloud.create_upload(method="put", size=len(JPEG), digest=digest)
    put = job["put"]
    assert (job["upload"], job["multipart"], put["method"], put["max_bytes"]) == (None, None, "PUT", len(JPEG))
    assert read_signed(put["url"])["X-Amz-SignedHeaders"] == (
        "content-length;content-type;host;if-none-match;x-amz-checksum-sha256"
    )
    assert put["headers"]["Content-Type"] == "image/jpeg"
    assert put["headers"]["If-None-Match"] == "*"
    cloud.store(get_key(put["url"]), JPEG)
    assert cloud.deliver_s3_events(get_key(put["url"])) == []
    assert cloud.job(job["id"]).status is JobStatus.COMPLETED
    assert cloud.call("POST", f"/v1/uploads/{job['id']}/form").json["code"] == "NOT_AWAITING_UPLOAD"


def test_signed_put_is_renewed(cloud: Cloud) -> None:
    """A new request for the same key replaces an expired one."""
    job = cloud.create_upload(method="put", size=len(JPEG))
    renewed = cloud.call("POST", f"/v1/uploads/{job['id']}/form").json
    assert (renewed["upload"], renewed["multipart"]) == (None, None)
    assert get_key(renewed["put"]["url"]) == get_key(job["put"]["url"])


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"method": "put"}, "/size"),
        ({"method": "multipart"}, "/size"),
        ({"method": "multipart", "size": 10_000_000, "part_size": PART - 1}, "/part_size"),
        ({"method": "post", "part_size": PART}, "/part_size"),
        ({"method": "ftp", "size": 1}, "/method"),
    ],
)
def test_method_without_what_it_needs_is_refused(cloud: Cloud, fields: dict[str, Any], pointer: str) -> None:
    """Without a size, S3 could not limit the file."""
    answer = cloud.post("/v1/uploads", {"content_type": "image/jpeg", **fields})
    assert answer.status == 422
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]
    assert (cloud.count(), list_uploads(cloud)) == (0, [])


@pytest.mark.parametrize(
    ("parts", "given", "status", "code"),
    [
        ({1: PART}, [], 409, "PARTS_MISSING"),
        ({2: 1000}, [], 409, "PARTS_MISSING"),
        ({1: 1000, 2: 1000}, [], 409, "PART_SIZE_MISMATCH"),
        ({1: PART, 2: 1001}, [], 409, "PART_SIZE_MISMATCH"),
        ({1: PART, 2: 1000, 3: 10}, [], 422, "PART_NOT_ALLOWED"),
        ({1: PART, 2: 1000}, [{"PartNumber": 1, "ETag": "wrong"}], 409, "PART_ETAG_MISMATCH"),
        ({1: PART, 2: 1000}, [{"PartNumber": 3, "ETag": "wrong"}], 422, "PART_NOT_ALLOWED"),
        ({1: PART, 2: 1000}, [{"PartNumber": 0, "ETag": "wrong"}], 422, "INVALID_REQUEST"),
        ({1: PART, 2: 1000}, [{"ETag": "wrong"}], 422, "INVALID_REQUEST"),
    ],
)
def test_wrong_parts_are_not_completed(
    cloud: Cloud, parts: dict[int, int], given: list[dict[str, Any]], status: int, code: str
) -> None:
    """Missing, too small, too large, too many and unknown parts have codes. The upload can still be repaired."""
    job = announce(cloud)
    key = get_key(sign(cloud, job, 1)[0]["url"])
    upload_id = job["multipart"]["upload_id"]
    for number, size in parts.items():
        cloud.clients.s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload_id, PartNumber=number, Body=bytes(size))
    answer = complete(cloud, job, parts=given)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert cloud.job(job["id"]).status is JobStatus.AWAITING_UPLOAD
    assert (list_uploads(cloud), cloud.keys()) == ([upload_id], [])


@pytest.mark.parametrize("number", [3, 10_000])
def test_part_outside_of_the_file_is_not_signed(cloud: Cloud, number: int) -> None:
    """The declared size limits the number of parts."""
    job = announce(cloud)
    body = {"upload_id": job["multipart"]["upload_id"], "part_numbers": [number]}
    answer = cloud.post(f"/v1/uploads/{job['id']}/parts", body)
    assert (answer.status, answer.json["code"]) == (422, "PART_NOT_ALLOWED")


def test_two_completions_make_one_job(cloud: Cloud) -> None:
    """Both succeed, before and after the job has ended, and a worker runs it once."""
    job = announce(cloud)
    parts = send(cloud, job)
    first, second = complete(cloud, job, parts=parts), complete(cloud, job, parts=parts)
    assert [(each.status, each.json["status"]) for each in (first, second)] == [(202, "PENDING")] * 2
    while messages := cloud.receive():
        assert cloud.deliver(messages) == []
        for each in messages:
            cloud.clients.sqs.delete_message(QueueUrl=cloud.queue_url, ReceiptHandle=each["ReceiptHandle"])
    third = complete(cloud, job)
    assert (third.status, third.json["status"], third.json["attempts"]) == (202, "COMPLETED", 1)


def test_part_that_is_sent_again_during_the_completion(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller learns why, and the repeated request succeeds."""
    job = announce(cloud)
    send(cloud, job)
    real = MultipartUploads.complete

    def send_first(self: MultipartUploads, *arguments: Any) -> None:
        send(cloud, job, JPEG + bytes(PART - len(JPEG)) + bytes([1]) * 1000)
        real(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(MultipartUploads, "complete", send_first)
        answer = complete(cloud, job)
    assert (answer.status, answer.json["code"]) == (409, "PART_ETAG_MISMATCH")
    assert complete(cloud, job).json["status"] == "PENDING"


def test_completion_that_was_killed_is_repeated(cloud: Cloud) -> None:
    """S3 has joined the parts, but the record does not say so. A repeated request accepts the job."""
    job = announce(cloud)
    parts = send(cloud, job)
    key = get_key(sign(cloud, job, 1)[0]["url"])
    cloud.clients.s3.complete_multipart_upload(
        Bucket=BUCKET, Key=key, UploadId=job["multipart"]["upload_id"], MultipartUpload={"Parts": parts}
    )
    assert cloud.job(job["id"]).status is JobStatus.AWAITING_UPLOAD
    assert complete(cloud, job).json["status"] == "PENDING"


def test_completion_that_was_killed_is_found_by_the_reconciler(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if S3's event is lost and the client is gone, as early as for a form."""
    job = announce(cloud)
    parts = send(cloud, job)
    key = get_key(sign(cloud, job, 1)[0]["url"])
    cloud.clients.s3.complete_multipart_upload(
        Bucket=BUCKET, Key=key, UploadId=job["multipart"]["upload_id"], MultipartUpload={"Parts": parts}
    )
    pass_time(monkeypatch, timedelta(minutes=26))
    assert cloud.reconcile() == {"send": 1}
    cloud.deliver(cloud.receive())
    assert cloud.job(job["id"]).status is JobStatus.COMPLETED


def test_paused_upload_expires_after_a_day(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then it can be continued. Then its parts are deleted, and its requests have a code."""
    job = announce(cloud)
    upload_id = job["multipart"]["upload_id"]
    send_part(cloud, sign(cloud, job, 1)[0], FILE[:PART])
    pass_time(monkeypatch, timedelta(minutes=26))
    assert cloud.reconcile() == {"wait": 1}
    assert (cloud.job(job["id"]).status, list_uploads(cloud)) == (JobStatus.AWAITING_UPLOAD, [upload_id])
    pass_time(monkeypatch, timedelta(hours=23, minutes=59))
    assert cloud.reconcile() == {"wait": 1}
    pass_time(monkeypatch, timedelta(days=1, minutes=1))
    assert cloud.reconcile() == {"end": 1}
    assert (cloud.job(job["id"]).status, list_uploads(cloud)) == (JobStatus.EXPIRED, [])
    assert complete(cloud, job).json["code"] == "NOT_AWAITING_UPLOAD"


@pytest.mark.parametrize("way", ["cancel", "abort", "delete"])
def test_ended_job_has_no_parts(cloud: Cloud, way: str) -> None:
    """Neither cancellation nor abortion nor deletion leaves parts. A late completion is refused."""
    job = announce(cloud)
    send(cloud, job)
    requests = {
        "cancel": ("POST", f"/v1/jobs/{job['id']}/cancel"),
        "abort": ("POST", f"/v1/uploads/{job['id']}/abort"),
        "delete": ("DELETE", f"/v1/jobs/{job['id']}"),
    }
    assert cloud.call(*requests[way]).status == 200
    assert list_uploads(cloud) == []
    late = complete(cloud, job)
    expected = (404, "JOB_NOT_FOUND") if way == "delete" else (409, "NOT_AWAITING_UPLOAD")
    assert (late.status, late.json["code"]) == expected
    assert cloud.keys() == []
    if way == "abort":
        assert cloud.call(*requests[way]).status == 200


def test_cancelled_batch_has_no_parts(cloud: Cloud) -> None:
    """Members of a batch start their uploads one by one, and a cancellation aborts them."""
    item = {"content_type": "image/jpeg", "method": "multipart", "size": len(FILE)}
    batch = cloud.post("/v1/batches", {"items": [item, item]}).json
    assert [each["multipart"]["upload_id"] for each in batch["items"]] == [None, None]
    assert list_uploads(cloud) == []
    member = batch["items"][0]["job"]["id"]
    started = cloud.call("POST", f"/v1/uploads/{member}/form").json["multipart"]
    assert list_uploads(cloud) == [started["upload_id"]]
    assert cloud.call("POST", f"/v1/batches/{batch['batch']['id']}/cancel").status == 202
    assert list_uploads(cloud) == []


def test_cancellation_succeeds_without_s3(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lifecycle rule of the bucket deletes the parts then."""
    job = announce(cloud)

    def fail(*_: object) -> None:
        raise ServiceUnavailable

    monkeypatch.setattr(MultipartUploads, "abort_all", fail)
    assert cloud.call("POST", f"/v1/jobs/{job['id']}/cancel").json["status"] == "CANCELLED"


def test_arrived_upload_is_not_aborted(cloud: Cloud) -> None:
    """The job is on its way; it can only be cancelled or deleted as a job."""
    job = announce(cloud)
    send(cloud, job)
    complete(cloud, job)
    answer = cloud.call("POST", f"/v1/uploads/{job['id']}/abort")
    assert (answer.status, answer.json["code"]) == (409, "NOT_AWAITING_UPLOAD")
    assert cloud.job(job["id"]).status is JobStatus.PENDING


def test_repeated_announcement_has_the_same_upload(cloud: Cloud) -> None:
    """The Idempotency-Key finds the job, and S3 its upload."""
    body, headers = {"content_type": "image/jpeg", "method": "multipart", "size": len(FILE)}, {"Idempotency-Key": "k"}
    first, second = (cloud.post("/v1/uploads", body, headers=headers).json for _ in range(2))
    assert (first["id"], first["multipart"]) == (second["id"], second["multipart"])
    assert (cloud.count(), list_uploads(cloud)) == (1, [first["multipart"]["upload_id"]])


def test_form_has_no_parts(cloud: Cloud) -> None:
    """Requests about parts of another upload method have a code."""
    job = cloud.create_upload()
    for answer in (
        cloud.call("GET", f"/v1/uploads/{job['id']}/parts", query={"upload_id": "u"}),
        cloud.post(f"/v1/uploads/{job['id']}/parts", {"upload_id": "u", "part_numbers": [1]}),
        cloud.post(f"/v1/uploads/{job['id']}/complete", {"upload_id": "u"}),
        cloud.call("POST", f"/v1/uploads/{job['id']}/abort"),
    ):
        assert (answer.status, answer.json["code"]) == (409, "NOT_MULTIPART")


def test_another_callers_upload_is_not_found(cloud: Cloud) -> None:
    """No caller can list, sign, complete or abort another caller's upload."""
    job = announce(cloud)
    upload_id = job["multipart"]["upload_id"]
    key = get_key(sign(cloud, job, 1)[0]["url"])
    path = f"/v1/uploads/{job['id']}"
    uppy = {"method": "GET", "key": key, "uploadId": upload_id}
    for answer in (
        cloud.call("GET", f"{path}/parts", query={"upload_id": upload_id}, identity=OTHER),
        cloud.post(f"{path}/parts", {"upload_id": upload_id, "part_numbers": [1]}, identity=OTHER),
        cloud.post(f"{path}/complete", {"upload_id": upload_id}, identity=OTHER),
        cloud.call("POST", f"{path}/abort", identity=OTHER),
        cloud.post("/v1/uploads/sign", uppy, identity=OTHER),
    ):
        assert (answer.status, answer.json["code"]) == (404, "JOB_NOT_FOUND")
    assert list_uploads(cloud) == [upload_id]


def test_file_without_its_end_fails_the_job(cloud: Cloud) -> None:
    """A caller can complete an upload in S3 itself, without its last part. The declared size still holds."""
    job = announce(cloud)
    first = sign(cloud, job, 1)[0]
    etag = send_part(cloud, first, FILE[:PART])
    cloud.clients.s3.complete_multipart_upload(
        Bucket=BUCKET,
        Key=get_key(first["url"]),
        UploadId=job["multipart"]["upload_id"],
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]},
    )
    assert cloud.deliver_s3_events(get_key(first["url"])) == []
    failed = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    assert (failed["status"], failed["error"]["code"]) == ("FAILED", "SIZE_MISMATCH")
