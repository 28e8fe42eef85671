"""Listings whose pages have one entry each, and calls for several objects that leave one out, with status 200.

DynamoDB and S3 may end any page early. Every listing must continue until the answer says that it is complete.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from faults.simulator.aws_interception import PAGE_LIMITS
from faults.simulator.faults import Fault, Send
from faults.simulator.settings import BUCKET
from faults.simulator.stage import MINUTE, Stage
from support import events

import api.app
from shared.aws.dynamodb.owner_quotas import OwnerLimits, OwnerQuotas
from shared.errors import TooManyOpenJobs
from shared.jobs import object_keys
from shared.jobs.job import ANONYMOUS, JobFailure, JobStatus


@pytest.fixture(autouse=True)
def _short_pages(stage: Stage) -> None:
    """End every page after one entry."""

    def plan(send: Send) -> Fault | None:
        return Fault.PARTIAL if send.operation in PAGE_LIMITS else None

    stage.world.plan = plan


def call(stage: Stage, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None) -> Any:
    """Send a request to the API function and return the body of the response."""
    text = None if body is None else json.dumps(body)
    headers = {"Content-Type": "application/json"} if text else {}
    event = events.http(method, path, text, headers=headers, query=query or {})
    answer = stage.run(stage.platform.client(lambda: api.app.handler(event, stage.functions.make_context())))
    assert 200 <= answer["statusCode"] < 300, answer
    return json.loads(answer["body"])


def read_pages(stage: Stage, path: str, name: str, **query: str) -> list[Any]:
    """Read all pages of a listing, and require full pages."""
    found: list[Any] = []
    while True:
        page = call(stage, "GET", path, query=query)
        found += page[name]
        if page["next_cursor"] is None:
            return found
        assert len(page[name]) == int(query["limit"])
        query["cursor"] = page["next_cursor"]


def test_jobs_are_listed(stage: Stage) -> None:
    """Each once, on full pages."""
    jobs = [stage.create() for _ in range(7)]
    expected = sorted((job.id for job in jobs), reverse=True)
    assert [each["id"] for each in read_pages(stage, "/v1/jobs", "jobs", limit="3")] == expected


def test_batches_and_members_are_listed_and_cancelled(stage: Stage) -> None:
    """With exact counts, which are on several pages too."""
    items = [{"content_type": "image/jpeg"}] * 7
    batches = [call(stage, "POST", "/v1/batches", {"items": items})["batch"]["id"] for _ in range(4)]
    listed = read_pages(stage, "/v1/batches", "batches", limit="3")
    assert [each["id"] for each in listed] == sorted(batches, reverse=True)
    assert {each["total"] for each in listed} == {7}
    members = read_pages(stage, f"/v1/batches/{batches[0]}/items", "items", limit="3")
    assert len({each["id"] for each in members}) == 7
    cancelled = call(stage, "POST", f"/v1/batches/{batches[0]}/cancel")
    assert (cancelled["remaining"], cancelled["counts"]["cancelled"]) == (0, 7)


def test_dead_letters_and_unreadable_messages_are_listed_and_redriven(stage: Stage) -> None:
    """Jobs from several shards, messages from S3."""
    failure = JobFailure(code="ATTEMPTS_EXHAUSTED", message="m", retriable=True)
    failed = [stage.create(status=JobStatus.FAILED, error=failure, due_at=None).id for _ in range(7)]
    for number in range(5):
        key = object_keys.dead_letter_key(f"m{number}")
        stage.world.bucket.call("PutObject", {"Bucket": BUCKET, "Key": key, "Body": b"{}"})
    listed = read_pages(stage, "/v1/dead-letters", "dead_letters", limit="3")
    assert len(listed) == 12
    assert set(failed) <= {each["id"] for each in listed}
    call(stage, "POST", "/v1/dead-letters/redrive", {"all": True})
    assert len(stage.world.queue.messages) == 7


def test_all_objects_of_a_job_are_deleted(stage: Stage) -> None:
    """And stated."""
    job = stage.create()
    for number in range(5):
        key = f"{object_keys.processed_prefix(job.id)}1/{number}.png"
        stage.world.bucket.call("PutObject", {"Bucket": BUCKET, "Key": key, "Body": b"x"})
    assert call(stage, "DELETE", f"/v1/jobs/{job.id}")["object_count"] == 6
    assert not stage.world.bucket.objects


def test_the_reconciler_finds_every_overdue_job(stage: Stage) -> None:
    """On pages with one job each."""
    jobs = [stage.create() for _ in range(7)]
    stage.world.pass_time(MINUTE)
    assert stage.reconcile() == {"send": len(jobs)}


def test_every_count_of_an_owner_is_read(stage: Stage) -> None:
    """Otherwise ended jobs would fill the limit."""
    quotas = OwnerQuotas(stage.jobs._client, "BatchTable", OwnerLimits(open_jobs=2, daily_bytes=0, unknown_bytes=1))
    client: Any = stage.jobs._client
    job = stage.create()
    owned = quotas.reserve([job])["Update"]["Key"]
    for part, count in (("opened", 20), *((f"closed#{shard}", 3) for shard in range(7))):
        item = {**owned, "Part": {"S": part}, "Count": {"N": str(count)}}
        client.put_item(TableName="BatchTable", Item=item)

    def has_room() -> bool:
        try:
            quotas.reserve([job])
        except TooManyOpenJobs:
            return False
        return True

    assert stage.run(stage.platform.client(has_room))
    client.put_item(TableName="BatchTable", Item={**item, "Count": {"N": "0"}})
    assert not stage.run(stage.platform.client(has_room))


@pytest.mark.parametrize("operation", ["DeleteObjects", "BatchGetItem"])
def test_what_is_left_out_once_is_done_again(stage: Stage, operation: str) -> None:
    """The first answer leaves an object or a record out."""
    jobs = [stage.create() for _ in range(3)]
    answered: list[str] = []

    def plan(send: Send) -> Fault | None:
        if send.operation == operation and not answered:
            answered.append(operation)
            return Fault.PARTIAL
        return None

    stage.world.plan = plan
    if operation == "BatchGetItem":
        assert len(call(stage, "GET", "/v1/jobs", query={"limit": "10"})["jobs"]) == len(jobs)
    else:
        event = events.http("DELETE", f"/v1/jobs/{jobs[0].id}")
        answer = stage.run(stage.platform.client(lambda: api.app.handler(event, stage.functions.make_context())))
        assert answer["statusCode"] == 503
        assert "DeletedAt" in stage.world.jobs[jobs[0].id]
        call(stage, "DELETE", f"/v1/jobs/{jobs[0].id}")
        assert jobs[0].raw.key not in stage.world.bucket.objects
    assert answered


def test_no_owner_is_mixed_up(stage: Stage) -> None:
    """Short pages show only the caller's jobs."""
    stage.create()
    stage.create(owner="somebody else")
    assert [each["id"] for each in read_pages(stage, "/v1/jobs", "jobs", limit="3")] == [
        job_id for job_id, job in stage.world.jobs.items() if job["Owner"]["S"] == ANONYMOUS
    ]
