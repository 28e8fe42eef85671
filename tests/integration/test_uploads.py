"""Direct uploads on moto: announced, sent, and reported by S3 or confirmed by the caller."""

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support import events, sample_images
from support.moto_cloud import BUCKET, Cloud

import api.app
import api.dependencies
import worker.reconciler
from shared.clock import utc_now
from shared.jobs.job import JobStatus
from shared.jobs.message import JobMessage

JPEG, PNG = sample_images.make_jpeg(), sample_images.make_png()


def get_raw_key(job: dict[str, Any]) -> str:
    """Return the key of the raw image."""
    return str(job["upload"]["fields"]["key"])


def pass_time(monkeypatch: pytest.MonkeyPatch, distance: timedelta) -> None:
    """Advance the reconciler's clock."""
    reconciler = worker.reconciler.get_reconciler()
    monkeypatch.setattr(
        worker.reconciler, "get_reconciler", lambda: replace(reconciler, clock=lambda: utc_now() + distance)
    )


def test_upload_is_processed_end_to_end(cloud: Cloud) -> None:
    """Announced, sent, reported by S3 and completed in three writes. The record has the facts of the bytes."""
    job = cloud.create_upload(filename="my cat.jpg", width=20)
    assert (job["status"], job["done"], job["filename"]) == ("AWAITING_UPLOAD", False, "my cat.jpg")
    assert (job["raw"]["size"], job["raw"]["format"], job["raw"]["digest"]) == (None, None, None)
    assert cloud.keys() == []
    assert cloud.receive() == []
    cloud.store(get_raw_key(job), JPEG)
    assert cloud.deliver_s3_events(get_raw_key(job)) == []
    done = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    assert (done["status"], done["attempts"], done["result"]["width"]) == ("COMPLETED", 1, 20)
    assert done["raw"]["size"] == len(JPEG)
    assert (done["raw"]["format"], done["raw"]["digest"]) == ("JPEG", hashlib.sha256(JPEG).hexdigest())
    assert [line["status"] for line in done["history"]] == ["AWAITING_UPLOAD", "PROCESSING", "COMPLETED"]


@pytest.mark.parametrize("size", [None, 60_000_000])
def test_form_fixes_key_type_and_size(cloud: Cloud, size: int | None) -> None:
    """The signed policy has this key, type and size and expires after 15 minutes."""
    before = datetime.now(UTC)
    answer = cloud.post("/v1/uploads", {"content_type": "image/tiff", **({"size": size} if size else {})})
    job, form = answer.json, answer.json["upload"]
    assert answer.headers["Location"].endswith(f"/v1/jobs/{job['id']}")
    policy = json.loads(base64.b64decode(form["fields"]["policy"]))
    assert {"key": f"raw/direct/{job['id']}"} in policy["conditions"]
    assert {"Content-Type": "image/tiff"} in policy["conditions"]
    assert ["content-length-range", size or 1, size or 104_857_600] in policy["conditions"]
    assert {"bucket": BUCKET} in policy["conditions"]
    assert form["max_bytes"] == (size or 104_857_600)
    assert form["fields"]["x-amz-algorithm"] == "AWS4-HMAC-SHA256"
    ends = datetime.fromisoformat(policy["expiration"])
    # API and botocore each round down to whole seconds.
    assert timedelta(seconds=898) <= ends - before
    assert ends <= datetime.now(UTC) + timedelta(seconds=900)


