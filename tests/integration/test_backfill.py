"""Backfills on moto: each stored image gets exactly one new job, also after interruptions."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import Answer, Cloud

import api.batches.lifecycle_routes
import api.dependencies
from api.batches.backfill import Backfills
from shared.clock import to_iso, utc_now
from shared.jobs.job import Job, JobStatus

ANN, BOB = ({"userArn": f"arn:aws:iam::1:user/{name}"} for name in ("ann", "bob"))


def create_originals(cloud: Cloud, count: int, **more: Any) -> list[str]:
    """Create jobs, process them and return their IDs."""
    ids = [cloud.submit(sample_images.make_jpeg(20 + number, 20), **more)["id"] for number in range(count)]
    process_queues(cloud)
    return ids


def process_queues(cloud: Cloud) -> None:
    """Deliver all messages of both queues to the worker."""
    for url in (cloud.queue_url, cloud.bulk_queue_url):
        while messages := cloud.receive(url):
            assert cloud.deliver(messages) == []
            for message in messages:
                cloud.clients.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def create_backfill(cloud: Cloud, query: dict[str, Any] | None = None, **more: Any) -> str:
    """Create a backfill with the preset `thumbnail` and return its ID."""
    answer = cloud.post("/v1/batches", {"preset": "thumbnail", "backfill": query or {}}, **more)
    assert answer.status == 202, answer.text
    batch: dict[str, Any] = answer.json["batch"]
    assert (batch["total"], batch["closed"], batch["backfill"]["complete"]) == (0, False, False)
    return str(batch["id"])


def continue_backfill(cloud: Cloud, batch_id: str, **more: Any) -> Answer:
    """Create more members."""
    return cloud.call("POST", f"/v1/batches/{batch_id}/backfill", **more)


def complete_backfill(cloud: Cloud, batch_id: str, **more: Any) -> dict[str, Any]:
    """Continue until all members are created and return the batch."""
    while not (batch := continue_backfill(cloud, batch_id, **more).json)["backfill"]["complete"]:
        pass
    done: dict[str, Any] = batch
    return done


def list_members(cloud: Cloud, batch_id: str) -> list[Job]:
    """Return the jobs of a batch."""
    items = cloud.call("GET", f"/v1/batches/{batch_id}/items").json["items"]
    return [cloud.job(item["id"]) for item in items]


def count_sources(cloud: Cloud, batch_id: str) -> Counter[str]:
    """Count the members by the job of their source image."""
    return Counter(job.source.shown.removeprefix("job:") for job in list_members(cloud, batch_id) if job.source)


def test_stored_images_get_new_jobs(cloud: Cloud) -> None:
    """One job per image in the bulk queue with the new preset; the old jobs do not change."""
    ids = create_originals(cloud, 3)
    before = [cloud.job(job_id) for job_id in ids]
    batch_id = create_backfill(cloud)
    batch = complete_backfill(cloud, batch_id)
    assert (batch["total"], batch["closed"], batch["done"], batch["backfill"]["skipped"]) == (3, True, False, 0)
    assert cloud.receive() == []
    process_queues(cloud)
    batch = cloud.call("GET", f"/v1/batches/{batch_id}").json
    assert (batch["done"], batch["counts"]["completed"]) == (True, 3)
    created = list_members(cloud, batch_id)
    assert {job.raw.digest for job in created} == {job.raw.digest for job in before}
    assert {job.filename for job in created} == {job.filename for job in before}
    assert {(job.preset.name if job.preset else "", job.outputs[0].format) for job in created} == {
        ("thumbnail", "JPEG")
    }
    assert [cloud.job(job_id) for job_id in ids] == before
    assert continue_backfill(cloud, batch_id).json["total"] == 3


def test_each_call_creates_members_until_its_time_is_up(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """After several calls, each image has exactly one new job, in order."""
    monkeypatch.setattr("api.batches.backfill.CHUNK", 2)
    monkeypatch.setattr(api.batches.lifecycle_routes, "BACKFILL_TIME", timedelta())
    ids = create_originals(cloud, 5)
    batch_id = create_backfill(cloud)
    later = create_originals(cloud, 1)
    totals = [continue_backfill(cloud, batch_id).json["total"] for _ in range(3)]
    assert totals == [2, 4, 5]
    assert complete_backfill(cloud, batch_id)["total"] == 5
    assert count_sources(cloud, batch_id) == Counter(ids)
    assert later[0] not in count_sources(cloud, batch_id)


def test_concurrent_calls_create_no_duplicates(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call with a stale position writes nothing and continues from the stored one."""
    monkeypatch.setattr("api.batches.backfill.CHUNK", 2)
    ids = create_originals(cloud, 5)
    batch_id = create_backfill(cloud)
    backfills = Backfills.of(api.dependencies.get_dependencies())
    stale = backfills.table.get(batch_id, "anonymous", now=utc_now()).batch
    assert backfills.advance(stale, until=utc_now()).created == 2
    assert backfills.advance(stale, until=utc_now()).created == 0
    assert backfills.advance(stale, until=utc_now() + timedelta(minutes=1)).created == 3
    assert count_sources(cloud, batch_id) == Counter(ids)


def test_repeated_requests_with_one_key_create_nothing(cloud: Cloud) -> None:
    """For the batch itself and for each call that continues it."""
    create_originals(cloud, 2)
    key = {"Idempotency-Key": "k"}
    first, again = (
        cloud.post("/v1/batches", {"preset": "web", "backfill": {}}, headers=key).json["batch"]["id"] for _ in range(2)
    )
    assert first == again
    for _ in range(2):
        assert continue_backfill(cloud, first, headers={"Idempotency-Key": "l"}).json["total"] == 2


