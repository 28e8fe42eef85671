"""``Idempotency-Key``: one request makes one job, however often it is sent and wherever the API dies."""

import base64
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from support import events, sample_images
from support.moto_cloud import Answer, Cloud

import api.dependencies
from api.http.body import Upload
from api.http.idempotency import identify_request, run_once
from api.jobs.responses import remember_job
from api.jobs.submission import JobSubmission, Submitted
from shared.aws.dynamodb.idempotency.request_log import RequestLog, Reservation
from shared.clock import utc_now
from shared.errors import KeyInUse, ServiceUnavailable
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


def die_at(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, owner: Any, step: str, *, after: bool) -> None:
    """Send the request to an API that dies before or after one of its calls."""
    real = getattr(owner, step)

    def die(*arguments: Any, **more: Any) -> None:
        if after:
            real(*arguments, **more)
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(owner, step, die)
        with pytest.raises(Killed):
            post(cloud)


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


CALLS: list[tuple[Callable[[], Any], str]] = [
    (lambda: api.dependencies.get_dependencies().images, "put_raw"),
    (lambda: api.dependencies.get_dependencies().jobs, "create"),
    (lambda: api.dependencies.get_dependencies().queues.interactive, "send"),
    (lambda: api.dependencies.get_dependencies().requests, "store_response"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(("owner", "step"), CALLS, ids=[step for _, step in CALLS])
def test_request_that_died_makes_one_job(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, owner: Callable[[], Any], step: str, *, after: bool
) -> None:
    """Wherever the API dies, the key is blocked no longer than the invocation, and one job results."""
    die_at(cloud, monkeypatch, owner(), step, after=after)
    if step == "store_response" and after:
        assert post(cloud).headers["Idempotency-Replayed"] == "true"
    else:
        assert post(cloud).json["code"] == "KEY_IN_USE"
        pass_time(timedelta(milliseconds=events.Context().remaining_milliseconds + 1))
        assert post(cloud).status == 202
    assert cloud.count() == 1
    assert len(cloud.keys()) == 1
    messages = cloud.receive()
    assert messages
    # Sequentially: a concurrent second request would find the lease held, and conditions race in moto.
    assert [cloud.deliver([message]) for message in messages] == [[] for _ in messages]
    done = post(cloud).json
    assert (done["status"], done["attempts"]) == ("COMPLETED", 1)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/jobs", {"content": base64.b64encode(IMAGE).decode()}),
        ("/v1/uploads", {"content_type": "image/jpeg"}),
        ("/v1/uploads/sign", {"method": "PUT", "key": "a.jpg", "contentType": "image/jpeg"}),
        ("/v1/batches", {"items": [{"content_type": "image/jpeg"}, {"content_type": "image/png"}]}),
    ],
)
def test_request_that_died_finds_what_it_created_without_its_preset(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, Any]
) -> None:
    """The names in a request count when the job is created. Later, they may no longer exist."""
    document, key = {**body, "preset": "mine"}, {"headers": {"Idempotency-Key": KEY}}
    pipeline = {"operations": [], "outputs": [{"format": "webp"}]}
    preset = {"headers": {"Content-Type": "application/json"}}
    assert cloud.call("PUT", "/v1/presets/mine", json.dumps({"pipeline": pipeline}), **preset).status == 201

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(RequestLog, "store_response", die)
        with pytest.raises(Killed):
            cloud.post(path, document, **key)
    made = sorted(item["ID"]["S"] for item in cloud.clients.dynamodb.scan(TableName="Images")["Items"])
    assert cloud.call("DELETE", "/v1/presets/mine").status == 204
    pass_time(timedelta(minutes=5))
    answer = cloud.post(path, document, **key)
    assert answer.status < 300, answer.text
    assert sorted(item["ID"]["S"] for item in cloud.clients.dynamodb.scan(TableName="Images")["Items"]) == made
    assert all(job_id in answer.text for job_id in made)
    assert '"name":"mine"' in answer.text.replace(" ", "") or path == "/v1/uploads/sign"


def test_repeat_uses_the_reserved_id(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job has the ID and time of the first request."""
    die_at(cloud, monkeypatch, api.dependencies.get_dependencies().requests, "reserve", after=True)
    (item,) = cloud.clients.dynamodb.scan(TableName="Idempotency")["Items"]
    pass_time(timedelta(minutes=2))
    job = post(cloud).json
    assert (job["id"], job["uploaded_at"]) == (item["JobID"]["S"], item["At"]["S"])


@pytest.mark.parametrize("step", ["put_raw", "create"])
def test_failing_service_frees_the_key_at_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """After a 503 the same request may be repeated at once, even if the write succeeded."""
    dependencies = api.dependencies.get_dependencies()
    owner = dependencies.images if step == "put_raw" else dependencies.jobs
    real = getattr(owner, step)

    def answer_lost(*arguments: Any) -> None:
        real(*arguments)
        raise ServiceUnavailable

    with monkeypatch.context() as failing:
        failing.setattr(owner, step, answer_lost)
        assert post(cloud).status == 503
    assert post(cloud).status == 202
    assert (cloud.count(), len(cloud.keys())) == (1, 1)


def test_job_is_accepted_if_its_response_is_not_stored(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The repeated request finds the job."""

    def refuse(*_: Any) -> None:
        raise ServiceUnavailable

    with monkeypatch.context() as failing:
        failing.setattr(api.dependencies.get_dependencies().requests, "store_response", refuse)
        first = post(cloud)
    assert first.status == 202
    pass_time(timedelta(minutes=2))
    assert post(cloud).json["id"] == first.json["id"]


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


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_repeat_of_a_dead_action_finds_its_transition(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    """The repeated request finds its transition in the history and changes nothing."""
    job_id = post(cloud, key="create").json["id"]
    if action == "retry":
        cloud.call("POST", f"/v1/jobs/{job_id}/cancel")
    path = f"/v1/jobs/{job_id}/{action}"

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(api.dependencies.get_dependencies().requests, "store_response", die)
        with pytest.raises(Killed):
            post(cloud, b"", path=path)
    pass_time(timedelta(minutes=2))
    assert post(cloud, b"", path=path).status == {"cancel": 200, "retry": 202}[action]
    job = cloud.job(job_id)
    assert job.generation == {"cancel": 1, "retry": 2}[action]
    assert [line.code for line in job.history].count({"cancel": "JOB_CANCELLED", "retry": "RETRIED"}[action]) == 1


def test_replay_of_a_deleted_job_is_not_found(cloud: Cloud) -> None:
    """The key neither restores a deleted job nor reveals it."""
    job_id = post(cloud).json["id"]
    cloud.call("DELETE", f"/v1/jobs/{job_id}")
    answer = post(cloud)
    assert (answer.status, answer.json["code"]) == (404, "JOB_NOT_FOUND")
    assert (cloud.count(), cloud.keys()) == (0, [])
