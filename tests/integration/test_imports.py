"""Imports on moto: objects of another bucket become jobs, and the API reads no image bytes."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support import sample_images
from support.moto_cloud import BUCKET, Answer, Cloud

import api.dependencies
import api.jobs.imports
import worker.app
from shared.errors import ServiceUnavailable
from shared.jobs.job import JobStatus
from shared.jobs.message import decode_message

SHOP = "shop-pictures"
URI = f"s3://{SHOP}/2026/chair.jpg"
JPEG = sample_images.make_jpeg(8, 8)


class Killed(BaseException):
    """The process is gone: nothing after this runs, no handler and no clean-up."""


def _die(*_: Any) -> None:
    raise Killed


@pytest.fixture(autouse=True)
def _open(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open a bucket for imports, beside one that does not exist; another one stays closed."""
    monkeypatch.setenv("IMPORT_BUCKETS", f"{SHOP},gone-pictures,{BUCKET}")
    for bucket in (SHOP, "private-pictures"):
        cloud.clients.s3.create_bucket(Bucket=bucket)
        store_object(cloud, "2026/chair.jpg", bucket=bucket)


def store_object(cloud: Cloud, key: str, data: bytes = JPEG, *, bucket: str = SHOP, **more: Any) -> str:
    """Store an object. Return its version in a bucket with versioning."""
    return cloud.clients.s3.put_object(Bucket=bucket, Key=key, Body=data, **more).get("VersionId", "")


def request_import(cloud: Cloud, source: str = URI, **more: Any) -> Answer:
    """Send a request for an import."""
    headers = more.pop("headers", {})
    return cloud.post("/v1/jobs", {"source": source, **more}, headers=headers)


def import_image(cloud: Cloud, source: str = URI, **more: Any) -> dict[str, Any]:
    """Create a job from an object and return it."""
    answer = request_import(cloud, source, **more)
    assert answer.status == 202, answer.text
    job: dict[str, Any] = answer.json
    return job


def run_worker(cloud: Cloud, url: str | None = None) -> list[str]:
    """Deliver all waiting messages to the worker. Return the bodies that it returns to the queue."""
    back: list[str] = []
    queue = url or cloud.queue_url
    while messages := cloud.receive(queue):
        back += cloud.deliver(messages)
        for message in messages:
            cloud.clients.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return back


def pass_time(by: timedelta) -> None:
    """Advance the API's clock."""
    dependencies = api.dependencies.get_dependencies()
    then = dependencies.clock() + by
    object.__setattr__(dependencies, "clock", lambda: then)


def fail_copies(monkeypatch: pytest.MonkeyPatch, code: str, status: int) -> None:
    """Make every copy in S3 fail."""
    response: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}

    def refuse(**_: Any) -> None:
        raise ClientError(response, "CopyObject")

    monkeypatch.setattr(worker.app.get_consumer().processor.sources._client, "copy_object", refuse)


def test_object_is_copied_and_processed(cloud: Cloud) -> None:
    """The record has the object's location and size. The worker copies it, and the job is like any other."""
    store_object(cloud, "2026/chair.jpg", ContentType="text/html", Metadata={"a": "b"}, Tagging="c=d")
    job = import_image(cloud, width=4)
    assert (job["status"], job["filename"], job["batch_id"]) == ("PENDING", "chair.jpg", None)
    assert job["raw"] == {
        "size": len(JPEG),
        "format": None,
        "width": None,
        "height": None,
        "digest": None,
        "source": URI,
    }
    assert cloud.keys() == []
    assert run_worker(cloud) == []
    done = cloud.call("GET", f"/v1/jobs/{job['id']}").json
    assert (done["status"], done["result"]["width"], done["raw"]["format"]) == ("COMPLETED", 4, "JPEG")
    assert len(done["raw"]["digest"]) == 64
    raw = f"raw/import/{job['id']}"
    stored = cloud.clients.s3.get_object(Bucket=BUCKET, Key=raw)
    assert (stored["Body"].read(), stored["ContentType"], stored["Metadata"]) == (JPEG, "application/octet-stream", {})
    assert cloud.clients.s3.get_object_tagging(Bucket=BUCKET, Key=raw)["TagSet"] == []
    assert cloud.call("GET", f"/v1/jobs/{job['id']}/raw", query={"redirect": "false"}).status == 200
    assert cloud.call("DELETE", f"/v1/jobs/{job['id']}").status == 200
    assert cloud.keys() == []
    assert cloud.clients.s3.get_object(Bucket=SHOP, Key="2026/chair.jpg")["Body"].read() == JPEG


