"""Limits of owners that are reached in the middle of a request: 429, and a repetition does only the rest."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import BATCHES, Answer, Cloud
from support.thorough import every

import api.batches.members
import api.dependencies
from shared.aws.dynamodb.batch_table import BatchTable
from shared.clock import utc_now
from shared.errors import ServiceUnavailable

ANN = {"userArn": "arn:aws:iam::123456789012:user/ann"}
IMAGE = sample_images.make_jpeg(8, 8)
SHOP = "shop-pictures"
ITEM = {"source": f"s3://{SHOP}/chair.jpg"}
KEY = {"Idempotency-Key": "k"}


@pytest.fixture
def limited(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """A stack that allows four open jobs per owner, creates one member per transaction, and has a source image."""
    monkeypatch.setenv("OWNER_OPEN_JOBS", "4")
    monkeypatch.setenv("IMPORT_BUCKETS", SHOP)
    monkeypatch.setattr(api.batches.members, "CHUNK_SIZE", 1)
    cloud.clients.s3.create_bucket(Bucket=SHOP)
    cloud.clients.s3.put_object(Bucket=SHOP, Key="chair.jpg", Body=IMAGE)
    return cloud


def submit(cloud: Cloud) -> str:
    """Create a job of the owner."""
    answer = cloud.call("POST", "/v1/jobs", IMAGE, headers={"Content-Type": "image/jpeg"}, identity=ANN)
    assert answer.status == 202, answer.text
    return str(answer.json["id"])


def interrupt(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any], *, after: int = 1) -> None:
    """Call ``act`` once, before member number ``after`` of the next request is created, counted from 0."""
    real, chunks = BatchTable.append, []

    def append(self: BatchTable, batch_id: str, chunk: Any, **more: Any) -> None:
        chunks.append(chunk)
        if len(chunks) == after + 1:
            act()
        real(self, batch_id, chunk, **more)

    monkeypatch.setattr(BatchTable, "append", append)


def use_room(cloud: Cloud) -> Callable[[], None]:
    """Return a function that uses up the limit with three other jobs."""

    def act() -> None:
        for _ in range(3):
            submit(cloud)

    return act


def cancel_jobs(cloud: Cloud) -> None:
    """Cancel the owner's open jobs that are in no batch."""
    for job in cloud.call("GET", "/v1/jobs", identity=ANN).json["jobs"]:
        if not job.get("batch"):
            cloud.call("POST", f"/v1/jobs/{job['id']}/cancel", identity=ANN)


def count_batches(cloud: Cloud) -> int:
    """Return the number of batches."""
    items = cloud.clients.dynamodb.scan(TableName=BATCHES)["Items"]
    return sum(item["Part"]["S"] == "batch" for item in items)