@pytest.mark.parametrize(
    ("request_body", "status", "code", "pointer"),
    [
        ({}, 422, "INVALID_REQUEST", "/content_type"),
        ({"content_type": "image/svg+xml"}, 415, "UNSUPPORTED_TYPE", "/content_type"),
        ({"content_type": "image/png", "size": 0}, 422, "INVALID_REQUEST", "/size"),
        ({"content_type": "image/png", "size": 104_857_601}, 413, "TOO_MANY_BYTES", "/size"),
        ({"content_type": "image/png", "digest": "00"}, 422, "INVALID_REQUEST", "/digest"),
        ({"content_type": "image/png", "content": "aaaa"}, 422, "INVALID_REQUEST", "/content"),
        ({"content_type": "image/png", "width": 0}, 422, "INVALID_PIPELINE", "/width"),
        ({"content_type": "image/png", "preset": "none"}, 422, "PRESET_NOT_FOUND", "/preset"),
    ],
)
def test_invalid_announcement_stores_nothing(
    cloud: Cloud, request_body: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    """It is rejected with a pointer and nothing is recorded."""
    answer = cloud.post("/v1/uploads", request_body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert [each["pointer"] for each in answer.json["errors"]] == [pointer]
    assert cloud.count() == 0


@pytest.mark.parametrize(
    ("declared", "data", "code"),
    [
        ({"content_type": "image/png"}, JPEG, "TYPE_MISMATCH"),
        ({"content_type": "image/png"}, b"%PDF-1.7 words", "NOT_AN_IMAGE"),
        ({"content_type": "image/jpeg", "digest": "00" * 32}, JPEG, "DIGEST_MISMATCH"),
        ({"content_type": "application/octet-stream"}, b"words", "NOT_AN_IMAGE"),
    ],
)
def test_undeclared_content_fails_the_job(cloud: Cloud, declared: dict[str, Any], data: bytes, code: str) -> None:
    """Content that differs from the declaration fails the job with a code.

    The record has the digest of the actual bytes.
    """
    job = cloud.create_upload(**declared)
    cloud.store(get_raw_key(job), data)
    assert cloud.deliver_s3_events(get_raw_key(job)) == []
    failed = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    assert (failed["status"], failed["error"]["code"], failed["attempts"]) == ("FAILED", code, 1)
    assert failed["raw"]["digest"] == hashlib.sha256(data).hexdigest()
    assert not [key for key in cloud.keys() if key.startswith("processed/")]  # noqa: SIM118 - not a dict


def test_confirmation_and_event_make_one_run(cloud: Cloud) -> None:
    """Two confirmations and two events, in any order, make one attempt."""
    job = cloud.create_upload()
    path = f"/v1/uploads/{job['id']}/confirm"
    early = cloud.call("POST", path)
    assert (early.status, early.json["code"], early.json["retriable"]) == (409, "UPLOAD_INCOMPLETE", True)
    cloud.store(get_raw_key(job), JPEG)
    first = cloud.call("POST", path)
    assert (first.status, first.json["status"], first.json["raw"]["size"]) == (202, "PENDING", len(JPEG))
    assert cloud.call("POST", path).json["status"] == "PENDING"
    assert [cloud.deliver_s3_events(get_raw_key(job)) for _ in range(2)] == [[], []]
    before = cloud.item(job["id"])
    messages = cloud.receive()
    assert messages
    assert cloud.deliver(messages) == []
    assert cloud.call("POST", path).json["status"] == "COMPLETED"
    assert cloud.item(job["id"]) == before
    assert before["Attempt"] == {"N": "1"}


def test_second_upload_changes_nothing(cloud: Cloud) -> None:
    """Other bytes sent with the same form after completion are not processed."""
    job = cloud.create_upload(content_type="application/octet-stream")
    cloud.store(get_raw_key(job), JPEG)
    cloud.deliver_s3_events(get_raw_key(job))
    before = cloud.item(job["id"])
    cloud.store(get_raw_key(job), PNG)
    assert cloud.deliver_s3_events(get_raw_key(job)) == []
    assert cloud.item(job["id"]) == before
    assert before["Digest"] == {"S": hashlib.sha256(JPEG).hexdigest()}


def test_replaced_upload_is_the_one_recorded(cloud: Cloud) -> None:
    """Bytes replaced before the worker reads them are processed once and recorded."""
    job = cloud.create_upload(content_type="application/octet-stream")
    cloud.store(get_raw_key(job), JPEG)
    cloud.store(get_raw_key(job), PNG)
    assert [cloud.deliver_s3_events(get_raw_key(job)) for _ in range(2)] == [[], []]
    done = cloud.job(job["id"])
    assert (done.status, done.attempt, done.raw.format) == (JobStatus.COMPLETED, 1, "PNG")
    assert done.raw.digest == hashlib.sha256(PNG).hexdigest()


@pytest.mark.parametrize(
    "key", ["raw/direct/what", "raw/api/01HZY3Q1M8Z3J5W7XK9V2B4C6D", "processed/x y", "raw/direct/ü"]
)
def test_unknown_object_makes_no_job(cloud: Cloud, key: str) -> None:
    """An event for an object without a job is acknowledged and creates nothing."""
    assert cloud.deliver_s3_events(key) == []
    assert cloud.count() == 0


def test_event_of_another_bucket_is_ignored(cloud: Cloud) -> None:
    """It claims no job."""
    job = cloud.create_upload()
    assert cloud.deliver_s3_events(get_raw_key(job), bucket="another") == []
    assert cloud.job(job["id"]).status is JobStatus.AWAITING_UPLOAD


def test_test_event_is_acknowledged(cloud: Cloud) -> None:
    """The event that S3 sends when a notification is configured is not an error."""
    body = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET})
    assert cloud.deliver([events.make_message(body)]) == []