@pytest.mark.parametrize(
    ("source", "status", "code"),
    [
        (f"s3://{SHOP}/none.jpg", 422, "SOURCE_MISSING"),
        ("s3://gone-pictures/a.jpg", 422, "SOURCE_MISSING"),
        ("s3://private-pictures/2026/chair.jpg", 422, "SOURCE_FORBIDDEN"),
        (f"s3://{BUCKET}/raw/api/01HZY3Q1M8Z3J5W7XK9V2B4C6D", 422, "SOURCE_FORBIDDEN"),
        (f"s3://{SHOP}/", 422, "INVALID_REQUEST"),
        (f"s3://{SHOP}", 422, "INVALID_REQUEST"),
        (f"https://{SHOP}/2026/chair.jpg", 422, "IMPORT_OFF"),
        (f"s3://{SHOP}/../{BUCKET}/raw/x", 422, "INVALID_REQUEST"),
        (f"s3://{SHOP}/\ud800", 422, "INVALID_REQUEST"),
    ],
)
def test_object_that_can_not_be_copied_is_rejected(cloud: Cloud, source: str, status: int, code: str) -> None:
    """Each case has its code and creates nothing. The image bucket is closed even if the settings name it."""
    cloud.store("raw/api/01HZY3Q1M8Z3J5W7XK9V2B4C6D", JPEG)
    answer = request_import(cloud, source)
    assert (answer.status, answer.json["code"], cloud.count()) == (status, code, 0)


def test_imports_are_off_by_default(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The response has a stable code, and S3 gets no request."""
    monkeypatch.setenv("IMPORT_BUCKETS", "")
    assert (request_import(cloud).status, request_import(cloud).json["code"]) == (422, "IMPORT_OFF")


@pytest.mark.parametrize("storage_class", ["GLACIER", "DEEP_ARCHIVE"])
def test_archived_object_is_rejected_until_restored(cloud: Cloud, storage_class: Any) -> None:
    """S3 can't read an archived object."""
    store_object(cloud, "old.jpg", StorageClass=storage_class)
    assert request_import(cloud, f"s3://{SHOP}/old.jpg").json["code"] == "SOURCE_ARCHIVED"
    cloud.clients.s3.restore_object(Bucket=SHOP, Key="old.jpg", RestoreRequest={"Days": 1})
    assert request_import(cloud, f"s3://{SHOP}/old.jpg").status == 202


def test_large_object_is_rejected_before_the_copy(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The size limit of raw images applies to the object's metadata."""
    monkeypatch.setenv("MAX_RAW_BYTES", str(len(JPEG) - 1))
    answer = request_import(cloud)
    assert (answer.status, answer.json["code"], cloud.count()) == (413, "TOO_MANY_BYTES", 0)


@pytest.mark.parametrize(
    "body", [{"source": URI, "content": "aaaa"}, {"source": 1}, {"source": URI, "width": 0}, {"version": "1"}]
)
def test_contradictory_request_is_rejected(cloud: Cloud, body: dict[str, Any]) -> None:
    """A request has one image, and its options are validated."""
    assert (cloud.post("/v1/jobs", body).status, cloud.count()) == (422, 0)


def test_named_version_is_copied(cloud: Cloud) -> None:
    """Newer versions under the same key are ignored."""
    cloud.clients.s3.put_bucket_versioning(Bucket=SHOP, VersioningConfiguration={"Status": "Enabled"})
    first = store_object(cloud, "a.jpg", JPEG)
    store_object(cloud, "a.jpg", b"words")
    job = import_image(cloud, f"s3://{SHOP}/a.jpg", version=first)
    run_worker(cloud)
    assert cloud.job(job["id"]).status is JobStatus.COMPLETED
    assert request_import(cloud, f"s3://{SHOP}/a.jpg", version="nope").status == 422


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("PreconditionFailed", 412, "SOURCE_CHANGED"),
        ("AccessDenied", 403, "SOURCE_FORBIDDEN"),
        ("NoSuchKey", 404, "SOURCE_MISSING"),
        ("InvalidObjectState", 403, "SOURCE_ARCHIVED"),
    ],
)
def test_changed_source_fails_the_job(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, code: str, status: int, error: str
) -> None:
    """A source that changed after the job was created fails it with a code. The job can be retried."""
    job = import_image(cloud)
    fail_copies(monkeypatch, code, status)
    assert run_worker(cloud) == []
    failed = cloud.job(job["id"])
    assert (failed.status, failed.error and failed.error.code) == (JobStatus.FAILED, error)
    assert cloud.keys() == []
    monkeypatch.undo()
    cloud.call("POST", f"/v1/jobs/{job['id']}/retry")
    run_worker(cloud)
    assert cloud.job(job["id"]).status is JobStatus.COMPLETED


