"""Dead letters on moto: listed by reason and redriven by operators."""

import json
from typing import Any

import boto3
import pytest
from support import sample_images
from support.moto_cloud import Answer, Cloud
from support.thorough import every

import api.dependencies
from api.dead_letters.use_cases import MAX_REDRIVES
from shared.jobs.job import JobFailure, JobStatus

IMAGE = sample_images.make_jpeg()
PATH = "/v1/dead-letters"
ME, ROLE = (
    {"userArn": arn} for arn in ("arn:aws:iam::1:user/me", "arn:aws:sts::1:assumed-role/Admin/session-of-the-day")
)


def create_dead_job(cloud: Cloud, code: str = "ATTEMPTS_EXHAUSTED", **more: Any) -> str:
    """Create a job that failed with a retryable error."""
    job_id: str = cloud.submit(IMAGE, **more)["id"]
    fail_job(cloud, job_id, code)
    return job_id


def fail_job(cloud: Cloud, job_id: str, code: str = "ATTEMPTS_EXHAUSTED", *, retriable: bool = True) -> None:
    """Fail a job as recovery does."""
    job = cloud.job(job_id)
    failure = JobFailure(code=code, message="m", retriable=retriable)
    assert cloud.jobs.compare_and_swap(job, job.fail(failure, now=api.dependencies.get_dependencies().clock()))


def create_dead_message(cloud: Cloud) -> str:
    """Store an unreadable message as a dead letter and return its ID."""
    url = cloud.dead_letter_queue_url
    sent = boto3.client("sqs").send_message(QueueUrl=url, MessageBody="who sent this?")
    messages = cloud.receive(url)
    assert cloud.handle_dead_letters(messages) == []
    for message in messages:
        cloud.clients.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return sent["MessageId"]


def redrive(cloud: Cloud, **body: Any) -> Answer:
    """Request a redrive."""
    headers = {"Content-Type": "application/json", **body.pop("headers", {})}
    identity = body.pop("identity", None)
    return cloud.call("POST", f"{PATH}/redrive", json.dumps(body), headers=headers, identity=identity)


