"""Limits of each owner on open jobs and on bytes per day: exact under duplicates, repetitions and conflicts."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from support import events, sample_images
from support.moto_cloud import BATCHES, Cloud

import api.dependencies
from shared.aws.dynamodb.owner_quotas import OwnerLimits, OwnerQuotas
from shared.clock import utc_now
from shared.errors import DailyBytesExceeded, ServiceUnavailable
from shared.jobs.job import Job, RawImage
from shared.jobs.job_spec import JobSpec
from shared.pipeline.pipeline import DEFAULT_PIPELINE

ANN = {"userArn": "arn:aws:iam::123456789012:user/ann"}
BOB = {"userArn": "arn:aws:iam::123456789012:user/bob"}
IMAGE = sample_images.make_jpeg()
RAW = {"Content-Type": "application/octet-stream"}


@pytest.fixture
def limited(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A stack that allows two open jobs per owner."""
    monkeypatch.setenv("OWNER_OPEN_JOBS", "2")
    return cloud


def post(cloud: Cloud, identity: dict[str, str] = ANN, **headers: str) -> Any:
    """Post an image."""
    return cloud.call("POST", "/v1/jobs", IMAGE, headers=RAW | headers, identity=identity)


def count_open(cloud: Cloud) -> int:
    """Return how many open jobs are counted for all owners."""
    items = cloud.clients.dynamodb.scan(TableName=BATCHES)["Items"]
    counts = [(item["Part"]["S"], int(item["Count"]["N"])) for item in items if item["ID"]["S"].startswith("owner#")]
    return sum(count if part == "opened" else -count for part, count in counts)


def test_open_jobs_over_the_limit_are_refused(limited: Cloud) -> None:
    """Nothing is stored for a refused request, and other owners are not affected."""
    assert [post(limited).status for _ in range(2)] == [202, 202]
    stored = len(limited.keys())
    refused = post(limited)
    assert (refused.status, refused.json["code"], refused.json["retriable"]) == (429, "TOO_MANY_OPEN_JOBS", True)
    assert int(refused.headers["Retry-After"]) >= 1
    assert (limited.count(), len(limited.keys())) == (2, stored)
    assert post(limited, BOB).status == 202


def test_a_job_that_ends_makes_room(limited: Cloud) -> None:
    """Whether it is completed, cancelled or deleted; duplicate messages change nothing."""
    jobs = [post(limited).json["id"] for _ in range(2)]
    messages = limited.receive()
    for message in (messages[0], messages[0], messages[1], messages[1]):
        limited.deliver([message])
    assert count_open(limited) == 0
    limited.call("DELETE", f"/v1/jobs/{jobs[0]}", identity=ANN)
    assert count_open(limited) == 0, "it had already ended"
    jobs = [post(limited).json["id"] for _ in range(2)]
    assert post(limited).status == 429
    for _ in range(2):
        limited.call("POST", f"/v1/jobs/{jobs[0]}/cancel", identity=ANN)
        limited.call("DELETE", f"/v1/jobs/{jobs[1]}", identity=ANN)
    assert count_open(limited) == 0
    assert post(limited).status == 202


def test_a_retry_counts_again(limited: Cloud) -> None:
    """It is not refused, but new jobs are."""
    job = post(limited).json["id"]
    limited.call("POST", f"/v1/jobs/{job}/cancel", identity=ANN)
    assert count_open(limited) == 0
    assert [post(limited).status for _ in range(2)] == [202, 202]
    assert limited.call("POST", f"/v1/jobs/{job}/retry", identity=ANN).status == 202
    assert count_open(limited) == 3
    assert post(limited).status == 429


def test_a_repeated_request_counts_once(limited: Cloud) -> None:
    """Also at the limit: the repetition gets its job, not a refusal."""
    keys = [{"Idempotency-Key": name} for name in ("one", "two")]
    for key in (*keys, *keys):
        assert post(limited, ANN, **key).status == 202
    assert (count_open(limited), limited.count()) == (2, 2)