def assert_limit(answer: Answer) -> None:
    """Check the response at a limit."""
    assert (answer.status, answer.json["code"], answer.json["retriable"]) == (429, "TOO_MANY_OPEN_JOBS", True)
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_batch_is_completed_by_a_repetition(limited: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another request uses up the limit after the first member. No batch and no member is created twice."""
    request = {"items": [ITEM] * 3}
    with monkeypatch.context() as patch:
        interrupt(patch, use_room(limited))
        refused = limited.post("/v1/batches", request, identity=ANN, headers=KEY)
    assert_limit(refused)
    assert "1 of 3 members" in refused.json["detail"]
    assert (count_batches(limited), limited.count()) == (1, 4)
    messages = [message for url in (limited.queue_url, limited.bulk_queue_url) for message in limited.receive(url)]
    assert len(messages) == 4, "the created member does not wait for the reconciler"
    assert_limit(limited.post("/v1/batches", request, identity=ANN, headers=KEY))
    cancel_jobs(limited)
    answer = limited.post("/v1/batches", request, identity=ANN, headers=KEY)
    assert (answer.status, answer.json["batch"]["total"], count_batches(limited)) == (202, 3, 1)
    assert limited.count() == 6


def test_added_members_are_completed_by_a_repetition(limited: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for members that are added later, also with a repetition that is refused before its first write."""
    batch = limited.post("/v1/batches", {"items": []}, identity=ANN).json["batch"]["id"]
    path, request = f"/v1/batches/{batch}/items", {"items": [ITEM] * 3, "close": True}
    with monkeypatch.context() as patch:
        interrupt(patch, use_room(limited))
        assert_limit(limited.post(path, request, identity=ANN, headers=KEY))
    assert_limit(limited.post(path, request, identity=ANN, headers=KEY))
    cancel_jobs(limited)
    answer = limited.post(path, request, identity=ANN, headers=KEY)
    assert (answer.status, answer.json["batch"]["total"], answer.json["batch"]["closed"]) == (202, 3, True)
    assert limited.count() == 6


def test_a_limit_after_a_crash_keeps_the_members(limited: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first try failed halfway, the second one is over the limit, and the third one completes the first."""
    request = {"items": [ITEM] * 3}

    def fail() -> None:
        raise ServiceUnavailable

    with monkeypatch.context() as patch:
        interrupt(patch, fail)
        assert limited.post("/v1/batches", request, identity=ANN, headers=KEY).status == 503
    use_room(limited)()
    assert_limit(limited.post("/v1/batches", request, identity=ANN, headers=KEY))
    cancel_jobs(limited)
    answer = limited.post("/v1/batches", request, identity=ANN, headers=KEY)
    assert (answer.status, answer.json["batch"]["total"], count_batches(limited)) == (202, 3, 1)


def test_a_limit_before_the_first_member_keeps_the_batch(limited: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch exists already, so a repetition uses it."""
    with monkeypatch.context() as patch:
        interrupt(patch, lambda: [submit(limited) for _ in range(4)], after=0)
        assert_limit(limited.post("/v1/batches", {"items": [ITEM] * 3}, identity=ANN, headers=KEY))
    cancel_jobs(limited)
    assert limited.post("/v1/batches", {"items": [ITEM] * 3}, identity=ANN, headers=KEY).status == 202
    assert count_batches(limited) == 1


def test_members_created_much_later_get_a_full_form(limited: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that waits for the next day gets new forms, not forms that have expired already."""
    item = {"content_type": "image/jpeg"}
    with monkeypatch.context() as patch:
        interrupt(patch, use_room(limited))
        assert_limit(limited.post("/v1/batches", {"items": [item] * 2}, identity=ANN, headers=KEY))
    cancel_jobs(limited)
    later = utc_now() + timedelta(hours=12)
    monkeypatch.setattr("api.dependencies.utc_now", lambda: later)
    api.dependencies.get_dependencies.cache_clear()
    answer = limited.post("/v1/batches", {"items": [item] * 2}, identity=ANN, headers=KEY)
    assert answer.status == 202
    assert answer.json["items"][1]["upload"]["url"]


@pytest.mark.parametrize("room", every(3, [1, 0, 2]))
def test_a_backfill_uses_the_room_there_is(limited: Cloud, room: int) -> None:
    """Its next call without room gets 429. Once there is room, it continues where it was."""
    originals = []
    for _ in range(4):
        originals.append(submit(limited))
        limited.deliver(limited.receive())
    batch = limited.post("/v1/batches", {"preset": "web", "backfill": {}}, identity=ANN).json["batch"]["id"]
    for _ in range(4 - room):
        submit(limited)
    path = f"/v1/batches/{batch}/backfill"
    if room:
        answer = limited.call("POST", path, identity=ANN)
        assert (answer.status, answer.json["total"]) == (202, room)
    assert_limit(limited.call("POST", path, identity=ANN))
    cancel_jobs(limited)
    answer = limited.call("POST", path, identity=ANN)
    assert (answer.json["total"], answer.json["backfill"]["complete"]) == (4, True)


def test_an_image_over_the_limit_of_a_day_is_refused_until_the_next(
    limited: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For every endpoint that creates jobs, ``Retry-After`` is the time until midnight (UTC)."""
    monkeypatch.setenv("OWNER_DAILY_BYTES", str(len(IMAGE)))
    limited.stop_clock()
    submit(limited)
    limited.deliver(limited.receive())
    batch = limited.post("/v1/batches", {"items": []}, identity=ANN).json["batch"]["id"]
    backfill = limited.post("/v1/batches", {"preset": "web", "backfill": {}}, identity=ANN).json["batch"]["id"]
    answers = [
        limited.call("POST", "/v1/jobs", IMAGE, headers={"Content-Type": "image/jpeg"}, identity=ANN),
        limited.post("/v1/jobs", ITEM, identity=ANN),
        limited.post("/v1/uploads", {"content_type": "image/jpeg", "size": 1}, identity=ANN),
        limited.post("/v1/batches", {"items": [ITEM]}, identity=ANN),
        limited.post(f"/v1/batches/{batch}/items", {"items": [ITEM]}, identity=ANN),
        limited.call("POST", f"/v1/batches/{backfill}/backfill", identity=ANN),
    ]
    assert {(each.status, each.json["code"]) for each in answers} == {(429, "DAILY_BYTES_EXCEEDED")}
    assert all(1 <= int(each.headers["Retry-After"]) <= 86_400 for each in answers)
