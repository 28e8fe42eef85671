"""Recovery paths on an engine: each function has the permissions that they need."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import sample_images
from support.running_stack import HTTP_SECONDS, Site, count_attempts, post_form, wait_until

from shared.aws.dynamodb.job_table import JobTable
from shared.clock import utc_now
from shared.jobs.job import REQUEUED, Job, JobStatus

IMAGE = sample_images.make_jpeg()
LARGE = (Path(__file__).parents[2] / "safelight" / "demo_images" / "contact-sheet.jpg").read_bytes()
#: Longer than the start of a function takes.
LEASE = timedelta(seconds=6)


@pytest.fixture
def table(site: Site) -> JobTable:
    """Return the job table, to set states that otherwise take hours or a crash."""
    batches = site.stack.table.removesuffix("-Images") + "-Batches"
    return JobTable(site.dynamodb, site.stack.table, batch_table=batches, bucket=site.stack.bucket, listing_shards=4)


def create_member(site: Site) -> dict[str, Any]:
    """Create a batch of one and return job ID, form and batch ID."""
    answer = site.http.post("batches", json={"items": [{"content_type": "image/jpeg", "filename": "a.jpg"}]})
    assert answer.status_code == 202, answer.text
    (item,) = answer.json()["items"]
    return {"id": item["job"]["id"], "upload": item["upload"], "batch": answer.json()["batch"]["id"]}


def set_job_state(table: JobTable, job_id: str, **values: Any) -> Job:
    """Change a job without the state machine."""

    def is_changed() -> bool:
        current = table.get(job_id)
        return table.compare_and_swap(current, replace(current, **values))

    wait_until(is_changed)
    return table.get(job_id)


def lease_values(now: datetime, *, attempt: int, lease: timedelta = LEASE) -> dict[str, Any]:
    """Return the values of a job whose worker crashed and whose lease is still valid."""
    return {"status": JobStatus.PROCESSING, "attempt": attempt, "lease_until": now + lease}


def reconcile_until(site: Site, condition: Callable[[], bool]) -> None:
    """Run the reconciler until a condition is true.

    Once may not be enough: older jobs of other tests may be due too, or its schedule may have started another run that
    handles the job.
    """

    def is_reached() -> bool:
        answer = site.functions.invoke(FunctionName=site.stack.functions["reconciler"], Payload=b"{}")
        printed = answer["Payload"].read()
        if "FunctionError" in answer:
            assert b"timed out" in printed, printed
        return condition()

    wait_until(is_reached)


def read_outcomes(site: Site, job_id: str) -> set[str]:
    """Return the outcomes of the attempts of a job that have ended, from the log of the worker."""
    lines = [line for line in site.read_log("worker") if job_id in line and '"outcome"' in line]
    return {str(json.loads(line[line.index("{") :])["outcome"]) for line in lines}


def get_counts(site: Site, batch_id: str) -> dict[str, int]:
    """Return the nonzero counts of a batch."""
    counts = site.http.get(f"batches/{batch_id}").raise_for_status().json()["counts"]
    return {state: count for state, count in counts.items() if count}


def test_raw_image_is_downloaded(site: Site) -> None:
    """The link returns the uploaded bytes."""
    job = site.submit(IMAGE)
    answer = httpx.get(f"{site.stack.api_url}/jobs/{job['id']}/raw", follow_redirects=True, timeout=HTTP_SECONDS)
    assert (answer.status_code, answer.content) == (200, IMAGE)


def test_upload_for_a_deleted_member_is_deleted(site: Site) -> None:
    """The object does not stay in the bucket."""
    job = create_member(site)
    assert site.http.delete(f"jobs/{job['id']}").status_code == 200
    assert post_form(job["upload"], IMAGE).status_code in {201, 204}
    wait_until(lambda: site.keys(f"raw/bulk/{job['id']}") == [])


def test_outputs_of_a_cancelled_job_are_deleted(site: Site) -> None:
    """A job that is cancelled during rendering has no result."""

    def cancel_while_rendering() -> bool:
        job_id = site.submit(LARGE)["id"]
        wait_until(lambda: site.job(job_id)["status"] != "PENDING")
        site.http.post(f"jobs/{job_id}/cancel")
        if site.job(job_id)["status"] != "CANCELLED":
            return False  # the worker was faster
        wait_until(lambda: read_outcomes(site, job_id))
        assert site.keys(f"processed/{job_id}/") == []
        # An attempt that a busy machine has ended before the cancellation is not overtaken.
        return "overtaken" in read_outcomes(site, job_id)

    wait_until(cancel_while_rendering)


def test_leased_member_is_processed_after_its_lease(site: Site, table: JobTable) -> None:
    """Its message in the bulk queue waits for the lease, not for the visibility timeout."""
    with site.pause_worker():
        job = create_member(site)
        assert post_form(job["upload"], IMAGE).status_code in {201, 204}
        set_job_state(table, job["id"], **lease_values(utc_now(), attempt=1))
    done = site.wait_until_done(job["id"])
    assert (done["status"], count_attempts(done)) == ("COMPLETED", 2)


def test_leased_job_is_processed_after_its_lease(site: Site, table: JobTable) -> None:
    """Its message in the interactive queue waits for the lease too."""
    with site.pause_worker():
        job_id = site.submit(IMAGE)["id"]
        set_job_state(table, job_id, **lease_values(utc_now(), attempt=1))
    done = site.wait_until_done(job_id)
    assert (done["status"], count_attempts(done)) == ("COMPLETED", 2)


def test_overdue_job_is_requeued(site: Site, table: JobTable) -> None:
    """A job whose message was lost is completed."""
    with site.pause_worker():
        job_id = site.submit(IMAGE)["id"]
        set_job_state(table, job_id, due_at=utc_now() - timedelta(seconds=1))
        reconcile_until(site, lambda: REQUEUED in {line.code for line in table.get(job_id).history})
        due_at = table.get(job_id).due_at
        assert due_at is not None
        assert due_at > utc_now()
    assert site.wait_until_done(job_id)["status"] == "COMPLETED"


def end_by_dead_letter(site: Site, table: JobTable, lease: timedelta) -> bool:
    """End a member by a dead letter and return True if the dead letter waited for the lease.

    Delete the job, because other tests count the dead letters of this stack.
    """
    with site.pause_worker():
        job = create_member(site)
        set_job_state(table, job["id"], **lease_values(utc_now(), attempt=5, lease=lease))
        body = json.dumps({"version": 1, "job_id": job["id"], "generation": 1})
        site.sqs.send_message(QueueUrl=site.stack.dead_letter_queue_url, MessageBody=body)
        ended = site.wait_until_done(job["id"])
    assert (ended["status"], ended["error"]["code"]) == ("FAILED", "ATTEMPTS_EXHAUSTED")
    wait_until(lambda: get_counts(site, job["batch"]) == {"failed": 1})
    assert site.http.delete(f"jobs/{job['id']}").status_code == 200
    # Log lines appear in order: once the last one is visible, all earlier ones are.
    wait_until(
        lambda: any(job["id"] in line and "attempts exhausted" in line for line in site.read_log("dead_letters"))
    )
    return any(job["id"] in line and "LEASE_HELD" in line for line in site.read_log("dead_letters"))


def test_dead_letter_waits_for_the_lease(site: Site, table: JobTable) -> None:
    """Then it fails the member, which is counted."""
    # The delivery time of engines varies, and the lease must be longer.
    assert any(end_by_dead_letter(site, table, lease) for lease in (LEASE, 4 * LEASE, 10 * LEASE, 40 * LEASE))


@pytest.mark.parametrize(
    ("sent", "expected"), [(True, {"completed": 1}), (False, {"expired": 1})], ids=["uploaded", "not uploaded"]
)
def test_overdue_member_is_requeued_or_expired(
    site: Site, table: JobTable, sent: bool, expected: dict[str, int]
) -> None:
    """With uploaded bytes it is requeued, without it expires; both are counted."""
    with site.pause_worker():
        job = create_member(site)
        if sent:
            assert post_form(job["upload"], IMAGE).status_code in {201, 204}
        set_job_state(table, job["id"], due_at=utc_now() - timedelta(seconds=1))
        reconcile_until(site, lambda: site.job(job["id"])["status"] == ("PENDING" if sent else "EXPIRED"))
    wait_until(lambda: get_counts(site, job["batch"]) == expected)


def test_interrupted_deletion_is_finished(site: Site, table: JobTable) -> None:
    """The reconciler deletes objects and record, and a later deletion returns the statement."""
    job_id = site.wait_until_done(site.submit(IMAGE)["id"])["id"]
    current = table.get(job_id)
    assert table.compare_and_swap(current, current.delete(now=utc_now(), due_at=utc_now() - timedelta(seconds=1)))
    key = {"ID": {"S": job_id}}
    reconcile_until(site, lambda: "Item" not in site.dynamodb.get_item(TableName=site.stack.table, Key=key))
    assert [*site.keys(f"raw/api/{job_id}"), *site.keys(f"processed/{job_id}/")] == []
    assert site.http.delete(f"jobs/{job_id}").json()["object_count"] == 2
