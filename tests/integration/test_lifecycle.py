"""Cancel, retry and delete: every state and every race with a worker."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import BUCKET, TABLE, Answer, Cloud

import api.dependencies
import worker.app
from shared.clock import utc_now
from shared.errors import ServiceUnavailable
from shared.jobs.job import Job, JobStatus
from shared.jobs.message import JobMessage

IMAGE = sample_images.make_jpeg()
ME, YOU = ({"userArn": f"arn:aws:iam::1:user/{name}"} for name in ("me", "you"))
UNKNOWN_ID = "01HZY3Q1M8Z3J5W7XK9V2B4C6D"
S = JobStatus
OPEN = (S.AWAITING_UPLOAD, S.PENDING, S.PROCESSING)
ENDED = (S.COMPLETED, S.FAILED, S.CANCELLED, S.EXPIRED)


def cancel(cloud: Cloud, job_id: str, **more: Any) -> Answer:
    """Send a cancel request."""
    return cloud.call("POST", f"/v1/jobs/{job_id}/cancel", **more)


def retry(cloud: Cloud, job_id: str, body: Any = None, **more: Any) -> Answer:
    """Send a retry request."""
    return cloud.call("POST", f"/v1/jobs/{job_id}/retry", body, **more)


def delete(cloud: Cloud, job_id: str, **more: Any) -> Answer:
    """Send a delete request."""
    return cloud.call("DELETE", f"/v1/jobs/{job_id}", **more)


def claim(cloud: Cloud, job_id: str, generation: int = 1, seconds: int = 60) -> Job:
    """Claim a job as a worker does."""
    message = JobMessage(job_id=job_id, generation=generation)
    job = cloud.jobs.claim(message, now=utc_now(), lease=timedelta(seconds=seconds), max_attempts=5)
    assert isinstance(job, Job)
    return job


def create_job_in(cloud: Cloud, status: JobStatus, **more: Any) -> str:
    """Create a job with this status, through the real transitions where possible."""
    job_id: str = cloud.submit(IMAGE, **more)["id"]
    messages = cloud.receive()
    if status is S.PROCESSING:
        claim(cloud, job_id)
    elif status is S.COMPLETED:
        cloud.deliver(messages)
    elif status is S.FAILED:
        cloud.set_upload_age(job_id, timedelta(hours=7))
        while not cloud.job(job_id).status.is_terminal:
            cloud.handle_dead_letters(messages)
    elif status is S.CANCELLED:
        assert cancel(cloud, job_id, **more).status == 200
    elif status is not S.PENDING:
        force_status(cloud, job_id, status)
    assert cloud.job(job_id).status is status
    return job_id


def force_status(cloud: Cloud, job_id: str, status: JobStatus) -> None:
    """Write a status that only uploads reach."""
    cloud.clients.dynamodb.update_item(
        TableName=TABLE,
        Key={"ID": {"S": job_id}},
        UpdateExpression="SET #Status = :status",
        ExpressionAttributeNames={"#Status": "Status"},
        ExpressionAttributeValues={":status": {"S": status.value}},
    )


def count_records(cloud: Cloud, job_id: str) -> int:
    """Count the records of an ID, tombstones included."""
    return len(cloud.clients.dynamodb.get_item(TableName=TABLE, Key={"ID": {"S": job_id}}).keys() & {"Item"})


def receive_bodies(cloud: Cloud) -> list[str]:
    """Receive the bodies of all messages on the queue."""
    return [message["Body"] for message in cloud.receive()]


@pytest.mark.parametrize("status", OPEN)
def test_open_job_can_be_cancelled(cloud: Cloud, status: JobStatus) -> None:
    """A cancelled job is done, has an error and no result, and is not requeued."""
    job_id = create_job_in(cloud, status)
    answer = cancel(cloud, job_id)
    assert answer.status == 200
    job = answer.json
    assert (job["status"], job["done"], job["result"]) == ("CANCELLED", True, None)
    assert (job["error"]["code"], job["history"][-1]["code"]) == ("JOB_CANCELLED", "JOB_CANCELLED")
    assert not cloud.item(job_id).keys() & {"OpenShard", "DueAt", "LeaseUntil"}
    assert cloud.call("GET", f"/v1/jobs/{job_id}").json == job


@pytest.mark.parametrize("status", ENDED)
def test_ended_job_can_not_be_cancelled(cloud: Cloud, status: JobStatus) -> None:
    """The response is 409 and nothing changes."""
    job_id = create_job_in(cloud, status)
    before = cloud.item(job_id)
    answer = cancel(cloud, job_id)
    assert (answer.status, answer.json["code"]) == (409, "JOB_FINISHED")
    assert cloud.item(job_id) == before


@pytest.mark.parametrize("status", [S.FAILED, S.CANCELLED])
def test_failed_or_cancelled_job_can_be_retried(cloud: Cloud, status: JobStatus) -> None:
    """A retry has a new generation, its own message, the next attempt number and no error."""
    job_id = create_job_in(cloud, status)
    answer = retry(cloud, job_id)
    assert answer.status == 202
    assert answer.headers["Location"].endswith(f"/v1/jobs/{job_id}")
    job = answer.json
    assert (job["status"], job["generation"], job["error"], job["done"]) == ("PENDING", 2, None, False)
    assert job["history"][-1]["code"] == "RETRIED"
    item = cloud.item(job_id)
    assert item["OpenShard"]["S"].startswith("open#")
    assert item["DueAt"]["S"] > item["Timestamp"]["S"]
    assert "DeadShard" not in item
    cloud.deliver([each for each in cloud.receive() if '"generation":2' in each["Body"]])
    done = cloud.job(job_id)
    assert (done.status, done.generation) == (S.COMPLETED, 2)


@pytest.mark.parametrize("status", [*OPEN, S.COMPLETED, S.EXPIRED])
def test_job_in_another_state_can_not_be_retried(cloud: Cloud, status: JobStatus) -> None:
    """The response is 409 and no message is sent."""
    job_id = create_job_in(cloud, status)
    receive_bodies(cloud)
    before = cloud.item(job_id)
    answer = retry(cloud, job_id)
    assert (answer.status, answer.json["code"]) == (409, "JOB_NOT_RETRIABLE")
    assert (f'"job:{job_id}"' in answer.json["detail"]) == (status is S.COMPLETED)
    assert cloud.item(job_id) == before


def test_attempt_number_grows_over_a_retry(cloud: Cloud) -> None:
    """The attempt number is the fencing token, so it is never reused."""
    job_id = create_job_in(cloud, S.PROCESSING)
    cancel(cloud, job_id)
    retry(cloud, job_id)
    assert claim(cloud, job_id, generation=2).attempt == 2


@pytest.mark.parametrize(
    ("body", "query"),
    [('{"width": 20, "format": "webp"}', None), (None, {"width": "20", "format": "webp"})],
)
def test_retry_accepts_other_options(cloud: Cloud, body: str | None, query: dict[str, str] | None) -> None:
    """Options replace the pipeline, as on creation."""
    job_id = create_job_in(cloud, S.FAILED)
    answer = retry(cloud, job_id, body, query=query, headers={"Content-Type": "application/json"})
    assert answer.status == 202
    cloud.deliver([each for each in cloud.receive() if '"generation":2' in each["Body"]])
    done = cloud.call("GET", f"/v1/jobs/{job_id}").json
    assert (done["format"], done["result"]["width"]) == ("WEBP", 20)


@pytest.mark.parametrize(
    ("body", "query", "status", "code"),
    [
        ("{", None, 400, "BAD_JSON"),
        (None, {"width": "0"}, 422, "INVALID_PIPELINE"),
        (None, {"wdth": "1"}, 422, "INVALID_REQUEST"),
        (None, {"filename": "other.jpg"}, 422, "INVALID_REQUEST"),
    ],
)
def test_invalid_retry_changes_nothing(
    cloud: Cloud, body: str | None, query: dict[str, str] | None, status: int, code: str
) -> None:
    """Options are validated before anything is written."""
    job_id = create_job_in(cloud, S.FAILED)
    before = cloud.item(job_id)
    answer = retry(cloud, job_id, body, query=query, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.json["code"]) == (status, code)
    assert cloud.item(job_id) == before


def test_retry_is_accepted_if_its_message_is_not_sent(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record is the outbox, as on creation."""
    job_id = create_job_in(cloud, S.FAILED)

    def refuse(_: Any, **__: Any) -> None:
        raise ServiceUnavailable

    monkeypatch.setattr(api.dependencies.get_dependencies().queues.interactive, "send", refuse)
    assert retry(cloud, job_id).status == 202
    assert "DueAt" in cloud.item(job_id)


