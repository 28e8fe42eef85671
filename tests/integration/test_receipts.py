"""Receipts of completed jobs, and statements about deleted jobs."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import BUCKET, TABLE, Cloud
from support.thorough import every

import api.dependencies
import worker.reconciler
from api.jobs.deletion_views import MESSAGES_KEPT
from infra.deployment.template import load_template
from shared.clock import from_iso, utc_now
from shared.errors import ServiceUnavailable
from shared.jobs.deletion import RETENTION
from shared.jobs.message import JobMessage
from shared.webhooks.delivery import RETENTION as DELIVERIES_KEPT
from worker.imaging.software import get_software_versions

ANN, BOB = ({"userArn": f"arn:aws:iam::1:user/{name}"} for name in ("ann", "bob"))


def complete_job(cloud: Cloud, **more: Any) -> str:
    """Create and process a job. Return its ID."""
    job_id: str = cloud.submit(sample_images.make_jpeg(), **more)["id"]
    assert cloud.deliver(cloud.receive()) == []
    return job_id


def read_receipt(cloud: Cloud, job_id: str, **more: Any) -> Any:
    """Send a request for a receipt."""
    return cloud.call("GET", f"/v1/jobs/{job_id}/receipt", **more)


def test_completed_job_has_a_receipt(cloud: Cloud) -> None:
    """It lists the input, the software and the outputs. The job links to it."""
    job_id = complete_job(cloud, query={"preset": "thumbnail"})
    job = cloud.call("GET", f"/v1/jobs/{job_id}").json
    assert job["links"]["receipt"].endswith(f"/v1/jobs/{job_id}/receipt")
    content = read_receipt(cloud, job_id).json["receipt"]
    assert (content["raw"]["digest"], content["outputs"][0]["digest"]) == (
        job["raw"]["digest"],
        job["result"]["digest"],
    )
    assert (content["preset"], content["attempt"]) == ({"name": "thumbnail", "version": 1}, 1)
    assert content["pipeline"] == cloud.job(job_id).pipeline.model_dump(mode="json", exclude_none=True)  # type: ignore[union-attr]
    assert get_software_versions().items() <= content["software"].items()
    assert content["uploaded_at"] <= content["started_at"] <= content["finished_at"] == job["timestamp"]


def test_unchanged_receipt_gets_304(cloud: Cloud) -> None:
    """The ETag of a receipt is its digest."""
    job_id = complete_job(cloud)
    first = read_receipt(cloud, job_id)
    assert first.headers["ETag"] == f'"{first.json["digest"]}"'
    again = read_receipt(cloud, job_id, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.text) == (304, "")


def test_only_completed_jobs_have_a_receipt(cloud: Cloud) -> None:
    """Open, failed, foreign and older jobs each get their own error."""
    job_id = cloud.submit(sample_images.make_jpeg(), identity=ANN)["id"]
    assert read_receipt(cloud, job_id, identity=ANN).json["code"] == "RESULT_NOT_READY"
    assert cloud.call("GET", f"/v1/jobs/{job_id}", identity=ANN).json["links"]["receipt"] is None
    cloud.deliver(cloud.receive())
    assert read_receipt(cloud, job_id, identity=ANN).status == 200
    assert read_receipt(cloud, job_id, identity=BOB).json["code"] == "JOB_NOT_FOUND"
    cloud.clients.dynamodb.update_item(TableName=TABLE, Key={"ID": {"S": job_id}}, UpdateExpression="REMOVE Receipt")
    assert read_receipt(cloud, job_id, identity=ANN).json["code"] == "RECEIPT_NOT_FOUND"
    failed = cloud.submit(b"\x89PNG\r\n\x1a\n words")["id"]
    cloud.deliver(cloud.receive())
    assert read_receipt(cloud, failed).json["code"] == "JOB_FAILED"


def test_deletion_lists_deleted_objects(cloud: Cloud) -> None:
    """It lists keys, sizes and digests of the raw image and all outputs. A repeat returns the same."""
    job_id = complete_job(cloud)
    job = cloud.job(job_id)
    orphan = f"processed/{job_id}/7/orphan.png"
    cloud.clients.s3.put_object(Bucket=BUCKET, Key=orphan, Body=b"12345")
    stated = cloud.call("DELETE", f"/v1/jobs/{job_id}").json
    assert {each["key"]: (each["size"], each["digest"]) for each in stated["objects"]} == {
        job.raw.key: (job.raw.size, job.raw.digest),
        job.outputs[0].key: (job.outputs[0].size, job.outputs[0].digest),
        orphan: (5, None),
    }
    assert (stated["object_count"], stated["record"]) == (3, "removed")
    assert stated["bytes"] == sum(each["size"] for each in stated["objects"])
    assert list_remaining(stated) == {"statement", "log_lines", "answers", "messages", "stream", "backups"}
    assert all(each["until"] > stated["deleted_at"] for each in stated["stays"])
    assert cloud.call("DELETE", f"/v1/jobs/{job_id.lower()}").json == stated
    assert job.filename not in str(cloud.clients.dynamodb.scan(TableName="Idempotency"))


def list_remaining(stated: Any) -> set[str]:
    """Return the names of the data that remains after a deletion."""
    return {each["what"] for each in stated["stays"]}


def test_a_deletion_without_notifications_and_backups_leaves_less(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table has neither a stream nor backups."""
    monkeypatch.setenv("NOTIFICATIONS", "off")
    monkeypatch.setenv("BACKUP_DAYS", "0")
    stated = cloud.call("DELETE", f"/v1/jobs/{complete_job(cloud)}").json
    assert list_remaining(stated) == {"statement", "log_lines", "answers", "messages"}


