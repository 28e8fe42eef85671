"""Dead letters: listed by reason without a scan, redriven a bounded number of times, by operators alone."""

import json
from typing import Any

import boto3
import pytest
from support import sample_images
from support.moto_cloud import Answer, Cloud

import api.dependencies
from api.dead_letters.use_cases import MAX_REDRIVES
from shared.jobs.job import JobFailure, JobStatus

PICTURE = sample_images.jpeg()
PATH = "/v1/dead-letters"
ME, ROLE = (
    {"userArn": arn} for arn in ("arn:aws:iam::1:user/me", "arn:aws:sts::1:assumed-role/Admin/session-of-the-day")
)


def dead_job(cloud: Cloud, code: str = "ATTEMPTS_EXHAUSTED", **more: Any) -> str:
    """Make a job that failed by something that may pass."""
    job_id: str = cloud.submit(PICTURE, **more)["id"]
    fail(cloud, job_id, code)
    return job_id


def fail(cloud: Cloud, job_id: str, code: str = "ATTEMPTS_EXHAUSTED", *, retriable: bool = True) -> None:
    """End a job as recovery does."""
    job = cloud.job(job_id)
    failure = JobFailure(code=code, message="m", retriable=retriable)
    assert cloud.jobs.compare_and_swap(job, job.fail(failure, now=api.dependencies.get_dependencies().clock()))


def kept_message(cloud: Cloud) -> str:
    """Let a message that nobody can read come to rest."""
    url = cloud.dead_letter_queue_url
    sent = boto3.client("sqs").send_message(QueueUrl=url, MessageBody="who sent this?")
    messages = cloud.receive(url)
    assert cloud.handle_dead_letters(messages) == []
    for message in messages:
        cloud.clients.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return sent["MessageId"]


def redrive(cloud: Cloud, **wanted: Any) -> Answer:
    """Ask for a redrive."""
    headers = {"Content-Type": "application/json", **wanted.pop("headers", {})}
    identity = wanted.pop("identity", None)
    return cloud.call("POST", f"{PATH}/redrive", json.dumps(wanted), headers=headers, identity=identity)


def listed(cloud: Cloud, **query: str) -> list[str]:
    """Follow the list to its end and return the IDs."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        answer = cloud.call("GET", PATH, query={**query, **cursor})
        assert answer.status == 200, answer.text
        found += [letter["id"] for letter in answer.json["dead_letters"]]
        if answer.json["next_cursor"] is None:
            return found
        cursor = {"cursor": answer.json["next_cursor"]}


def test_dead_letter_tells_what_happened(cloud: Cloud) -> None:
    """A job and a kept message each say what they are, why and since when."""
    job_id, message_id = dead_job(cloud), kept_message(cloud)
    job, message = cloud.call("GET", PATH).json["dead_letters"]
    assert job == {
        "kind": "job", "id": job_id, "reason": "ATTEMPTS_EXHAUSTED", "since": job["since"], "owner": "anonymous",
        "attempts": 0, "redrives": 0, "key": None, "size": None,
    }  # fmt: skip
    assert (message["kind"], message["id"], message["reason"]) == ("message", message_id, "BAD_MESSAGE")
    assert message["key"] == f"dead-letters/{message_id}.json"
    assert message["size"] > 0


@pytest.mark.parametrize("limit", ["1", "2", "3", "4", "100"])
def test_list_shows_each_once_by_reason(cloud: Cloud, limit: str) -> None:
    """Whatever the page size, jobs come by reason and age, then messages, none twice and none missing."""
    late = dead_job(cloud, "SERVICE_GONE")
    jobs = [dead_job(cloud) for _ in range(4)]
    messages = sorted(kept_message(cloud) for _ in range(3))
    assert listed(cloud, limit=limit) == [*jobs, late, *messages]
    assert listed(cloud, limit=limit, reason="ATTEMPTS_EXHAUSTED") == jobs
    assert listed(cloud, limit=limit, reason="SERVICE_GONE") == [late]
    assert listed(cloud, limit=limit, reason="BAD_MESSAGE") == messages
    assert listed(cloud, limit=limit, reason="OTHER") == []


def test_bad_picture_is_no_dead_letter(cloud: Cloud) -> None:
    """What would fail again is not listed, and can't be redriven."""
    job_id = cloud.submit(b"\x89PNG\r\n\x1a\n words")["id"]
    cloud.deliver(cloud.receive())
    assert listed(cloud) == []
    answer = redrive(cloud, id=job_id)
    assert (answer.status, answer.json["code"]) == (409, "JOB_NOT_RETRIABLE")


def test_redriven_job_is_completed(cloud: Cloud) -> None:
    """A redrive is a retry of a new generation, told in the history, and takes the job off the list."""
    job_id = dead_job(cloud)
    answer = redrive(cloud, id=job_id)
    assert (answer.status, answer.json["redriven"], answer.json["jobs"]) == (202, 1, [job_id])
    assert listed(cloud) == []
    cloud.deliver(cloud.receive())
    job = cloud.job(job_id)
    assert (job.status, job.generation, job.redrives) == (JobStatus.COMPLETED, 2, 1)
    assert "REDRIVEN" in [line.code for line in job.history]