def list_ids(cloud: Cloud, **query: str) -> list[str]:
    """Return the IDs of all pages."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = cloud.call("GET", PATH, query={**query, **cursor})
        assert answer.status == 200, answer.text
        found += [letter["id"] for letter in answer.json["dead_letters"]]
        if answer.json["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json["next_cursor"]}


def test_dead_letter_has_kind_reason_and_time(cloud: Cloud) -> None:
    """For a job and for a stored message."""
    job_id, message_id = create_dead_job(cloud), create_dead_message(cloud)
    job, message = cloud.call("GET", PATH).json["dead_letters"]
    assert job == {
        "kind": "job", "id": job_id, "reason": "ATTEMPTS_EXHAUSTED", "since": job["since"], "owner": "anonymous",
        "attempts": 0, "redrives": 0, "key": None, "size": None,
    }  # fmt: skip
    assert (message["kind"], message["id"], message["reason"]) == ("message", message_id, "BAD_MESSAGE")
    assert message["key"] == f"dead-letters/{message_id}.json"
    assert message["size"] > 0


@pytest.mark.parametrize("limit", every(5, ["3", "1", "2", "4", "100"]))
def test_list_is_ordered_by_reason(cloud: Cloud, limit: str) -> None:
    """With every page size: jobs by reason and age, then messages, each exactly once."""
    late = create_dead_job(cloud, "SERVICE_GONE")
    jobs = [create_dead_job(cloud) for _ in range(4)]
    messages = sorted(create_dead_message(cloud) for _ in range(3))
    assert list_ids(cloud, limit=limit) == [*jobs, late, *messages]
    assert list_ids(cloud, limit=limit, reason="ATTEMPTS_EXHAUSTED") == jobs
    assert list_ids(cloud, limit=limit, reason="SERVICE_GONE") == [late]
    assert list_ids(cloud, limit=limit, reason="BAD_MESSAGE") == messages
    assert list_ids(cloud, limit=limit, reason="OTHER") == []


def test_permanent_errors_are_not_dead_letters(cloud: Cloud) -> None:
    """They are not listed and cannot be redriven."""
    job_id = cloud.submit(b"\x89PNG\r\n\x1a\n words")["id"]
    cloud.deliver(cloud.receive())
    assert list_ids(cloud) == []
    answer = redrive(cloud, id=job_id)
    assert (answer.status, answer.json["code"]) == (409, "JOB_NOT_RETRIABLE")


def test_redriven_job_is_completed(cloud: Cloud) -> None:
    """A redrive is a retry with a history entry, and removes the job from the list."""
    job_id = create_dead_job(cloud)
    answer = redrive(cloud, id=job_id)
    assert (answer.status, answer.json["redriven"], answer.json["jobs"]) == (202, 1, [job_id])
    assert list_ids(cloud) == []
    cloud.deliver(cloud.receive())
    job = cloud.job(job_id)
    assert (job.status, job.generation, job.redrives) == (JobStatus.COMPLETED, 2, 1)
    assert "REDRIVEN" in [line.code for line in job.history]


def test_redrive_by_reason_leaves_the_others(cloud: Cloud) -> None:
    """Only jobs with this reason are redriven."""
    other, jobs = create_dead_job(cloud, "SERVICE_GONE"), [create_dead_job(cloud) for _ in range(3)]
    answer = redrive(cloud, reason="ATTEMPTS_EXHAUSTED").json
    assert (answer["redriven"], answer["jobs"], answer["next_cursor"]) == (3, jobs, None)
    assert list_ids(cloud) == [other]


def test_redrive_of_all_is_limited_per_call(cloud: Cloud) -> None:
    """Each call returns the cursor to continue from."""
    jobs = sorted(create_dead_job(cloud) for _ in range(5))
    first = redrive(cloud, all=True, limit=3).json
    second = redrive(cloud, all=True, limit=3, cursor=first["next_cursor"]).json
    assert (first["redriven"], second["redriven"], second["next_cursor"]) == (3, 2, None)
    assert sorted(first["jobs"] + second["jobs"]) == jobs
    assert {cloud.job(job_id).status for job_id in jobs} == {JobStatus.PENDING}


def test_redrive_stops_when_its_time_is_up(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """It stops before the call times out and returns a cursor."""
    jobs = [create_dead_job(cloud) for _ in range(3)]
    monkeypatch.setattr("api.dead_letters.routes.MAX_CALL_TIME", -api.dead_letters.routes.MAX_CALL_TIME)
    stopped = redrive(cloud, all=True).json
    assert stopped["redriven"] == 0
    assert list_ids(cloud) == jobs


def test_frequently_redriven_job_needs_force(cloud: Cloud) -> None:
    """Redrives of one job and of all jobs refuse it without `force`."""
    job_id = create_dead_job(cloud)
    for _ in range(MAX_REDRIVES):
        assert redrive(cloud, id=job_id).status == 202
        fail_job(cloud, job_id)
    answer = redrive(cloud, id=job_id)
    assert (answer.status, answer.json["code"]) == (409, "REDRIVEN_TOO_OFTEN")
    bulk = redrive(cloud, all=True).json
    assert (bulk["redriven"], bulk["refused"]) == (0, 1)
    assert bulk["refusals"] == [{"id": job_id, "code": "REDRIVEN_TOO_OFTEN"}]
    assert redrive(cloud, id=job_id, force=True).status == 202


@pytest.mark.parametrize("fields", [{"force": 1}, {"force": "true"}, {"limit": "5"}, {"limit": True}, {"all": 1}])
def test_numbers_and_texts_are_not_converted(cloud: Cloud, fields: dict[str, Any]) -> None:
    """A member of another type is refused and named."""
    answer = redrive(cloud, **({"all": True} | fields))
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, "/" + next(iter(fields)))


def test_retries_do_not_count_as_redrives(cloud: Cloud) -> None:
    """An owner can retry without limit."""
    job_id = create_dead_job(cloud)
    for _ in range(MAX_REDRIVES + 1):
        assert cloud.call("POST", f"/v1/jobs/{job_id}/retry").status == 202
        fail_job(cloud, job_id)
    assert redrive(cloud, id=job_id).status == 202


def test_redrive_with_a_key_runs_once(cloud: Cloud) -> None:
    """The second response repeats the first."""
    create_dead_job(cloud)
    headers = {"Idempotency-Key": "k"}
    first, second = (redrive(cloud, all=True, headers=headers) for _ in range(2))
    assert first.json == second.json
    assert second.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "INVALID_REQUEST"),
        ({"all": True, "reason": "X"}, 422, "INVALID_REQUEST"),
        ({"all": False}, 422, "INVALID_REQUEST"),
        ({"reason": "not a code"}, 422, "INVALID_REQUEST"),
        ({"all": True, "limit": 0}, 422, "INVALID_REQUEST"),
        ({"all": True, "limit": 101}, 422, "INVALID_REQUEST"),
        ({"all": True, "other": 1}, 422, "INVALID_REQUEST"),
        ({"all": True, "cursor": "abc"}, 400, "BAD_CURSOR"),
        ({"id": "no-id"}, 404, "JOB_NOT_FOUND"),
        ({"id": "01HZY3Q1M8Z3J5W7XK9V2B4C6D"}, 404, "JOB_NOT_FOUND"),
    ],
)
def test_invalid_redrives_are_refused(cloud: Cloud, body: dict[str, Any], status: int, code: str) -> None:
    """Each refusal has its code, and the job does not change."""
    job_id = create_dead_job(cloud)
    answer = redrive(cloud, **body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert cloud.job(job_id).status is JobStatus.FAILED


@pytest.mark.parametrize("cursor", ["abc", "Mmo", "MXg"])
def test_invalid_cursor_is_refused(cloud: Cloud, cursor: str) -> None:
    """With 400."""
    assert cloud.call("GET", PATH, query={"cursor": cursor}).json["code"] == "BAD_CURSOR"


@pytest.mark.parametrize(
    ("operators", "identity", "allowed"),
    [
        ("", ME, False),
        ("", None, False),
        ("*", None, True),
        ("iam:arn:aws:iam::1:user/me", ME, True),
        ("iam:arn:aws:iam::1:user/you, iam:arn:aws:iam::1:user/m*", ME, True),
        ("iam:arn:aws:iam::1:user/you", ME, False),
        ("iam:arn:aws:iam::1:user/m", ME, False),
        ("iam:arn:aws:sts::1:assumed-role/Admin", ROLE, True),
        ("iam:arn:aws:sts::1:assumed-role/Other", ROLE, False),
    ],
)
def test_only_operators_see_and_redrive_dead_letters(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, operators: str, identity: dict[str, str] | None, *, allowed: bool
) -> None:
    """Everyone else gets 403, also for invalid requests."""
    monkeypatch.setenv("OPERATORS", operators)
    api.dependencies.get_dependencies.cache_clear()
    job_id = create_dead_job(cloud, identity={"userArn": "arn:aws:iam::1:user/owner"})
    listed = cloud.call("GET", PATH, identity=identity)
    redriven = redrive(cloud, id=job_id, identity=identity)
    assert (listed.status, redriven.status) == ((200, 202) if allowed else (403, 403))
    if not allowed:
        assert {listed.json["code"], redriven.json["code"]} == {"FORBIDDEN"}
        assert job_id not in listed.text
        assert redrive(cloud, nonsense=1, identity=identity).status == 403
        assert cloud.job(job_id).status is JobStatus.FAILED