def test_missing_upload_expires(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """After form and grace period the job expires, and later bytes are deleted."""
    job = cloud.create_upload()
    pass_time(monkeypatch, timedelta(minutes=20))
    assert cloud.reconcile() == {}
    pass_time(monkeypatch, timedelta(minutes=26))
    assert cloud.reconcile() == {"end": 1}
    ended = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    assert (ended["status"], ended["done"], ended["error"]["code"]) == ("EXPIRED", True, "UPLOAD_EXPIRED")
    cloud.store(get_raw_key(job), JPEG)
    assert cloud.deliver_s3_events(get_raw_key(job)) == []
    assert cloud.keys() == []
    assert cloud.call("POST", f"/v1/uploads/{job['id']}/form").json["code"] == "NOT_AWAITING_UPLOAD"
    assert cloud.call("POST", f"/v1/uploads/{job['id']}/confirm").json["status"] == "EXPIRED"


def test_lost_event_is_recovered(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reconciler finds uploaded bytes before the job would expire."""
    job = cloud.create_upload()
    cloud.store(get_raw_key(job), JPEG)
    pass_time(monkeypatch, timedelta(minutes=26))
    assert cloud.reconcile() == {"send": 1}
    cloud.deliver(cloud.receive())
    assert cloud.job(job["id"]).status is JobStatus.COMPLETED


def test_dead_letter_of_an_event_is_readable(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job is left to the reconciler, and nothing is stored under dead-letters/."""
    job = cloud.create_upload()
    cloud.store(get_raw_key(job), JPEG)
    assert cloud.handle_dead_letters([events.make_message(events.s3(BUCKET, get_raw_key(job)))]) == []
    assert cloud.keys() == [get_raw_key(job)]
    pass_time(monkeypatch, timedelta(minutes=26))
    assert cloud.reconcile() == {"send": 1}


def test_event_waits_for_a_held_lease(cloud: Cloud) -> None:
    """While another worker holds the job, the event waits like any message."""
    job = cloud.create_upload()
    cloud.store(get_raw_key(job), JPEG)
    message = JobMessage(job_id=job["id"], generation=1)
    cloud.jobs.claim(message, now=utc_now(), lease=timedelta(seconds=100), max_attempts=5, uploaded=True)
    cloud.clients.sqs.send_message(QueueUrl=cloud.queue_url, MessageBody=events.s3(BUCKET, get_raw_key(job)))
    messages = cloud.receive()
    assert cloud.deliver(messages) == [messages[0]["Body"]]


def test_message_alone_does_not_start_an_awaited_upload(cloud: Cloud) -> None:
    """Only an S3 event or a confirmation reports that the bytes exist."""
    job = cloud.create_upload()
    body = JobMessage(job_id=job["id"], generation=1).encode()
    assert cloud.deliver([events.make_message(body)]) == []
    assert cloud.job(job["id"]).status is JobStatus.AWAITING_UPLOAD


def test_deletion_removes_uploaded_bytes(cloud: Cloud) -> None:
    """A deletion removes uploaded bytes, and later uploads are deleted too."""
    job = cloud.create_upload()
    cloud.store(get_raw_key(job), JPEG)
    assert cloud.call("DELETE", f"/v1/jobs/{job['id']}").status == 200
    assert cloud.keys() == []
    cloud.store(get_raw_key(job), JPEG)
    assert cloud.deliver_s3_events(get_raw_key(job)) == []
    assert cloud.keys() == []


def test_cancelled_upload_can_be_retried(cloud: Cloud) -> None:
    """A job cancelled before its upload keeps bytes that arrive later, and a retry processes them."""
    job = cloud.create_upload()
    assert cloud.call("POST", f"/v1/jobs/{job['id']}/cancel").status == 200
    cloud.store(get_raw_key(job), JPEG)
    assert cloud.deliver_s3_events(get_raw_key(job)) == []
    assert cloud.job(job["id"]).status is JobStatus.CANCELLED
    assert cloud.call("POST", f"/v1/jobs/{job['id']}/retry").status == 202
    cloud.deliver(cloud.receive())
    assert cloud.job(job["id"]).status is JobStatus.COMPLETED


def test_replayed_announcement_has_an_equal_form(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay returns the same job and a form with the same expiry, and later no form."""
    headers = {"Idempotency-Key": "k"}
    first = cloud.post("/v1/uploads", {"content_type": "image/jpeg"}, headers=headers)
    second = cloud.post("/v1/uploads", {"content_type": "image/jpeg"}, headers=headers)
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.json["id"] == first.json["id"]
    assert second.json["upload"]["fields"]["key"] == first.json["upload"]["fields"]["key"]
    ends = [datetime.fromisoformat(each.json["upload"]["expires_at"]) for each in (first, second)]
    assert abs(ends[0] - ends[1]) <= timedelta(seconds=1)
    assert cloud.count() == 1
    dependencies = api.dependencies.get_dependencies()
    moved = replace(dependencies, clock=lambda: utc_now() + timedelta(minutes=16))
    overrides: dict[Any, Any] = api.app.app.dependency_overrides
    monkeypatch.setitem(overrides, api.dependencies.get_dependencies, lambda: moved)
    late = cloud.post("/v1/uploads", {"content_type": "image/jpeg"}, headers=headers)
    assert (late.json["id"], late.json["upload"]) == (first.json["id"], None)
    fresh = cloud.call("POST", f"/v1/uploads/{late.json['id']}/form")
    assert fresh.status == 200
    assert fresh.json["upload"]["fields"]["key"] == get_raw_key(first.json)


def test_another_callers_upload_is_not_found(cloud: Cloud) -> None:
    """No caller can confirm or renew another caller's upload."""
    job = cloud.create_upload()
    identity = {"userArn": "arn:aws:iam::000000000000:user/other"}
    for path in ("form", "confirm"):
        answer = cloud.call("POST", f"/v1/uploads/{job['id']}/{path}", identity=identity)
        assert (answer.status, answer.json["code"]) == (404, "JOB_NOT_FOUND")


def test_too_large_body_names_the_upload_route(cloud: Cloud) -> None:
    """The 413 of POST /v1/jobs names the route for larger files."""
    answer = cloud.call("POST", "/v1/jobs", bytes(5_000_000), headers={"Content-Type": "image/jpeg"})
    assert answer.status == 413
    assert "POST /v1/uploads" in answer.json["detail"]