def test_query_selects_images(cloud: Cloud) -> None:
    """By status, batch, time, preset, preset version and raw format."""
    first = create_originals(cloud, 1, query={"preset": "web"})[0]
    middle = to_iso(utc_now())
    second = cloud.submit(sample_images.make_png())["id"]
    process_queues(cloud)
    failed = cloud.submit(b"\x89PNG\r\n\x1a\n words")["id"]
    process_queues(cloud)
    assert cloud.job(failed).status is JobStatus.FAILED
    for query, expected in (
        ({}, {first, second}),
        ({"status": None}, {first, second, failed}),
        ({"status": "FAILED"}, {failed}),
        ({"since": middle}, {second}),
        ({"until": middle}, {first}),
        ({"preset": "web"}, {first}),
        ({"preset": "web", "preset_version": 1}, {first}),
        ({"preset": "web", "preset_version": 2}, set()),
        ({"format": "PNG"}, {second}),
        ({"batch": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, set()),
    ):
        batch_id = create_backfill(cloud, query)
        assert complete_backfill(cloud, batch_id)["total"] == len(expected), query
        assert set(count_sources(cloud, batch_id)) == expected, query


def test_second_backfill_uses_originals_only(cloud: Cloud) -> None:
    """Jobs of an earlier backfill count only with `copies`."""
    ids = create_originals(cloud, 2)
    first = create_backfill(cloud)
    complete_backfill(cloud, first)
    process_queues(cloud)
    again = create_backfill(cloud)
    assert complete_backfill(cloud, again)["total"] == 2
    assert count_sources(cloud, again) == Counter(ids)
    process_queues(cloud)
    assert complete_backfill(cloud, create_backfill(cloud, {"batch": first, "copies": True}))["total"] == 2


def test_backfill_uses_images_of_its_owner_only(cloud: Cloud) -> None:
    """Other callers can neither select these images nor continue the backfill."""
    create_originals(cloud, 2, identity=ANN)
    assert complete_backfill(cloud, create_backfill(cloud, identity=BOB), identity=BOB)["total"] == 0
    mine = create_backfill(cloud, identity=ANN)
    assert continue_backfill(cloud, mine, identity=BOB).json["code"] == "BATCH_NOT_FOUND"
    assert complete_backfill(cloud, mine, identity=ANN)["total"] == 2


def test_missing_images_are_skipped_and_counted(cloud: Cloud) -> None:
    """An image that is missing in the bucket gets no member."""
    ids = create_originals(cloud, 2)
    cloud.clients.s3.delete_object(Bucket="images-for-tests", Key=cloud.job(ids[0]).raw.key)
    batch = complete_backfill(cloud, create_backfill(cloud))
    assert (batch["total"], batch["backfill"]["skipped"]) == (1, 1)


def test_deleting_an_original_fails_only_uncopied_members(cloud: Cloud) -> None:
    """A member whose image was already copied keeps its copy."""
    early, late = create_originals(cloud, 2)
    batch_id = create_backfill(cloud)
    complete_backfill(cloud, batch_id)
    assert cloud.call("DELETE", f"/v1/jobs/{early}").status == 200
    process_queues(cloud)
    assert cloud.call("DELETE", f"/v1/jobs/{late}").status == 200
    ended = {job.source.shown.removeprefix("job:"): job for job in list_members(cloud, batch_id) if job.source}
    assert (ended[early].status, ended[late].status) == (JobStatus.FAILED, JobStatus.COMPLETED)
    shown = cloud.call("GET", f"/v1/jobs/{ended[early].id}").json
    assert shown["error"]["code"] in {"SOURCE_MISSING", "SOURCE_FORBIDDEN"}
    assert cloud.call("GET", f"/v1/jobs/{ended[late].id}/raw").status == 303
    assert set(cloud.keys()) >= {ended[late].raw.key}


def test_cancelled_backfill_creates_no_more_members(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open members are cancelled, and a call that continues is refused."""
    monkeypatch.setattr("api.batches.backfill.CHUNK", 1)
    monkeypatch.setattr(api.batches.lifecycle_routes, "BACKFILL_TIME", timedelta())
    create_originals(cloud, 3)
    batch_id = create_backfill(cloud)
    continue_backfill(cloud, batch_id)
    assert cloud.call("POST", f"/v1/batches/{batch_id}/cancel").json["counts"]["cancelled"] == 1
    assert continue_backfill(cloud, batch_id).json["code"] == "BATCH_CLOSED"


def test_only_a_backfill_can_be_continued(cloud: Cloud) -> None:
    """A batch without a backfill is refused."""
    batch_id = cloud.post("/v1/batches", {}).json["batch"]["id"]
    assert continue_backfill(cloud, batch_id).json["code"] == "NOT_A_BACKFILL"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"backfill": {}, "items": [{}]}, "/items"),
        ({"backfill": {}, "close": True}, "/close"),
        ({"backfill": {"status": "DONE"}}, "/backfill/status"),
        ({"backfill": {"since": 5}}, "/backfill/since"),
        ({"backfill": {"since": "0001-01-01T00:00:00Z"}}, "/backfill/since"),
        ({"backfill": {"copies": 1}}, "/backfill/copies"),
        ({"backfill": {"format": "PSD"}}, "/backfill/format"),
        ({"backfill": {"batch": "x"}}, "/backfill/batch"),
        ({"backfill": {"preset_version": True}}, "/backfill/preset_version"),
        ({"backfill": {"where": 1}}, "/backfill/where"),
    ],
)
def test_invalid_query_is_refused(cloud: Cloud, body: dict[str, Any], pointer: str) -> None:
    """With a pointer to the error."""
    answer = cloud.post("/v1/batches", body)
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, pointer)
