"""``Idempotency-Key``: one request, one job, however often it is sent and whoever dies."""

import base64
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
from shared.aws.dynamodb.request_log import Reservation
from shared.clock import utc_now
from shared.errors import KeyInUse, ServiceUnavailable
from shared.jobs.job_spec import JobSpec
from shared.pipeline.image_formats import BY_NAME
from shared.pipeline.pipeline import DEFAULT_PIPELINE

PICTURE = sample_images.jpeg()
OTHER = sample_images.png()
KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
ME, YOU = ({"userArn": f"arn:aws:iam::1:user/{name}"} for name in ("me", "you"))


class Killed(BaseException):
    """The process is gone: nothing after this runs, no handler and no clean-up."""


def post(cloud: Cloud, body: bytes | str = PICTURE, key: str = KEY, path: str = "/v1/jobs", **more: Any) -> Answer:
    """Send a request under a key."""
    headers = {"Content-Type": "application/octet-stream", "Idempotency-Key": key, **more.pop("headers", {})}
    return cloud.call("POST", path, body, headers=headers, **more)


def killed_at(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, owner: Any, step: str, *, after: bool) -> None:
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


def locked(lock: threading.Lock, call: Callable[..., Any], **request: Any) -> Any:
    """Make a call that no other overlaps."""
    with lock:
        return call(**request)


def pass_time(by: timedelta) -> None:
    """Let the API's clock run ahead."""
    dependencies = api.dependencies.get_dependencies()
    then = dependencies.clock() + by
    object.__setattr__(dependencies, "clock", lambda: then)


def test_same_request_is_done_once(cloud: Cloud) -> None:
    """The second time the answer is the first one's job, and says that it is a replay."""
    first, second = post(cloud), post(cloud)
    assert (first.status, second.status) == (202, 202)
    assert first.json == second.json
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.headers["Location"] == first.headers["Location"]
    assert (cloud.count(), len(cloud.keys()), len(cloud.receive())) == (1, 1, 1)


def test_replay_shows_the_job_as_it_stands(cloud: Cloud) -> None:
    """The status of the answer is the stored one, the job is no snapshot that has gone stale."""
    first = post(cloud)
    cloud.deliver(cloud.receive())
    second = post(cloud)
    assert (second.status, second.json["id"], second.json["status"]) == (202, first.json["id"], "COMPLETED")


def test_replay_waits_like_the_first(cloud: Cloud) -> None:
    """With Prefer: wait=N a replay of a job that is done is the classic 200."""
    post(cloud)
    cloud.deliver(cloud.receive())
    assert post(cloud, headers={"Prefer": "wait=1"}).status == 200


def test_what_is_kept_is_neither_picture_nor_link(cloud: Cloud) -> None:
    """The table holds the job's ID and hashes: no bytes, no name, no key in the clear."""
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
        (PICTURE, {"query": {"width": "20"}}),
        (PICTURE, {"query": {"filename": "b.jpg"}}),
        (PICTURE, {"headers": {"Content-Disposition": 'attachment; filename="b.jpg"'}}),
    ],
)
def test_other_request_under_the_key_is_refused(cloud: Cloud, body: bytes, more: dict[str, Any]) -> None:
    """Other bytes or options are another request: 422, and nothing is made."""
    post(cloud)
    answer = post(cloud, body, **more)
    assert (answer.status, answer.json["code"]) == (422, "KEY_REUSED")
    assert cloud.count() == 1


def test_the_shape_of_the_body_does_not_matter(cloud: Cloud) -> None:
    """The same image as raw bytes and as base64 text is the same request."""
    first = post(cloud)
    second = post(cloud, base64.b64encode(PICTURE).decode(), headers={"Content-Type": "text/plain"})
    assert second.json["id"] == first.json["id"]


def test_keys_belong_to_their_callers_and_routes(cloud: Cloud) -> None:
    """Two callers may choose one key, and one caller may use it on two routes."""
    mine, yours = post(cloud, identity=ME), post(cloud, OTHER, identity=YOU)
    assert mine.json["id"] != yours.json["id"]
    cancelled = post(cloud, b"", path=f"/v1/jobs/{mine.json['id']}/cancel", identity=ME)
    assert (cancelled.status, "Idempotency-Replayed" in cancelled.headers) == (200, False)


@pytest.mark.parametrize("key", ["", "   ", "x" * 256, "a\tb", "a\x00b", "a\x7fb", "a\u200bb"])
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/jobs/01HZY3Q1M8Z3J5W7XK9V2B4C6D/cancel"])
def test_malformed_key_is_refused(cloud: Cloud, key: str, path: str) -> None:
    """Empty, too long, control characters: 400, and nothing is made."""
    answer = post(cloud, key=key, path=path)
    assert (answer.status, answer.json["code"]) == (400, "KEY_INVALID")
    assert (cloud.count(), cloud.keys()) == (0, [])


@pytest.mark.parametrize("key", ["k", '"8e03978e"', "x" * 255, "ключ"])
def test_any_printable_key_will_do(cloud: Cloud, key: str) -> None:
    """What the caller calls a key is the caller's business."""
    assert post(cloud, key=key).json["id"] == post(cloud, key=key).json["id"]


