"""What the functions do only when something has gone wrong they may do, too: each rare path, on a real engine."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from support import sample_images
from support.running_stack import Site, send, until

from shared.aws.dynamodb.job_table import JobTable
from shared.clock import utc_now
from shared.jobs.job import Job, JobStatus

PICTURE = sample_images.jpeg()
LARGE = (Path(__file__).parents[2] / "safelight" / "demo_images" / "contact-sheet.jpg").read_bytes()
#: Longer than a function needs to start.
LEASE = timedelta(seconds=6)


@pytest.fixture
def table(site: Site) -> JobTable:
    """Return the table of jobs, to put a job into a state that takes hours or a death to come about."""
    batches = site.stack.table.removesuffix("-Images") + "-Batches"
    return JobTable(site.dynamodb, site.stack.table, batch_table=batches, bucket=site.stack.bucket, listing_shards=4)


def member(site: Site) -> dict[str, Any]:
    """Make a batch of one; return the job with its form and the ID of its batch."""
    answer = site.http.post("batches", json={"items": [{"content_type": "image/jpeg", "filename": "a.jpg"}]})
    assert answer.status_code == 202, answer.text
    (item,) = answer.json()["items"]
    return {"id": item["job"]["id"], "upload": item["upload"], "batch": answer.json()["batch"]["id"]}


def change(table: JobTable, job_id: str, **values: Any) -> Job:
    """Put a job into another state, whatever the state machine says of it."""

    def changed() -> bool:
        seen = table.get(job_id)
        return table.swap(seen, replace(seen, **values))

    until(changed)
    return table.get(job_id)


def leased(seen: datetime, *, attempt: int, lease: timedelta = LEASE) -> dict[str, Any]:
    """Describe a job whose worker has died in this attempt, with a lease that has not run out yet."""
    return {"status": JobStatus.PROCESSING, "attempt": attempt, "lease_until": seen + lease}


def reconcile(site: Site) -> None:
    """Wake the reconciler."""
    answer = site.functions.invoke(FunctionName=site.stack.functions["reconciler"], Payload=b"{}")
    assert "FunctionError" not in answer, answer["Payload"].read()


def counts(site: Site, batch_id: str) -> dict[str, int]:
    """Return how many members of a batch are in which state, without those states that none is in."""
    told = site.http.get(f"batches/{batch_id}").raise_for_status().json()["counts"]
    return {state: count for state, count in told.items() if count}


def test_the_raw_image_comes_back(site: Site) -> None:
    """The link to the image as it was sent leads to its bytes."""
    job = site.submit(PICTURE)
    answer = httpx.get(f"{site.stack.api_url}/jobs/{job['id']}/raw", follow_redirects=True, timeout=60)
    assert (answer.status_code, answer.content) == (200, PICTURE)


def test_bytes_for_a_deleted_member_are_cleared_away(site: Site) -> None:
    """What comes for a member of a batch that is gone does not stay."""
    job = member(site)
    assert site.http.delete(f"jobs/{job['id']}").status_code == 200
    assert send(job["upload"], PICTURE).status_code in {201, 204}
    until(lambda: site.keys(f"raw/bulk/{job['id']}") == [])


def test_an_attempt_that_comes_too_late_leaves_nothing(site: Site) -> None:
    """A job that is cancelled while a worker renders it has no result afterwards, whoever is first."""

    def overtaken() -> bool:
        job_id = site.submit(LARGE)["id"]
        until(lambda: site.job(job_id)["status"] != "PENDING")
        site.http.post(f"jobs/{job_id}/cancel")
        if site.job(job_id)["status"] != "CANCELLED":
            return False  # the worker was quicker than we were
        until(lambda: any(job_id in line and "OVERTAKEN" in line.upper() for line in site.log_lines("worker")))
        return site.keys(f"processed/{job_id}/") == []

    until(overtaken)


def test_a_leased_member_comes_back_when_its_lease_is_over(site: Site, table: JobTable) -> None:
    """A message of the bulk lane whose job a dead worker holds waits for the lease, not for the queue."""
    with site.without_worker():
        job = member(site)
        assert send(job["upload"], PICTURE).status_code in {201, 204}
        change(table, job["id"], **leased(utc_now(), attempt=1))
    done = site.finished(job["id"])
    assert (done["status"], done["attempts"]) == ("COMPLETED", 2)


def test_a_leased_job_comes_back_when_its_lease_is_over(site: Site, table: JobTable) -> None:
    """So does a message of the interactive lane."""
    with site.without_worker():
        job_id = site.submit(PICTURE)["id"]
        change(table, job_id, **leased(utc_now(), attempt=1))
    done = site.finished(job_id)
    assert (done["status"], done["attempts"]) == ("COMPLETED", 2)


def test_an_overdue_job_is_told_again(site: Site, table: JobTable) -> None:
    """A job whose message is lost gets another one in the interactive lane, and ends."""
    with site.without_worker():
        job_id = site.submit(PICTURE)["id"]
        change(table, job_id, due_at=utc_now() - timedelta(seconds=1))
        reconcile(site)
        due_at = table.get(job_id).due_at
        assert due_at is not None
        assert due_at > utc_now()
    assert site.finished(job_id)["status"] == "COMPLETED"


def waits_for_the_lease(site: Site, table: JobTable, lease: timedelta) -> bool:
    """End a member by its message alone; return whether that came while the lease was held.

    Deletes the job: other tests count the dead letters of this stack.
    """
    with site.without_worker():
        job = member(site)
        change(table, job["id"], **leased(utc_now(), attempt=5, lease=lease))
        body = json.dumps({"version": 1, "job_id": job["id"], "generation": 1})
        site.sqs.send_message(QueueUrl=site.stack.dead_letter_queue_url, MessageBody=body)
        ended = site.finished(job["id"])
    assert (ended["status"], ended["error"]["code"]) == ("FAILED", "ATTEMPTS_EXHAUSTED")
    until(lambda: counts(site, job["batch"]) == {"failed": 1})
    assert site.http.delete(f"jobs/{job['id']}").status_code == 200
    # What is logged first can be read first: once its end is there, so is what came before.
    until(lambda: any(job["id"] in line and "attempts exhausted" in line for line in site.log_lines("dead_letters")))
    return any(job["id"] in line and "LEASE_HELD" in line for line in site.log_lines("dead_letters"))


def test_a_dead_letter_waits_for_the_lease_and_ends_the_member(site: Site, table: JobTable) -> None:
    """The message of a member that died in its last attempt ends it, when that attempt is over, and is counted."""
    # How long an engine takes to deliver a message is its own affair; a lease must outlast it.
    assert any(waits_for_the_lease(site, table, lease) for lease in (LEASE, 4 * LEASE, 10 * LEASE))


@pytest.mark.parametrize(
    ("sent", "expected"), [(True, {"completed": 1}), (False, {"expired": 1})], ids=["bytes are there", "no bytes"]
)
def test_an_overdue_member_is_moved_and_counted(
    site: Site, table: JobTable, sent: bool, expected: dict[str, int]
) -> None:
    """A member whose bytes came unheard goes back into the bulk lane; one that got none expires."""
    with site.without_worker():
        job = member(site)
        if sent:
            assert send(job["upload"], PICTURE).status_code in {201, 204}
        change(table, job["id"], due_at=utc_now() - timedelta(seconds=1))
        reconcile(site)
        assert site.job(job["id"])["status"] == ("PENDING" if sent else "EXPIRED")
    until(lambda: counts(site, job["batch"]) == expected)


def test_a_deletion_that_died_half_way_is_finished(site: Site, table: JobTable) -> None:
    """The reconciler removes the objects of a tombstone, and then the record; what went is stated to who asks."""
    job_id = site.finished(site.submit(PICTURE)["id"])["id"]
    seen = table.get(job_id)
    assert table.swap(seen, seen.deleted(now=utc_now(), due_at=utc_now() - timedelta(seconds=1)))
    reconcile(site)
    assert "Item" not in site.dynamodb.get_item(TableName=site.stack.table, Key={"ID": {"S": job_id}})
    assert [*site.keys(f"raw/api/{job_id}"), *site.keys(f"processed/{job_id}/")] == []
    assert site.http.delete(f"jobs/{job_id}").json()["object_count"] == 2
