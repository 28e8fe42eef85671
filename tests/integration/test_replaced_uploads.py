"""Direct uploads whose form is used a second time, at every step: record, receipt, links and copies always agree."""

import hashlib
import json
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import urlsplit

import pytest
from support import events, sample_images
from support.moto_cloud import BUCKET, Cloud

import worker.app
from shared.aws.s3.image_store import ImageStore
from shared.clock import utc_now
from shared.errors import ServiceUnavailable
from shared.jobs.job import Job, JobStatus, RawImage
from shared.jobs.message import JobMessage
from shared.jobs.object_keys import pinned_key

JPEG, PNG = sample_images.make_jpeg(), sample_images.make_png()


@pytest.fixture
def upload(cloud: Cloud) -> dict[str, Any]:
    """Announce an upload of any type."""
    return cloud.create_upload(content_type="application/octet-stream")


def get_key(upload: dict[str, Any]) -> str:
    """Return the key that the form writes."""
    return str(upload["upload"]["fields"]["key"])


def send(cloud: Cloud, upload: dict[str, Any], data: bytes) -> None:
    """Send bytes with the form, and deliver S3's event."""
    cloud.store(get_key(upload), data)
    assert cloud.deliver_s3_events(get_key(upload)) == []


def download_raw(cloud: Cloud, job_id: str) -> bytes:
    """Return what the raw link leads to."""
    link = cloud.call("GET", f"/v1/jobs/{job_id}/raw", query={"redirect": "false"}).json["url"]
    key = urlsplit(link).path.lstrip("/").removeprefix(f"{BUCKET}/")
    return cloud.clients.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def check_agreement(cloud: Cloud, job_id: str, data: bytes) -> Job:
    """Check that record, receipt, raw link and stored object have these bytes. Return the job."""
    job, digest = cloud.job(job_id), hashlib.sha256(data).hexdigest()
    assert (job.raw.digest, job.raw.size) == (digest, len(data))
    assert download_raw(cloud, job_id) == data
    assert cloud.call("GET", f"/v1/jobs/{job_id}").json["raw"]["digest"] == digest
    if job.status is JobStatus.COMPLETED:
        assert cloud.call("GET", f"/v1/jobs/{job_id}/receipt").json["receipt"]["raw"]["digest"] == digest
    return job


