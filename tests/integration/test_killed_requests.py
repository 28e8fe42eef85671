"""Requests with an ``Idempotency-Key`` whose first try was killed or failed halfway: what a repetition finds."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from integration.test_idempotency import IMAGE, KEY, Killed, pass_time, post
from support import events
from support.moto_cloud import Cloud

import api.dependencies
from shared.aws.dynamodb.idempotency.request_log import RequestLog
from shared.errors import ServiceUnavailable


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


def store_preset(cloud: Cloud) -> None:
    """Store the preset ``mine``."""
    pipeline = {"operations": [], "outputs": [{"format": "webp"}]}
    more = {"headers": {"Content-Type": "application/json"}}
    assert cloud.call("PUT", "/v1/presets/mine", json.dumps({"pipeline": pipeline}), **more).status == 201


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
    store_preset(cloud)

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


def test_retry_that_died_is_found_without_its_preset(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the job was restarted, with the pipeline of the preset that no longer exists."""
    store_preset(cloud)
    job_id = post(cloud, key="create").json["id"]
    cloud.call("POST", f"/v1/jobs/{job_id}/cancel")
    request: tuple[str, Any] = (f"/v1/jobs/{job_id}/retry", {"preset": "mine"})
    key: dict[str, Any] = {"headers": {"Idempotency-Key": KEY}}

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(RequestLog, "store_response", die)
        with pytest.raises(Killed):
            cloud.post(*request, **key)
    cloud.call("DELETE", "/v1/presets/mine")
    pass_time(timedelta(minutes=5))
    answer = cloud.post(*request, **key)
    assert (answer.status, answer.json["preset"]["name"], cloud.job(job_id).generation) == (202, "mine", 2)
