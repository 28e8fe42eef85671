"""``Idempotency-Key``: one request makes one job, however often it is sent and wherever the API dies."""

import base64
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import Answer, Cloud

import api.dependencies
from api.http.body import Upload
from api.http.idempotency import identify_request, run_once
from api.jobs.responses import remember_job
from api.jobs.submission import JobSubmission, Submitted
from shared.aws.dynamodb.idempotency.request_log import Reservation
from shared.clock import utc_now
from shared.errors import KeyInUse
from shared.jobs.job_spec import JobSpec
from shared.pipeline.image_formats import BY_NAME
from shared.pipeline.pipeline import DEFAULT_PIPELINE

IMAGE = sample_images.make_jpeg()
OTHER = sample_images.make_png()
KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
ME, YOU = ({"userArn": f"arn:aws:iam::1:user/{name}"} for name in ("me", "you"))


class Killed(BaseException):
    """The process is gone: nothing after this runs, no handler and no clean-up."""


def post(cloud: Cloud, body: bytes | str = IMAGE, key: str = KEY, path: str = "/v1/jobs", **more: Any) -> Answer:
    """Send a request with an Idempotency-Key."""
    headers = {"Content-Type": "application/octet-stream", "Idempotency-Key": key, **more.pop("headers", {})}
    return cloud.call("POST", path, body, headers=headers, **more)


def call_locked(lock: threading.Lock, call: Callable[..., Any], **request: Any) -> Any:
    """Call a function while holding a lock."""
    with lock:
        return call(**request)


def pass_time(by: timedelta) -> None:
    """Advance the API's clock."""
    dependencies = api.dependencies.get_dependencies()
    then = dependencies.clock() + by
    object.__setattr__(dependencies, "clock", lambda: then)


def test_repeated_request_runs_once(cloud: Cloud) -> None:
    """The second response shows the first job and is marked as a replay."""
    first, second = post(cloud), post(cloud)
    assert (first.status, second.status) == (202, 202)
    assert first.json == second.json
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    assert (cloud.count(), len(cloud.keys()), len(cloud.receive())) == (1, 1, 1)


def test_replay_shows_the_current_job(cloud: Cloud) -> None:
    """The status code is the stored one. The job is read again."""
    first = post(cloud)
    cloud.deliver(cloud.receive())
    second = post(cloud)
    assert (second.status, second.json["id"], second.json["status"]) == (202, first.json["id"], "COMPLETED")


def test_replay_waits_like_the_first(cloud: Cloud) -> None:
    """With Prefer: wait=N, a replay for a completed job gets 200."""
    post(cloud)
    cloud.deliver(cloud.receive())
    assert post(cloud, headers={"Prefer": "wait=1"}).status == 200


def test_log_stores_only_ids_and_hashes(cloud: Cloud) -> None:
    """The table contains no image, file name or key in clear text."""
    job = post(cloud, query={"filename": "my cat.jpg"}).json
    (item,) = cloud.clients.dynamodb.scan(TableName="Idempotency")["Items"]
    assert set(item) == {"ID", "Fingerprint", "JobID", "At", "Holder", "ExpiresAt", "Answer"}
    assert item["Answer"] == {"S": f'{{"job_id": "{job["id"]}"}}'}
    assert KEY not in str(item)
    assert "cat" not in str(item)


@pytest.mark.parametrize(
    ("body", "more"),
    [
        (OTHER, {}),
        (IMAGE, {"query": {"width": "20"}}),
        (IMAGE, {"query": {"filename": "b.jpg"}}),
        (IMAGE, {"headers": {"Content-Disposition": 'attachment; filename="b.jpg"'}}),
    ],
)
def test_key_reused_for_another_request_is_rejected(cloud: Cloud, body: bytes, more: dict[str, Any]) -> None:
    """Other bytes or options get 422 and nothing is created."""
    post(cloud)
    answer = post(cloud, body, **more)
    assert (answer.status, answer.json["code"]) == (422, "KEY_REUSED")
    assert cloud.count() == 1


def test_content_type_is_not_part_of_a_request(cloud: Cloud) -> None:
    """The same image as raw bytes and as base64 text is the same request."""
    first = post(cloud)
    second = post(cloud, base64.b64encode(IMAGE).decode(), headers={"Content-Type": "text/plain"})
    assert second.json["id"] == first.json["id"]


def test_keys_belong_to_their_callers_and_routes(cloud: Cloud) -> None:
    """Two callers may use the same key, and one caller may use it on two routes."""
    mine, yours = post(cloud, identity=ME), post(cloud, OTHER, identity=YOU)
    assert mine.json["id"] != yours.json["id"]
    cancelled = post(cloud, b"", path=f"/v1/jobs/{mine.json['id']}/cancel", identity=ME)
    assert (cancelled.status, "Idempotency-Replayed" in cancelled.headers) == (200, False)


@pytest.mark.parametrize("key", ["", "   ", "x" * 256, "a\tb", "a\x00b", "a\x7fb", "a\u200bb"])
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/01HZY3Q1M8Z3J5W7XK9V2B4C6D/cancel"])
def test_malformed_key_is_rejected(cloud: Cloud, key: str, path: str) -> None:
    """Empty keys, long keys and control characters get 400 and nothing is created."""
    answer = post(cloud, key=key, path=path)
    assert (answer.status, answer.json["code"]) == (400, "KEY_INVALID")
    assert (cloud.count(), cloud.keys()) == (0, [])