def test_a_deletion_states_the_deliveries_that_remain(cloud: Cloud) -> None:
    """The log of deliveries contains the file name, so the statement lists it, and the repeated one too."""
    headers = {"Content-Type": "application/json"}
    cloud.call("PUT", "/v1/webhooks/studio", '{"url": "https://example.com/hook"}', headers=headers)
    job_id = complete_job(cloud, query={"webhook": "studio", "filename": "secret-wedding.jpg"})
    cloud.notify(cloud.make_stream_record(job_id))
    webhook_messages = str(cloud.receive(cloud.webhook_queue_url))
    assert "secret-wedding" in webhook_messages
    stated = cloud.call("DELETE", f"/v1/jobs/{job_id}").json
    until = {each["what"]: from_iso(each["until"]) for each in stated["stays"] if each["until"]}
    assert until["deliveries"] == from_iso(stated["deleted_at"]) + DELIVERIES_KEPT
    assert until["backups"] == until["deliveries"] + timedelta(days=35)
    assert cloud.call("DELETE", f"/v1/jobs/{job_id}").json == stated


def test_a_deletion_states_objects_that_may_come_later(cloud: Cloud) -> None:
    """The form of an upload stays valid, and a running attempt may still store its outputs."""
    upload = cloud.create_upload()["id"]
    running = cloud.submit(sample_images.make_jpeg())["id"]
    message = JobMessage(job_id=running, generation=1)
    cloud.jobs.claim(message, now=utc_now(), lease=timedelta(minutes=1), max_attempts=5)
    waiting = cloud.submit(sample_images.make_jpeg())["id"]
    stated = {job_id: cloud.call("DELETE", f"/v1/jobs/{job_id}").json for job_id in (upload, running, waiting)}
    assert {job_id: "late_objects" in list_remaining(each) for job_id, each in stated.items()} == {
        upload: True,
        running: True,
        waiting: False,
    }
    assert cloud.call("DELETE", f"/v1/jobs/{running}").json == stated[running]


def test_queues_keep_messages_as_long_as_deletions_state() -> None:
    """Dead-letter queues keep them the longest."""
    queues = [each["Properties"] for each in load_template()["Resources"].values() if each["Type"] == "AWS::SQS::Queue"]
    assert max(each["MessageRetentionPeriod"] for each in queues) == MESSAGES_KEPT.total_seconds()


def test_remaining_object_versions_are_stated(cloud: Cloud) -> None:
    """With bucket versioning, deleted objects remain as versions, and the statement says so."""
    enabled: Any = {"Status": "Enabled"}
    cloud.clients.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=enabled)
    job_id = complete_job(cloud)
    stated = cloud.call("DELETE", f"/v1/jobs/{job_id}").json
    assert [each["until"] for each in stated["stays"] if each["what"] == "versions"] == [None]
    assert cloud.call("DELETE", f"/v1/jobs/{job_id}").json == stated


def test_statement_belongs_to_its_owner_and_expires(cloud: Cloud) -> None:
    """Other callers get 404, and so does everyone after 30 days, even if the record remains."""
    job_id = complete_job(cloud, identity=ANN)
    stated = cloud.call("DELETE", f"/v1/jobs/{job_id}", identity=ANN).json
    assert from_iso(stated["expires_at"]) - from_iso(stated["deleted_at"]) == RETENTION
    assert cloud.call("DELETE", f"/v1/jobs/{job_id}", identity=BOB).status == 404
    dependencies = api.dependencies.get_dependencies()
    object.__setattr__(dependencies, "clock", lambda: utc_now() + RETENTION + timedelta(seconds=1))
    assert cloud.call("DELETE", f"/v1/jobs/{job_id}", identity=ANN).status == 404


@pytest.mark.parametrize("finish", ["owner", "reconciler"])
@pytest.mark.parametrize("step", every(3, ["delete_job", "record", "delete_tombstone"]))
def test_interrupted_deletion_states_the_same(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, step: str, finish: str
) -> None:
    """Wherever it is interrupted and completed, the statement lists all deleted objects."""
    job_id = complete_job(cloud)
    dependencies = api.dependencies.get_dependencies()
    part = {"record": dependencies.deletions, "delete_job": dependencies.images, "delete_tombstone": dependencies.jobs}[
        step
    ]

    def die(_: Any) -> None:
        raise ServiceUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(part, step, die)
        assert cloud.call("DELETE", f"/v1/jobs/{job_id}").status == 503
    if finish == "reconciler":
        reconciler, distance = worker.reconciler.get_reconciler(), timedelta(minutes=16)
        monkeypatch.setattr(
            worker.reconciler, "get_reconciler", lambda: replace(reconciler, clock=lambda: utc_now() + distance)
        )
        assert cloud.reconcile() == {"erase": 1}
    stated = cloud.call("DELETE", f"/v1/jobs/{job_id}").json
    assert (stated["object_count"], cloud.keys(), cloud.count()) == (2, [], 0)
    assert stated["objects"][0]["digest"] is not None


def test_statement_lists_unread_uploads(cloud: Cloud) -> None:
    """Bytes that were never sent are not listed. Bytes that were sent but never read are."""
    upload = {"filename": "a.jpg", "content_type": "image/jpeg"}
    for sent in (False, True):
        job_id = cloud.post("/v1/uploads", upload).json["id"]
        key = cloud.job(job_id).raw.key
        if sent:
            cloud.store(key, sample_images.make_jpeg())
        stated = cloud.call("DELETE", f"/v1/jobs/{job_id}").json
        assert [each["key"] for each in stated["objects"]] == ([key] if sent else [])
    assert cloud.count() == 0
