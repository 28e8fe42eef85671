"""Deletions, listings and backfills: order of writes, per-object errors, and more than one page everywhere.

On the doubles of AWS, through the real tables, stores and functions.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from faults.simulator import rendering
from faults.simulator.buckets import Stored
from faults.simulator.faults import Fault
from faults.simulator.http_requests import HttpRequest, send_request
from faults.simulator.single_faults import submit_images
from faults.simulator.stage import MINUTE, Stage
from faults.simulator.world import SOURCE_BUCKET
from support import events

import api.app
from api.batches.backfill import Backfills, start_backfill
from shared.aws.dynamodb.walks.walk_table import WALKS
from shared.errors import BatchClosed, RawImageMissing, SourceChanged, TooManyBytes
from shared.jobs.backfill import BackfillFilter
from shared.jobs.batch import Batch
from shared.jobs.deletion import Deletion
from shared.jobs.job import ANONYMOUS, Job, JobFailure, JobStatus
from shared.jobs.source import ImportSource, S3Location


def delete(stage: Stage, job: Job) -> str:
    """Delete a job through the API; return the status."""
    request = HttpRequest("DELETE", f"/v1/jobs/{job.id}")
    return str(stage.run(stage.platform.client(lambda: send_request(stage.functions, request))))


def state(stage: Stage, job: Job) -> Deletion | None:
    """Return the statement of a deletion."""
    return stage.functions.dependencies.deletions.find(job.id, ANONYMOUS, now=stage.world.now)


def store_outputs(stage: Stage, job: Job, count: int) -> None:
    """Store processed images of a job, as an attempt does before its commit."""
    for number in range(count):
        key = f"processed/{job.id}/1/{number:05d}.png"
        stage.world.bucket.objects[key] = stage.world.bucket.objects[job.raw.key]


def test_an_object_that_s3_could_not_delete_keeps_the_deletion_open(stage: Stage) -> None:
    """S3 reports it with status 200. The request fails, the tombstone stays, and the reconciler finishes."""
    job = stage.create()
    stage.world.plan = lambda send: Fault.PARTIAL if send.operation == "DeleteObjects" else None
    assert delete(stage, job) == "503"
    assert job.raw.key in stage.world.bucket.objects
    assert "DeletedAt" in stage.world.jobs[job.id]
    stage.world.plan = lambda _: None
    stage.platform.settle(timedelta(hours=1))
    assert not stage.world.jobs
    assert not stage.world.bucket.objects


def test_a_deletion_is_stated_before_its_objects_go(stage: Stage) -> None:
    """If the function is killed between the two, the statement still names every object."""
    job = stage.create()
    store_outputs(stage, job, 2)
    stage.world.plan = lambda send: Fault.KILLED_BEFORE if send.operation == "DeleteObjects" else None
    delete(stage, job)
    before = state(stage, job)
    assert before is not None
    assert len(before.objects) == 3
    stage.world.plan = lambda send: Fault.KILLED_AFTER if send.operation == "DeleteObjects" else None
    delete(stage, job)
    assert state(stage, job) == before
    stage.world.plan = lambda _: None
    assert delete(stage, job) == "200"
    assert state(stage, job) == before


def test_a_tombstone_goes_after_its_objects(stage: Stage) -> None:
    """Otherwise nothing would find them again."""
    job = stage.create()
    stage.world.plan = lambda send: Fault.KILLED_BEFORE if send.operation == "DeleteObjects" else None
    delete(stage, job)
    assert "DeletedAt" in stage.world.jobs[job.id]


def test_all_pages_of_objects_are_deleted_and_stated(stage: Stage) -> None:
    """A listing has at most 1,000 keys, and so has a deletion."""
    job = stage.create()
    store_outputs(stage, job, 2_500)
    assert delete(stage, job) == "200"
    assert not stage.world.bucket.objects
    stated = state(stage, job)
    assert stated is not None
    assert stated.object_count == 2_501


def test_a_later_deletion_of_the_same_id_is_stated_anew(stage: Stage) -> None:
    """A repeated request can create the job again; its deletion replaces the older statement, but not a newer one."""
    log = stage.functions.dependencies.deletions
    job = stage.create()
    first = Deletion.of(job.delete(now=stage.world.now, due_at=stage.world.now), [("a", 1)])
    second = Deletion.of(job.delete(now=stage.world.now + MINUTE, due_at=stage.world.now), [("b", 2)])
    assert log.record(first) == first
    assert log.record(replace(first, object_count=0)) == first
    assert log.record(second) == second
    assert log.record(first) == second


def read(stage: Stage, path: str, query: Mapping[str, str]) -> Any:
    """Read from the API; return the body of the response."""
    answer = api.app.handler(events.http("GET", path, query=query), stage.functions.make_context())
    assert answer["statusCode"] == 200, answer
    return json.loads(answer["body"])


def read_pages(stage: Stage, path: str, name: str, **query: str) -> list[Any]:
    """Read all pages of a listing."""
    found: list[Any] = []
    cursor: str | None = None
    while True:
        page = read(stage, path, query | ({"cursor": cursor} if cursor else {}))
        found += page[name]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


def post(stage: Stage, path: str, body: object = None, key: str = "key") -> str:
    """Send a request; return the status."""
    text = None if body is None else json.dumps(body)
    return send_request(stage.functions, HttpRequest("POST", path, text, key))


def test_a_listing_shows_each_job_once_over_all_pages(stage: Stage) -> None:
    """Newest first, without deleted jobs, with and without a filter."""
    jobs = [stage.create() for _ in range(135)]
    tombstone = jobs[7].delete(now=stage.world.now, due_at=stage.world.now + MINUTE)
    assert stage.jobs.compare_and_swap(jobs[7], tombstone)
    expected = sorted((job.id for job in jobs if job.id != tombstone.id), reverse=True)
    for query in ({"limit": "10"}, {"limit": "7", "status": "PENDING"}):
        assert [each["id"] for each in read_pages(stage, "/v1/jobs", "jobs", **query)] == expected


def test_a_backfill_reads_all_pages_and_makes_each_member_once(stage: Stage) -> None:
    """One transaction makes at most 50 members. Then all pages of members are listed, cancelled and retried."""
    submit_images(stage.platform, 55)
    stage.platform.settle(timedelta(hours=1))
    originals = set(stage.world.jobs)
    assert post(stage, "/v1/batches", {"backfill": {}}) == "202"
    (batch_id,) = {item["ID"]["S"] for item in stage.world.batches.values()} - {WALKS}
    assert post(stage, f"/v1/batches/{batch_id}/backfill") == "202"
    made = set(stage.world.jobs) - originals
    assert len(made) == 55
    assert {stage.jobs.get(job_id).raw.digest for job_id in made} == {hashlib.sha256(rendering.GOOD).hexdigest()}
    members = read_pages(stage, f"/v1/batches/{batch_id}/items", "items", limit="20")
    assert sorted(each["id"] for each in members) == sorted(made)
    assert post(stage, f"/v1/batches/{batch_id}/cancel") == "202"
    assert {stage.world.jobs[job_id]["Status"]["S"] for job_id in made} == {"CANCELLED"}


def test_dead_letters_are_listed_and_redriven_over_all_pages(stage: Stage) -> None:
    """Each job once, whatever the shard of the index."""
    failure = JobFailure(code="ATTEMPTS_EXHAUSTED", message="m", retriable=True)
    failed = [stage.create(status=JobStatus.FAILED, error=failure, due_at=None) for _ in range(25)]
    listed = read_pages(stage, "/v1/dead-letters", "dead_letters", limit="10")
    assert len(listed) == len(failed)
    assert {each["id"] for each in listed} == {job.id for job in failed}
    assert post(stage, "/v1/dead-letters/redrive", {"all": True}) == "202"
    assert len(stage.world.queue.messages) == len(failed)


def test_a_backfill_covers_what_exists_when_it_starts(stage: Stage) -> None:
    """Not what is uploaded later, whatever the filter says. A closed batch gets no more members."""
    now, dependencies = stage.world.now, stage.functions.dependencies
    for until, expected in ((None, now), (now + MINUTE, now), (now - MINUTE, now - MINUTE)):
        assert start_backfill(BackfillFilter(until=until), at=now).filter.until == expected
    batch = Batch(
        id=stage.functions.new_id(),
        owner=ANONYMOUS,
        name=None,
        created_at=now,
        expires_at=now + timedelta(days=1),
        pipeline=stage.create().pipeline,
        backfill=start_backfill(BackfillFilter(status=None), at=now),
    )
    dependencies.batches.create(batch)
    dependencies.batches.close(batch.id, at=now)
    closed = dependencies.batches.get(batch.id, ANONYMOUS, now=now).batch
    with pytest.raises(BatchClosed):
        Backfills.of(dependencies).advance(closed, until=now)


def test_a_raw_image_is_read_only_as_recorded(stage: Stage) -> None:
    """Its size has a limit, and its bytes must have the recorded digest."""
    images, job = stage.functions.dependencies.images, stage.create()
    size = len(rendering.GOOD)
    raw = replace(job.raw, digest=hashlib.sha256(rendering.GOOD).hexdigest())
    assert images.get_raw(raw, max_bytes=size) == rendering.GOOD
    with pytest.raises(TooManyBytes):
        images.get_raw(raw, max_bytes=size - 1)
    with pytest.raises(RawImageMissing):
        images.get_raw(replace(raw, digest="0" * 64), max_bytes=size)


def test_a_source_is_copied_as_it_was_found(stage: Stage) -> None:
    """One that has changed since is refused."""
    sources, shop = stage.functions.dependencies.sources, stage.world.bucket.others[SOURCE_BUCKET]
    shop["a.jpg"] = Stored(rendering.GOOD, "image/jpeg")
    found = sources.find(S3Location(bucket=SOURCE_BUCKET, key="a.jpg"))
    assert isinstance(found.source, ImportSource)
    sources.copy(found.source, "raw/import/x")
    shop["a.jpg"] = Stored(b"other", "image/jpeg")
    with pytest.raises(SourceChanged):
        sources.copy(found.source, "raw/import/y")
    assert set(stage.world.bucket.objects) == {"raw/import/x"}