@pytest.mark.parametrize("status", [*OPEN, *ENDED])
def test_deleted_job_leaves_nothing(cloud: Cloud, status: JobStatus) -> None:
    """In every state, the raw image, all outputs and the record are deleted. A repeat returns the statement."""
    neighbour = create_job_in(cloud, S.COMPLETED)
    kept = sorted(cloud.keys())
    job_id = create_job_in(cloud, status)
    cloud.clients.s3.put_object(Bucket=BUCKET, Key=f"processed/{job_id}/7/orphan.png", Body=b"of a beaten attempt")
    answer = delete(cloud, job_id)
    assert answer.status == 200
    assert sorted(cloud.keys()) == kept
    assert count_records(cloud, job_id) == 0
    assert delete(cloud, job_id).json == answer.json
    assert cloud.call("GET", f"/v1/jobs/{job_id}").status == 404
    assert [job["id"] for job in cloud.call("GET", "/v1/jobs").json["jobs"]] == [neighbour]


def test_deletion_lists_all_pages_of_objects(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """No object remains, however many there are."""
    job_id = create_job_in(cloud, S.PENDING)
    monkeypatch.setattr("shared.aws.s3.image_store.MAX_DELETED", 3)
    real = api.dependencies.get_dependencies().images._client.list_objects_v2
    monkeypatch.setattr(
        api.dependencies.get_dependencies().images._client,
        "list_objects_v2",
        lambda **request: real(**request, MaxKeys=2),
    )
    for at in range(9):
        cloud.clients.s3.put_object(Bucket=BUCKET, Key=f"processed/{job_id}/{at}/image.png", Body=b"x")
    assert delete(cloud, job_id).status == 200
    assert cloud.keys() == []


@pytest.mark.parametrize("step", ["delete_job", "delete_tombstone"])
def test_interrupted_deletion_can_be_repeated(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """After the tombstone the job is not found, and the next DELETE completes the deletion."""
    job_id = create_job_in(cloud, S.COMPLETED)
    dependencies = api.dependencies.get_dependencies()
    with monkeypatch.context() as broken:

        def refuse(_: Any, **__: Any) -> None:
            raise ServiceUnavailable

        broken.setattr(dependencies.images if step == "delete_job" else dependencies.jobs, step, refuse)
        assert delete(cloud, job_id).status == 503
    assert cloud.call("GET", f"/v1/jobs/{job_id}").status == 404
    assert cloud.call("GET", "/v1/jobs").json["jobs"] == []
    for action in (cancel, retry):
        assert action(cloud, job_id).status == 404
    assert delete(cloud, job_id).status == 200
    assert (cloud.keys(), count_records(cloud, job_id)) == ([], 0)


def run_late_attempt(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, between: Callable[[], Any]) -> None:
    """Deliver the messages to a worker and call ``between`` after it stored outputs and before it commits."""
    jobs = worker.app.get_consumer().processor.jobs
    real = jobs.commit

    def late(job: Job) -> bool:
        between()
        return real(job)

    with monkeypatch.context() as race:
        race.setattr(jobs, "commit", late)
        assert cloud.deliver(cloud.receive()) == []


def test_cancelled_between_claim_and_commit(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's commit is rejected, the job stays cancelled and the worker's outputs are removed."""
    job_id = cloud.submit(IMAGE)["id"]
    run_late_attempt(cloud, monkeypatch, lambda: cancel(cloud, job_id))
    assert cloud.job(job_id).status is S.CANCELLED
    assert cloud.keys() == [f"raw/api/{job_id}"]


def test_deleted_between_claim_and_commit(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's commit does not restore the job."""
    job_id = cloud.submit(IMAGE)["id"]
    run_late_attempt(cloud, monkeypatch, lambda: delete(cloud, job_id))
    assert (cloud.keys(), count_records(cloud, job_id)) == ([], 0)


def test_deleted_before_the_worker_stores(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker removes outputs that it stores after the deletion."""
    job_id = cloud.submit(IMAGE)["id"]
    images = worker.app.get_consumer().processor.images
    real = images.put_processed

    def late(facts: Any, data: bytes) -> None:
        assert delete(cloud, job_id).status == 200
        real(facts, data)
        assert cloud.keys() == [facts.key]

    monkeypatch.setattr(images, "put_processed", late)
    assert cloud.deliver(cloud.receive()) == []
    assert (cloud.keys(), count_records(cloud, job_id)) == ([], 0)


def test_cancelled_and_retried_between_claim_and_commit(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The late worker belongs to an older generation. The new one runs once, from its own message."""
    job_id = cloud.submit(IMAGE)["id"]

    def again() -> None:
        assert (cancel(cloud, job_id).status, retry(cloud, job_id).status) == (200, 202)

    run_late_attempt(cloud, monkeypatch, again)
    assert cloud.job(job_id).status is S.PENDING
    cloud.deliver(cloud.receive())
    done = cloud.job(job_id)
    assert (done.status, done.generation, done.attempt) == (S.COMPLETED, 2, 2)
    assert sorted(cloud.keys()) == [f"processed/{job_id}/2/image.png", f"raw/api/{job_id}"]


def test_stale_dead_letter_does_not_fail_a_retried_job(cloud: Cloud) -> None:
    """A dead letter of an older generation changes nothing."""
    job_id = cloud.submit(IMAGE)["id"]
    old = cloud.receive()
    cancel(cloud, job_id)
    retry(cloud, job_id)
    assert cloud.handle_dead_letters(old) == []
    assert cloud.job(job_id).status is S.PENDING


@pytest.mark.parametrize(
    ("action", "expected", "status"),
    [(cancel, 200, S.CANCELLED), (retry, 409, S.PROCESSING), (delete, 200, None)],
)
def test_claimed_between_read_and_write(
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    action: Callable[..., Answer],
    expected: int,
    status: JobStatus | None,
) -> None:
    """If a worker claims the job meanwhile, the API decides again on the newer state."""
    job_id = create_job_in(cloud, S.PENDING)
    jobs = api.dependencies.get_dependencies().jobs
    real = jobs.transition
    moves = 0

    def late(seen: Job, moved: Job) -> Job:
        nonlocal moves
        moves += 1
        if moves == 1:
            claim(cloud, job_id)
        return real(seen, moved)

    monkeypatch.setattr(jobs, "transition", late)
    assert action(cloud, job_id).status == expected
    if status is None:
        assert count_records(cloud, job_id) == 0
    else:
        assert cloud.job(job_id).status in {status, S.PENDING}


@pytest.mark.parametrize("action", [cancel, retry])
def test_deleted_between_read_and_write(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, action: Callable[..., Answer]
) -> None:
    """No write restores a deleted job."""
    job_id = create_job_in(cloud, S.PENDING if action is cancel else S.FAILED)
    jobs = api.dependencies.get_dependencies().jobs
    real = jobs.transition

    def late(seen: Job, moved: Job) -> Job:
        with monkeypatch.context() as undone:
            undone.setattr(jobs, "transition", real)
            assert delete(cloud, job_id).status == 200
        return real(seen, moved)

    monkeypatch.setattr(jobs, "transition", late)
    assert action(cloud, job_id).status == 404
    assert (cloud.keys(), count_records(cloud, job_id)) == ([], 0)


@pytest.mark.parametrize(("action", "status"), [(cancel, S.PENDING), (retry, S.FAILED), (delete, S.COMPLETED)])
def test_repeated_write_is_recognized(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, action: Callable[..., Answer], status: JobStatus
) -> None:
    """A write that is repeated because its response was lost is not a conflict."""
    job_id = create_job_in(cloud, status)
    client = api.dependencies.get_dependencies().jobs._client
    real = client.update_item

    def twice(**request: Any) -> Any:
        real(**request)
        return real(**request)

    with monkeypatch.context() as lossy:
        lossy.setattr(client, "update_item", twice)
        assert action(cloud, job_id).status in {200, 202}
    if action is retry:
        assert cloud.job(job_id).generation == 2


@pytest.mark.parametrize("action", [cancel, retry, delete])
@pytest.mark.parametrize("status", [S.PENDING, S.COMPLETED, S.FAILED])
def test_another_callers_job_is_not_found(cloud: Cloud, action: Callable[..., Answer], status: JobStatus) -> None:
    """Other callers get the response of an unknown ID, and nothing changes."""
    job_id = create_job_in(cloud, status, identity=ME)
    before, objects = cloud.item(job_id), cloud.keys()
    denied, unknown = action(cloud, job_id, identity=YOU), action(cloud, UNKNOWN_ID, identity=YOU)
    assert denied.status == unknown.status == 404
    same = ("type", "title", "status", "detail", "code", "retriable", "errors")
    assert {name: denied.json[name] for name in same} == {name: unknown.json[name] for name in same}
    assert (cloud.item(job_id), cloud.keys()) == (before, objects)


@pytest.mark.parametrize("action", [cancel, retry])
def test_expired_job_can_not_be_changed(cloud: Cloud, action: Callable[..., Answer]) -> None:
    """DynamoDB deletes late, so the API rejects changes of an expired record."""
    job_id = create_job_in(cloud, S.FAILED)
    dependencies = api.dependencies.get_dependencies()
    later = dependencies.clock() + timedelta(days=dependencies.settings.retention_days, seconds=1)
    object.__setattr__(dependencies, "clock", lambda: later)
    assert action(cloud, job_id).status == 404


def test_expired_upload_has_an_error(cloud: Cloud) -> None:
    """A job that is done has exactly one of result and error."""
    job_id = create_job_in(cloud, S.EXPIRED)
    job = cloud.call("GET", f"/v1/jobs/{job_id}").json
    assert (job["done"], job["result"], job["error"]["code"]) == (True, None, "UPLOAD_EXPIRED")