def test_a_request_that_died_counts_once(limited: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the record was written: the repetition finds it, also if the owner has reached the limit."""
    requests = api.dependencies.get_dependencies().requests
    with monkeypatch.context() as dying:

        def die(*_: Any, **__: Any) -> None:
            raise ServiceUnavailable

        dying.setattr(requests, "store_response", die)
        assert post(limited, ANN, **{"Idempotency-Key": "one"}).status == 202
    assert post(limited).status == 202
    for job in _jobs(limited, "PENDING"):
        assert api.dependencies.get_dependencies().jobs.create(job).id == job.id
    assert count_open(limited) == 2


def _jobs(cloud: Cloud, status: str) -> list[Job]:
    found = cloud.clients.dynamodb.scan(TableName="Images")["Items"]
    return [cloud.job(item["ID"]["S"]) for item in found if item["Status"]["S"] == status]


def test_members_of_batches_count(limited: Cloud) -> None:
    """A request whose members exceed the limit creates none of them."""
    item = {"content_type": "image/jpeg"}
    refused = limited.post("/v1/batches", {"items": [item] * 3}, identity=ANN)
    assert (refused.status, refused.json["code"]) == (429, "TOO_MANY_OPEN_JOBS")
    assert limited.count() == 0
    assert limited.clients.dynamodb.scan(TableName=BATCHES)["Count"] == 0, "not even an empty batch"
    batch = limited.post("/v1/batches", {"items": [item] * 2}, identity=ANN)
    assert batch.status == 202
    assert count_open(limited) == 2
    assert limited.call("POST", f"/v1/batches/{batch.json['batch']['id']}/cancel", identity=ANN).status in {200, 202}
    assert count_open(limited) == 0


def test_concurrent_requests_never_exceed_the_limit(limited: Cloud) -> None:
    """A write that was prepared before another request has used the rest is refused."""
    dependencies = api.dependencies.get_dependencies()
    quotas = OwnerQuotas(limited.clients.dynamodb, BATCHES, OwnerLimits(open_jobs=2, daily_bytes=0, unknown_bytes=1))
    jobs = [_make_job(str(number)) for number in range(3)]
    dependencies.jobs.create(jobs[0])
    late = quotas.reserve([jobs[1]])
    dependencies.jobs.create(jobs[2])
    with pytest.raises(limited.clients.dynamodb.exceptions.TransactionCanceledException):
        limited.clients.dynamodb.transact_write_items(TransactItems=[late])
    assert count_open(limited) == 2


def _make_job(name: str, *, size: int = 100, now: datetime | None = None) -> Job:
    return Job.new(
        JobSpec(DEFAULT_PIPELINE),
        job_id=f"01HZY3Q1M8Z3J5W7XK9V{name:0>6}",
        filename="a.jpg",
        raw=RawImage(key=f"raw/api/{name}", size=size),
        owner="ann",
        now=now or utc_now(),
        due_after=timedelta(minutes=15),
        retention=timedelta(days=1),
    )


@pytest.mark.usefixtures("cloud")
def test_bytes_per_day_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next day, all of them are available again."""
    monkeypatch.setenv("OWNER_DAILY_BYTES", "250")
    jobs = api.dependencies.get_dependencies().jobs
    today = utc_now()
    yesterday = today - timedelta(days=1)
    jobs.create(_make_job("1", now=yesterday))
    jobs.create(_make_job("2", now=yesterday))
    with pytest.raises(DailyBytesExceeded) as caught:
        jobs.create(_make_job("3", now=yesterday))
    assert 0 < (caught.value.retry_after_seconds or 0) <= 24 * 3600
    jobs.create(_make_job("4", now=today))
    jobs.create(_make_job("5", now=today))
    with pytest.raises(DailyBytesExceeded):
        jobs.create(_make_job("6", now=today))


def test_an_upload_without_a_size_counts_as_the_largest(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients should declare the size."""
    monkeypatch.setenv("OWNER_DAILY_BYTES", "1000")
    cloud.stop_clock()
    refused = cloud.post("/v1/uploads", {"content_type": "image/jpeg"}, identity=ANN)
    assert (refused.status, refused.json["code"]) == (429, "DAILY_BYTES_EXCEEDED")
    for size, status in ((600, 201), (600, 429), (400, 201)):
        assert cloud.post("/v1/uploads", {"content_type": "image/jpeg", "size": size}, identity=ANN).status == status


def test_jobs_of_a_time_without_limits_do_not_count(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their end does not make room for others, and costs no additional write."""
    post(cloud)
    monkeypatch.setenv("OWNER_OPEN_JOBS", "1")
    api.dependencies.get_dependencies.cache_clear()
    assert post(cloud).status == 202
    old = next(job for job in _jobs(cloud, "PENDING") if not job.is_counted)
    cloud.call("POST", f"/v1/jobs/{old.id}/cancel", identity=ANN)
    assert count_open(cloud) == 1
    assert post(cloud).status == 429


def test_no_counts_without_limits(cloud: Cloud) -> None:
    """The default costs nothing."""
    post(cloud)
    cloud.deliver(cloud.receive())
    assert cloud.clients.dynamodb.scan(TableName=BATCHES)["Count"] == 0


def test_an_upload_makes_room_once(limited: Cloud) -> None:
    """However often its events arrive."""
    job = limited.post("/v1/uploads", {"content_type": "image/jpeg"}, identity=ANN).json
    key = f"raw/direct/{job['id']}"
    assert count_open(limited) == 1
    limited.store(key, IMAGE)
    for _ in range(2):
        limited.deliver([events.make_message(events.s3("images-for-tests", key, len(IMAGE)))])
    assert count_open(limited) == 0