def test_redrive_by_reason_leaves_the_others(cloud: Cloud) -> None:
    """Only those that failed for this reason begin again."""
    other, jobs = dead_job(cloud, "SERVICE_GONE"), [dead_job(cloud) for _ in range(3)]
    answer = redrive(cloud, reason="ATTEMPTS_EXHAUSTED").json
    assert (answer["redriven"], answer["jobs"], answer["next_cursor"]) == (3, jobs, None)
    assert listed(cloud) == [other]


def test_redrive_of_all_goes_in_bounded_steps(cloud: Cloud) -> None:
    """Each call does at most its limit and says where to go on."""
    jobs = sorted(dead_job(cloud) for _ in range(5))
    first = redrive(cloud, all=True, limit=3).json
    second = redrive(cloud, all=True, limit=3, cursor=first["next_cursor"]).json
    assert (first["redriven"], second["redriven"], second["next_cursor"]) == (3, 2, None)
    assert sorted(first["jobs"] + second["jobs"]) == jobs
    assert {cloud.job(job_id).status for job_id in jobs} == {JobStatus.PENDING}


def test_redrive_stops_when_its_time_is_up(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow table does not make the call time out: it stops and says where to go on."""
    jobs = [dead_job(cloud) for _ in range(3)]
    monkeypatch.setattr("api.dead_letters.routes.MAX_CALL_TIME", -api.dead_letters.routes.MAX_CALL_TIME)
    stopped = redrive(cloud, all=True).json
    assert stopped["redriven"] == 0
    assert listed(cloud) == jobs


def test_repeat_offender_is_refused_until_forced(cloud: Cloud) -> None:
    """After some redrives a job is left alone, in bulk and by its ID, unless somebody insists."""
    job_id = dead_job(cloud)
    for _ in range(MAX_REDRIVES):
        assert redrive(cloud, id=job_id).status == 202
        fail(cloud, job_id)
    answer = redrive(cloud, id=job_id)
    assert (answer.status, answer.json["code"]) == (409, "REDRIVEN_TOO_OFTEN")
    bulk = redrive(cloud, all=True).json
    assert (bulk["redriven"], bulk["refused"]) == (0, 1)
    assert bulk["refusals"] == [{"id": job_id, "code": "REDRIVEN_TOO_OFTEN"}]
    assert redrive(cloud, id=job_id, force=True).status == 202


def test_owners_retry_is_no_redrive(cloud: Cloud) -> None:
    """An owner may retry as often as it likes; that does not count against an operator."""
    job_id = dead_job(cloud)
    for _ in range(MAX_REDRIVES + 1):
        assert cloud.call("POST", f"/v1/jobs/{job_id}/retry").status == 202
        fail(cloud, job_id)
    assert redrive(cloud, id=job_id).status == 202


def test_redrive_under_a_key_is_done_once(cloud: Cloud) -> None:
    """The second answer is the first one's, with its counts."""
    dead_job(cloud)
    headers = {"Idempotency-Key": "k"}
    first, second = (redrive(cloud, all=True, headers=headers) for _ in range(2))
    assert first.json == second.json
    assert second.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
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
def test_bad_redrive_is_refused(cloud: Cloud, wanted: dict[str, Any], status: int, code: str) -> None:
    """Each refusal has its code, and no job moves."""
    job_id = dead_job(cloud)
    answer = redrive(cloud, **wanted)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert cloud.job(job_id).status is JobStatus.FAILED


@pytest.mark.parametrize("cursor", ["abc", "Mmo", "MXg"])
def test_foreign_cursor_is_refused(cloud: Cloud, cursor: str) -> None:
    """A cursor of somebody's own making is a 400."""
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
def test_only_operators_may(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, operators: str, identity: dict[str, str] | None, *, allowed: bool
) -> None:
    """Everybody else gets 403 from both routes, whatever else is asked, and learns nothing of what is there."""
    monkeypatch.setenv("OPERATORS", operators)
    api.dependencies.get_dependencies.cache_clear()
    job_id = dead_job(cloud, identity={"userArn": "arn:aws:iam::1:user/owner"})
    seen = cloud.call("GET", PATH, identity=identity)
    redriven = redrive(cloud, id=job_id, identity=identity)
    assert (seen.status, redriven.status) == ((200, 202) if allowed else (403, 403))
    if not allowed:
        assert {seen.json["code"], redriven.json["code"]} == {"FORBIDDEN"}
        assert job_id not in seen.text
        assert redrive(cloud, nonsense=1, identity=identity).status == 403
        assert cloud.job(job_id).status is JobStatus.FAILED