def test_refused_request_does_not_use_its_key_up(cloud: Cloud) -> None:
    """What broke a rule can be corrected and sent under the same key."""
    assert post(cloud, b"no picture").status == 415
    assert post(cloud, query={"width": "0"}).status == 422
    assert post(cloud).status == 202
    job_id = "01HZY3Q1M8Z3J5W7XK9V2B4C6D"
    for _ in range(2):
        answer = post(cloud, b"", path=f"/v1/jobs/{job_id}/cancel")
        assert (answer.status, answer.json["code"]) == (404, "JOB_NOT_FOUND")


def test_key_is_forgotten_after_a_day(cloud: Cloud) -> None:
    """From then on it is a new request, whether or not DynamoDB has removed the record."""
    first = post(cloud)
    pass_time(timedelta(hours=24, seconds=1))
    second = post(cloud, OTHER)
    assert (second.status, second.json["id"] == first.json["id"]) == (202, False)


def test_equal_request_while_the_first_runs(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """409 that says to come back, and the first is not disturbed."""
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


def test_equal_requests_at_the_same_instant_make_one_job(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of eight threads one makes the job; the others get it too, or are told to come back."""
    dependencies = api.dependencies.get_dependencies()
    client = dependencies.requests._client
    lock = threading.Lock()
    for call in ("put_item", "update_item"):
        # moto checks a condition and writes in two steps, DynamoDB in one.
        monkeypatch.setattr(client, call, partial(locked, lock, getattr(client, call)))
    request = identify_request(KEY, "me", "POST /v1/jobs", PICTURE)
    upload = Upload(PICTURE, BY_NAME["JPEG"])
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
def test_died_half_way_still_one_job(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, owner: Callable[[], Any], step: str, *, after: bool
) -> None:
    """Wherever the API dies, the key blocks no longer than the invocation could last, and one job comes of it."""
    killed_at(cloud, monkeypatch, owner(), step, after=after)
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
    # One after the other: side by side the second would find the lease held, and moto's conditions race.
    assert [cloud.deliver([message]) for message in messages] == [[] for _ in messages]
    done = post(cloud).json
    assert (done["status"], done["attempts"]) == ("COMPLETED", 1)


def test_died_after_the_reservation(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next try uses what was reserved: the job has the ID and the moment of the first."""
    killed_at(cloud, monkeypatch, api.dependencies.get_dependencies().requests, "reserve", after=True)
    (item,) = cloud.clients.dynamodb.scan(TableName="Idempotency")["Items"]
    pass_time(timedelta(minutes=2))
    job = post(cloud).json
    assert (job["id"], job["uploaded_at"]) == (item["JobID"]["S"], item["At"]["S"])


@pytest.mark.parametrize("step", ["put_raw", "create"])
def test_failing_service_frees_the_key_at_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """After a 503 the same request may come again without waiting, also when the write did happen."""
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


def test_answer_that_can_not_be_kept_is_given_all_the_same(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job is accepted; that its answer is not remembered costs the next try a moment, and no second job."""

    def refuse(*_: Any) -> None:
        raise ServiceUnavailable

    with monkeypatch.context() as failing:
        failing.setattr(api.dependencies.get_dependencies().requests, "store_response", refuse)
        first = post(cloud)
    assert first.status == 202
    pass_time(timedelta(minutes=2))
    assert post(cloud).json["id"] == first.json["id"]


def test_lost_answer_of_a_reservation_is_the_same_reservation(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that is sent again does not lock its own request out."""
    client = api.dependencies.get_dependencies().requests._client
    real = client.put_item

    def twice(**request: Any) -> Any:
        if request["TableName"] == "Idempotency":
            real(**request)
        return real(**request)

    with monkeypatch.context() as lossy:
        lossy.setattr(client, "put_item", twice)
        assert post(cloud).status == 202


def test_a_key_costs_two_writes_and_no_key_none(cloud: Cloud) -> None:
    """Creating a job is one write; under a key one more reserves and one more keeps the answer."""
    calls: list[str] = []
    events_of = api.dependencies.get_dependencies().jobs._client.meta.events
    events_of.register("before-call.dynamodb", lambda model, **_: calls.append(model.name))
    cloud.submit(PICTURE)
    assert calls == ["PutItem"]
    calls.clear()
    post(cloud)
    assert calls == ["PutItem", "PutItem", "UpdateItem"]


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_action_under_a_key_is_done_once(cloud: Cloud, action: str) -> None:
    """Without its key the second would be a 409; with it, it is the answer of the first."""
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
def test_action_that_died_half_way_is_recognised(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    """The next try finds its own line in the history and does nothing twice."""
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
    """The key does not bring a deleted job back, and tells nothing of it."""
    job_id = post(cloud).json["id"]
    cloud.call("DELETE", f"/v1/jobs/{job_id}")
    answer = post(cloud)
    assert (answer.status, answer.json["code"]) == (404, "JOB_NOT_FOUND")
    assert (cloud.count(), cloud.keys()) == (0, [])