def test_failing_s3_costs_no_attempt(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job is released, as after any service error."""
    job = import_image(cloud)
    fail_copies(monkeypatch, "InternalError", 500)
    assert len(run_worker(cloud)) == 1
    given_back = cloud.job(job["id"])
    assert (given_back.status, given_back.attempts_used) == (JobStatus.PENDING, 0)


def test_later_attempt_does_not_need_the_source(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later attempt uses the first copy even if the object is deleted."""
    job = import_image(cloud)
    messages = cloud.receive()
    images = worker.app.get_consumer().processor.images

    def fail(*_: Any) -> None:
        raise ServiceUnavailable

    with monkeypatch.context() as failing:
        failing.setattr(images, "put_processed", fail)
        assert len(cloud.deliver(messages)) == 1
    cloud.clients.s3.delete_object(Bucket=SHOP, Key="2026/chair.jpg")
    assert cloud.deliver(messages) == []
    assert cloud.job(job["id"]).status is JobStatus.COMPLETED


def test_copy_for_a_deleted_job_is_removed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else would delete it."""
    job = import_image(cloud)
    processor = worker.app.get_consumer().processor
    copy = processor.sources.copy

    def delete_first(*facts: Any) -> None:
        assert cloud.call("DELETE", f"/v1/jobs/{job['id']}").status == 200
        copy(*facts)

    monkeypatch.setattr(processor.sources, "copy", delete_first)
    assert run_worker(cloud) == []
    assert (cloud.count(), cloud.keys()) == (0, [])


def test_replay_succeeds_if_the_object_is_deleted(cloud: Cloud) -> None:
    """A replay reads the log. Another source with the same key is rejected."""
    key = {"Idempotency-Key": "a"}
    job = import_image(cloud, headers=key)
    cloud.clients.s3.delete_object(Bucket=SHOP, Key="2026/chair.jpg")
    again = request_import(cloud, headers=key)
    assert (again.json["id"], again.headers["Idempotency-Replayed"], cloud.count()) == (job["id"], "true", 1)
    assert request_import(cloud, f"s3://{SHOP}/b.jpg", headers=key).json["code"] == "KEY_REUSED"


def test_request_that_died_after_its_record_finds_it(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repeated request sends the message and does not inspect the object again, which may have changed."""
    key = {"Idempotency-Key": "a"}
    with monkeypatch.context() as dying:
        dying.setattr(api.jobs.imports, "notify_worker", _die)
        with pytest.raises(Killed):
            request_import(cloud, headers=key)
    cloud.clients.s3.delete_object(Bucket=SHOP, Key="2026/chair.jpg")
    assert cloud.receive() == []
    pass_time(timedelta(minutes=5))
    answer = request_import(cloud, headers=key)
    assert (answer.status, cloud.count(), len(cloud.receive())) == (202, 1, 1)


def test_members_are_imported_through_the_bulk_queue(cloud: Cloud) -> None:
    """A batch may mix objects and uploads. Each invalid entry is an error in its place, and counts are exact."""
    for number in range(12):
        store_object(cloud, f"{number}.jpg")
    items = [{"source": f"s3://{SHOP}/{number}.jpg"} for number in range(12)]
    bad = [{"source": f"s3://{SHOP}/none.jpg"}, {"source": "s3://private-pictures/a"}, {"source": URI, "width": 0}]
    own = {"source": URI, "filename": "mine.jpg", "width": 2}
    answer = cloud.post("/v1/batches", {"items": [*items, *bad, own, {"content_type": "image/jpeg"}], "width": 4})
    assert answer.status == 202, answer.text
    entries = answer.json["items"]
    assert [each["error"]["code"] for each in entries[12:15]] == [
        "SOURCE_MISSING",
        "SOURCE_FORBIDDEN",
        "INVALID_PIPELINE",
    ]
    jobs = [each["job"] for each in entries if each["job"]]
    assert [job["status"] for job in jobs] == ["PENDING"] * 13 + ["AWAITING_UPLOAD"]
    assert [each["upload"] is None for each in entries] == [True] * 16 + [False]
    assert (jobs[3]["filename"], jobs[12]["filename"]) == ("3.jpg", "mine.jpg")
    assert cloud.receive() == []
    assert run_worker(cloud, cloud.bulk_queue_url) == []
    batch = cloud.call("GET", f"/v1/batches/{answer.json['batch']['id']}").json
    assert (batch["total"], batch["counts"]["completed"], batch["counts"]["open"]) == (14, 13, 1)
    assert cloud.job(jobs[12]["id"]).outputs[0].width == 2
    assert cloud.job(jobs[0]["id"]).outputs[0].width == 4


def test_hundred_members_are_one_request(cloud: Cloud) -> None:
    """All objects are inspected, and all jobs created and sent. Nothing is copied while the caller waits."""
    items = [{"source": URI, "filename": f"{number}.jpg"} for number in range(100)]
    answer = cloud.post("/v1/batches", {"items": items, "close": True})
    assert {each["job"]["status"] for each in answer.json["items"]} == {"PENDING"}
    assert (cloud.count(), cloud.keys()) == (100, [])
    messages = [cloud.receive(cloud.bulk_queue_url) for _ in range(10)]
    assert sum(map(len, messages)) == 100


def test_lost_messages_of_members_are_requeued(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members are accepted even if their messages are not sent."""

    def refuse(*_: Any, **__: Any) -> None:
        raise ServiceUnavailable

    monkeypatch.setattr(api.dependencies.get_dependencies().queues.bulk, "send", refuse)
    answer = cloud.post("/v1/batches", {"items": [{"source": URI}]})
    assert (answer.status, cloud.count()) == (202, 1)
    assert cloud.job(answer.json["items"][0]["job"]["id"]).due_at is not None


def test_repeated_request_keeps_existing_members(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first try dies after most members. All members get messages, even without their objects."""
    store_object(cloud, "2026/gone.jpg")
    sources = [f"s3://{SHOP}/2026/gone.jpg", *[URI] * 59]
    items = [{"source": source, "filename": f"{number}.jpg"} for number, source in enumerate(sources)]
    dependencies = api.dependencies.get_dependencies()
    transact, calls = dependencies.batches._client.transact_write_items, []

    def die_at_the_second(**request: Any) -> Any:
        calls.append(request)
        if len(calls) == 2:
            raise Killed
        return transact(**request)

    monkeypatch.setattr(dependencies.batches._client, "transact_write_items", die_at_the_second)
    key = {"Idempotency-Key": "a"}
    with pytest.raises(Killed):
        cloud.post("/v1/batches", {"items": items}, headers=key)
    assert (cloud.count(), cloud.receive(cloud.bulk_queue_url)) == (50, [])
    cloud.clients.s3.delete_object(Bucket=SHOP, Key="2026/gone.jpg")
    store_object(cloud, "2026/chair.jpg", b"other bytes")
    pass_time(timedelta(minutes=5))
    answer = cloud.post("/v1/batches", {"items": items}, headers=key)
    assert answer.status == 202, answer.text
    ids = [each["job"]["id"] for each in answer.json["items"]]
    assert (len(set(ids)), cloud.count(), answer.json["batch"]["total"]) == (60, 60, 60)
    etags = [getattr(cloud.job(job_id).source, "etag", "") for job_id in ids]
    assert (len(set(etags[:50])), len(set(etags[50:])), etags[0] == etags[59]) == (1, 1, False)
    told: list[str] = []
    while messages := cloud.receive(cloud.bulk_queue_url):
        told += [decode_message(message["Body"]).job_id for message in messages]
        for message in messages:
            cloud.clients.sqs.delete_message(QueueUrl=cloud.bulk_queue_url, ReceiptHandle=message["ReceiptHandle"])
    assert sorted(told) == sorted(ids)


def test_image_bucket_is_never_a_source(cloud: Cloud) -> None:
    """No caller can read another owner's images by naming the image bucket."""
    job = cloud.submit(JPEG)
    run_worker(cloud)
    stored = cloud.keys()
    assert stored
    for key in stored:
        entries = cloud.post("/v1/batches", {"items": [{"source": f"s3://{BUCKET}/{key}"}]}).json["items"][0]
        assert entries["error"]["code"] == "SOURCE_FORBIDDEN"
    assert cloud.job(job["id"]).status is JobStatus.COMPLETED