def replace_after_read(cloud: Cloud, upload: dict[str, Any], monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    """Let a second upload arrive right after the worker has read the first one."""
    real = ImageStore.get_raw

    def read(self: ImageStore, raw: RawImage, *, max_bytes: int) -> bytes:
        found = real(self, raw, max_bytes=max_bytes)
        cloud.store(get_key(upload), data)
        return found

    monkeypatch.setattr(ImageStore, "get_raw", read)


@pytest.mark.parametrize("other", [PNG, b"words", JPEG + b"more"])
def test_upload_after_the_end_changes_nothing(cloud: Cloud, upload: dict[str, Any], other: bytes) -> None:
    """Neither while it is in the bucket nor after its event, which deletes it. A deletion removes everything."""
    send(cloud, upload, JPEG)
    before = check_agreement(cloud, upload["id"], JPEG)
    assert before.status is JobStatus.COMPLETED
    assert set(cloud.keys()) == {before.raw.key, before.outputs[0].key}
    cloud.store(get_key(upload), other)
    assert check_agreement(cloud, upload["id"], JPEG) == before
    assert cloud.deliver_s3_events(get_key(upload)) == []
    assert check_agreement(cloud, upload["id"], JPEG) == before
    assert set(cloud.keys()) == {before.raw.key, before.outputs[0].key}
    cloud.store(get_key(upload), other)
    assert cloud.call("DELETE", f"/v1/jobs/{upload['id']}").json["object_count"] == 3
    assert cloud.keys() == []


def test_upload_before_the_claim_is_the_one_recorded(cloud: Cloud, upload: dict[str, Any]) -> None:
    """Both events name the same object, so the job has the bytes that were there when its worker came."""
    cloud.store(get_key(upload), JPEG)
    cloud.store(get_key(upload), PNG)
    assert [cloud.deliver_s3_events(get_key(upload)) for _ in range(2)] == [[], []]
    assert check_agreement(cloud, upload["id"], PNG).status is JobStatus.COMPLETED


def test_upload_during_the_attempt_changes_nothing(
    cloud: Cloud, upload: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job keeps the bytes that its worker has read."""
    replace_after_read(cloud, upload, monkeypatch, PNG)
    send(cloud, upload, JPEG)
    assert check_agreement(cloud, upload["id"], JPEG).status is JobStatus.COMPLETED
    assert cloud.deliver_s3_events(get_key(upload)) == []
    assert get_key(upload) not in set(cloud.keys())
    check_agreement(cloud, upload["id"], JPEG)


def test_larger_upload_before_the_claim_is_within_the_memory_budget(
    cloud: Cloud, upload: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event has the size of the first upload. The worker reserves more before it reads a larger one."""
    memory = worker.app.get_consumer().processor.memory
    reserved: list[int] = []
    real = memory.reserve

    def reserve(count: int) -> AbstractContextManager[None]:
        reserved.append(count)
        return real(count)

    monkeypatch.setattr(memory, "reserve", reserve)
    cloud.store(get_key(upload), JPEG + bytes(5_000))
    message = events.make_message(events.s3(BUCKET, get_key(upload), len(JPEG)))
    assert cloud.deliver([message]) == []
    check_agreement(cloud, upload["id"], JPEG + bytes(5_000))
    assert reserved == [len(JPEG), worker.app.get_consumer().processor.limits.max_bytes]


def test_retry_processes_the_same_bytes(cloud: Cloud) -> None:
    """A failed job has its own copy, too. A retry reads it, whatever was uploaded since."""
    upload = cloud.create_upload(content_type="image/png")
    send(cloud, upload, JPEG)
    assert check_agreement(cloud, upload["id"], JPEG).status is JobStatus.FAILED
    cloud.store(get_key(upload), PNG)
    assert cloud.call("POST", f"/v1/jobs/{upload['id']}/retry").status == 202
    assert cloud.deliver_s3_events(get_key(upload)) == []
    assert cloud.deliver(cloud.receive()) == []
    job = check_agreement(cloud, upload["id"], JPEG)
    assert (job.error.code if job.error else None, job.attempt) == ("TYPE_MISMATCH", 2)
    assert cloud.keys() == [job.raw.key]


def test_retry_with_another_pipeline_processes_the_same_bytes(cloud: Cloud) -> None:
    """A job that failed because of its pipeline completes with the first upload."""
    upload = cloud.create_upload(
        content_type="image/jpeg",
        pipeline={"operations": [{"op": "crop", "x": 9_000, "y": 0, "width": 10, "height": 10}]},
    )
    send(cloud, upload, JPEG)
    assert check_agreement(cloud, upload["id"], JPEG).status is JobStatus.FAILED
    cloud.store(get_key(upload), sample_images.make_jpeg(10, 10))
    assert cloud.post(f"/v1/jobs/{upload['id']}/retry", {"preset": "thumbnail"}).status == 202
    assert cloud.deliver(cloud.receive()) == []
    assert check_agreement(cloud, upload["id"], JPEG).status is JobStatus.COMPLETED


def test_backfill_copies_the_processed_bytes(cloud: Cloud, upload: dict[str, Any]) -> None:
    """A second upload does not reach the new jobs."""
    send(cloud, upload, JPEG)
    cloud.store(get_key(upload), PNG)
    batch = cloud.post("/v1/batches", {"preset": "thumbnail", "backfill": {}}).json["batch"]
    done = cloud.call("POST", f"/v1/batches/{batch['id']}/backfill").json
    assert (done["total"], done["backfill"]["skipped"]) == (1, 0)
    assert cloud.deliver(cloud.receive(cloud.bulk_queue_url)) == []
    (member,) = cloud.call("GET", f"/v1/batches/{batch['id']}/items").json["items"]
    assert check_agreement(cloud, member["id"], JPEG).status is JobStatus.COMPLETED


def test_member_of_a_batch_is_copied_too(cloud: Cloud) -> None:
    """The form of a member writes below another prefix."""
    created = cloud.post("/v1/batches", {"items": [{"content_type": "image/jpeg"}]}).json
    (member,) = created["items"]
    send(cloud, member, JPEG)
    cloud.store(get_key(member), PNG)
    job = check_agreement(cloud, get_key(member).rpartition("/")[2], JPEG)
    assert cloud.deliver_s3_events(get_key(member)) == []
    assert set(cloud.keys()) == {job.raw.key, job.outputs[0].key}


def test_superseded_attempt_deletes_its_copy(
    cloud: Cloud, upload: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt that is cancelled meanwhile leaves the upload, which a retry needs."""
    jobs = worker.app.get_consumer().processor.jobs
    real = jobs.commit

    def cancel_first(job: Job) -> bool:
        assert cloud.call("POST", f"/v1/jobs/{job.id}/cancel").status == 200
        return real(job)

    with monkeypatch.context() as patched:
        patched.setattr(type(jobs), "commit", lambda _, job: cancel_first(job))
        send(cloud, upload, JPEG)
    assert cloud.keys() == [get_key(upload)]
    assert cloud.call("POST", f"/v1/jobs/{upload['id']}/retry").status == 202
    assert cloud.deliver(cloud.receive()) == []
    assert check_agreement(cloud, upload["id"], JPEG).status is JobStatus.COMPLETED


def test_each_attempt_writes_its_own_copy(cloud: Cloud, upload: dict[str, Any]) -> None:
    """The late copy of an attempt whose lease has expired does not replace the one that is recorded."""
    cloud.store(get_key(upload), PNG)
    message = JobMessage(job_id=upload["id"], generation=1)
    first = cloud.jobs.claim(message, now=utc_now() - worker.app.get_consumer().processor.lease * 2, **CLAIM)
    assert isinstance(first, Job)
    send(cloud, upload, JPEG)
    cloud.store(pinned_key(first.id, first.attempt), PNG)
    job = check_agreement(cloud, upload["id"], JPEG)
    assert job.attempt == 2
    assert cloud.call("DELETE", f"/v1/jobs/{upload['id']}").json["object_count"] == 3
    assert cloud.keys() == []


def test_failed_deletion_of_the_upload_does_not_matter(
    cloud: Cloud, upload: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is complete. The repeated event deletes the object."""

    def fail(*_: object) -> None:
        raise ServiceUnavailable

    with monkeypatch.context() as patched:
        patched.setattr(ImageStore, "delete_raw", fail)
        send(cloud, upload, JPEG)
    job = check_agreement(cloud, upload["id"], JPEG)
    assert job.status is JobStatus.COMPLETED
    assert get_key(upload) in set(cloud.keys())
    assert cloud.deliver_s3_events(get_key(upload)) == []
    assert set(cloud.keys()) == {job.raw.key, job.outputs[0].key}


def test_no_form_can_write_a_copy(cloud: Cloud, upload: dict[str, Any]) -> None:
    """The policy of the form allows one key, and not one of a copy."""
    assert cloud.create_upload()["upload"]["fields"]["key"].startswith("raw/direct/")
    assert not get_key(upload).startswith("raw/pinned/")
    assert "raw/pinned/" not in json.dumps(upload)


CLAIM: dict[str, Any] = {"lease": worker.app.FIRST_RETRY_DELAY, "max_attempts": 5, "uploaded": True}


def test_a_signed_put_needs_no_copy(cloud: Cloud) -> None:
    """S3 refuses a second PUT while the first object exists, so the job refers to the uploaded object."""
    upload = cloud.create_upload(method="put", size=len(JPEG))
    assert upload["put"]["headers"]["If-None-Match"] == "*"
    key = cloud.job(upload["id"]).raw.key
    cloud.store(key, JPEG)
    assert cloud.deliver_s3_events(key) == []
    job = check_agreement(cloud, upload["id"], JPEG)
    assert (job.status, job.raw.key) == (JobStatus.COMPLETED, key)
    assert set(cloud.keys()) == {key, job.outputs[0].key}
    assert cloud.deliver_s3_events(key) == []
    check_agreement(cloud, upload["id"], JPEG)
    assert cloud.call("DELETE", f"/v1/jobs/{upload['id']}").json["object_count"] == 2
    assert cloud.keys() == []


def test_a_failed_put_is_retried_with_the_same_bytes(cloud: Cloud) -> None:
    """And an upload that no job needs any more is deleted."""
    broken = JPEG[:200]
    upload = cloud.create_upload(method="put", size=len(broken))
    key = cloud.job(upload["id"]).raw.key
    cloud.store(key, broken)
    assert cloud.deliver_s3_events(key) == []
    assert check_agreement(cloud, upload["id"], broken).status is JobStatus.FAILED
    cloud.post(f"/v1/jobs/{upload['id']}/retry", {})
    assert cloud.deliver(cloud.receive()) == []
    assert check_agreement(cloud, upload["id"], broken).raw.key == key
    cloud.call("DELETE", f"/v1/jobs/{upload['id']}")
    cloud.store(key, broken)
    assert cloud.deliver_s3_events(key) == []
    assert cloud.keys() == []