@pytest.mark.parametrize("key", ["k", '"8e03978e"', "x" * 255, "ключ"])
def test_any_printable_key_is_accepted(cloud: Cloud, key: str) -> None:
    """The content of a key does not matter."""
    assert post(cloud, key=key).json["id"] == post(cloud, key=key).json["id"]


def test_rejected_request_does_not_use_up_its_key(cloud: Cloud) -> None:
    """The corrected request may have the same key."""
    assert post(cloud, b"not an image").status == 415
    assert post(cloud, query={"width": "0"}).status == 422
    assert post(cloud).status == 202
    job_id = "01HZY3Q1M8Z3J5W7XK9V2B4C6D"
    for _ in range(2):
        answer = post(cloud, b"", path=f"/v1/jobs/{job_id}/cancel")
        assert (answer.status, answer.json["code"]) == (404, "JOB_NOT_FOUND")


def test_key_expires_after_a_day(cloud: Cloud) -> None:
    """Then the request is new, even if DynamoDB has not deleted the record."""
    first = post(cloud)
    pass_time(timedelta(hours=24, seconds=1))
    second = post(cloud, OTHER)
    assert (second.status, second.json["id"] == first.json["id"]) == (202, False)


def test_repeated_request_gets_409_while_the_first_runs(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first request is not affected."""
    dependencies = api.dependencies.get_dependencies()
    real = dependencies.jobs.create
    seen: list[Answer] = []

    def meanwhile(job: Any) -> Any:
        seen.append(post(cloud))
        return real(job)

    with monkeypatch.context() as racing:
        racing.setattr(dependencies.jobs, "create", meanwhile)
        assert post(cloud).status == 202
    (second,) = seen
    assert (second.status, second.json["code"], second.headers["Retry-After"]) == (409, "KEY_IN_USE", "1")
    assert second.json["retriable"] is True
    assert cloud.count() == 1


def test_concurrent_requests_make_one_job(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of eight threads creates the job. The others get that job or 409."""
    dependencies = api.dependencies.get_dependencies()
    client = dependencies.requests._client
    lock = threading.Lock()
    for call in ("put_item", "update_item"):
        # moto checks a condition and writes in two steps, which is not atomic as in DynamoDB.
        monkeypatch.setattr(client, call, partial(call_locked, lock, getattr(client, call)))
    request = identify_request(KEY, "me", "POST /v1/jobs", IMAGE)
    upload = Upload(IMAGE, BY_NAME["JPEG"])
    together = threading.Barrier(8)

    spec = JobSpec(DEFAULT_PIPELINE)

    def submit(reservation: Reservation) -> Submitted:
        submission = JobSubmission.of(dependencies)
        return submission.submit(upload, spec, None, "me", job_id=reservation.job_id, at=reservation.at)

    def send(_: int) -> str | None:
        together.wait()
        try:
            done = run_once(request, submit, remember_job, dependencies.requests, utc_now, timedelta(seconds=29))
            return str(done.answer["job_id"])
        except KeyInUse:
            return None

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert len(set(answers) - {None}) == 1
    assert (cloud.count(), len(cloud.keys()), len(cloud.receive())) == (1, 1, 1)


def test_repeated_reservation_is_recognized(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repeated write does not block its own request."""
    client = api.dependencies.get_dependencies().requests._client
    real = client.put_item

    def twice(**request: Any) -> Any:
        if request["TableName"] == "Idempotency":
            real(**request)
        return real(**request)

    with monkeypatch.context() as lossy:
        lossy.setattr(client, "put_item", twice)
        assert post(cloud).status == 202


def test_a_key_costs_two_writes(cloud: Cloud) -> None:
    """A job takes one write. A key adds a reservation and a stored response."""
    calls: list[str] = []
    events_of = api.dependencies.get_dependencies().jobs._client.meta.events
    events_of.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))
    cloud.submit(IMAGE)
    assert calls == ["PutItem"]
    calls.clear()
    post(cloud)
    assert calls == ["PutItem", "PutItem", "UpdateItem"]


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_repeated_action_runs_once(cloud: Cloud, action: str) -> None:
    """Without its key the second request would get 409. With the key it gets the first response."""
    job_id = post(cloud, key="create").json["id"]
    if action == "retry":
        cloud.call("POST", f"/v1/jobs/{job_id}/cancel")
    path = f"/v1/jobs/{job_id}/{action}"
    first, second = post(cloud, b"", path=path), post(cloud, b"", path=path)
    assert first.status == second.status == {"cancel": 200, "retry": 202}[action]
    assert first.json == second.json
    assert second.headers["Idempotency-Replayed"] == "true"
    assert cloud.job(job_id).generation == {"cancel": 1, "retry": 2}[action]


def test_replay_of_a_deleted_job_is_not_found(cloud: Cloud) -> None:
    """The key neither restores a deleted job nor reveals it."""
    job_id = post(cloud).json["id"]
    cloud.call("DELETE", f"/v1/jobs/{job_id}")
    answer = post(cloud)
    assert (answer.status, answer.json["code"]) == (404, "JOB_NOT_FOUND")
    assert (cloud.count(), cloud.keys()) == (0, [])
