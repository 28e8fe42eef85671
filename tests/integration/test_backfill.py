"""Backfill: stored images processed anew, each exactly once, however often it is stopped."""

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


def originals(cloud: Cloud, count: int, **more: Any) -> list[str]:
    """Make jobs and let them be processed."""
    ids = [cloud.submit(sample_images.jpeg(20 + number, 20), **more)["id"] for number in range(count)]
    drain(cloud)
    return ids


def drain(cloud: Cloud) -> None:
    """Let the worker have all that is queued, in both lanes."""
    for url in (cloud.queue_url, cloud.bulk_queue_url):
        while messages := cloud.receive(url):
            assert cloud.deliver(messages) == []
            for message in messages:
                cloud.clients.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def begin(cloud: Cloud, query: dict[str, Any] | None = None, **more: Any) -> str:
    """Ask for a backfill to thumbnails; return its ID."""
    answer = cloud.post("/v1/batches", {"preset": "thumbnail", "backfill": query or {}}, **more)
    assert answer.status == 202, answer.text
    batch: dict[str, Any] = answer.json["batch"]
    assert (batch["total"], batch["closed"], batch["backfill"]["complete"]) == (0, False, False)
    return str(batch["id"])


def go_on(cloud: Cloud, batch_id: str, **more: Any) -> Answer:
    """Ask for more members."""
    return cloud.call("POST", f"/v1/batches/{batch_id}/backfill", **more)


def filled(cloud: Cloud, batch_id: str, **more: Any) -> dict[str, Any]:
    """Go on until there is nothing more to make; return the batch."""
    while not (batch := go_on(cloud, batch_id, **more).json)["backfill"]["complete"]:
        pass
    done: dict[str, Any] = batch
    return done


def members(cloud: Cloud, batch_id: str) -> list[Job]:
    """Return the members of a batch as the worker sees them."""
    items = cloud.call("GET", f"/v1/batches/{batch_id}/items").json["items"]
    return [cloud.job(item["id"]) for item in items]


def sources(cloud: Cloud, batch_id: str) -> Counter[str]:
    """Count the members made of each job's image."""
    return Counter(job.source.location.key.rpartition("/")[2] for job in members(cloud, batch_id) if job.source)


def test_stored_pictures_are_processed_anew(cloud: Cloud) -> None:
    """One new job each, by the bulk lane, with the new preset; the old jobs stay as they are; done when all are."""
    ids = originals(cloud, 3)
    before = [cloud.job(job_id) for job_id in ids]
    batch_id = begin(cloud)
    batch = filled(cloud, batch_id)
    assert (batch["total"], batch["closed"], batch["done"], batch["backfill"]["skipped"]) == (3, True, False, 0)
    assert cloud.receive() == []
    drain(cloud)
    batch = cloud.call("GET", f"/v1/batches/{batch_id}").json
    assert (batch["done"], batch["counts"]["completed"]) == (True, 3)
    made = members(cloud, batch_id)
    assert {job.raw.digest for job in made} == {job.raw.digest for job in before}
    assert {job.filename for job in made} == {job.filename for job in before}
    assert {(job.preset.name if job.preset else "", job.outputs[0].format) for job in made} == {("thumbnail", "JPEG")}
    assert [cloud.job(job_id) for job_id in ids] == before
    assert go_on(cloud, batch_id).json["total"] == 3


def test_each_call_makes_what_its_time_allows(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped after every chunk and resumed, each image has exactly one new job, in their order."""
    monkeypatch.setattr("api.batches.backfill.CHUNK", 2)
    monkeypatch.setattr(api.batches.lifecycle_routes, "BACKFILL_TIME", timedelta())
    ids = originals(cloud, 5)
    batch_id = begin(cloud)
    later = originals(cloud, 1)
    totals = [go_on(cloud, batch_id).json["total"] for _ in range(3)]
    assert totals == [2, 4, 5]
    assert filled(cloud, batch_id)["total"] == 5
    assert sources(cloud, batch_id) == Counter(ids)
    assert later[0] not in sources(cloud, batch_id)


def test_two_at_once_make_no_member_twice(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has read an older place writes nothing, and goes on from where the other has come to."""
    monkeypatch.setattr("api.batches.backfill.CHUNK", 2)
    ids = originals(cloud, 5)
    batch_id = begin(cloud)
    backfills = Backfills.of(api.dependencies.get_dependencies())
    stale = backfills.table.get(batch_id, "anonymous", now=utc_now()).batch
    assert backfills.advance(stale, until=utc_now()).created == 2
    assert backfills.advance(stale, until=utc_now()).created == 0
    assert backfills.advance(stale, until=utc_now() + timedelta(minutes=1)).created == 3
    assert sources(cloud, batch_id) == Counter(ids)


def test_an_answer_that_is_asked_for_again_makes_nothing(cloud: Cloud) -> None:
    """Under one Idempotency-Key a call is made once; so is the batch itself."""
    originals(cloud, 2)
    key = {"Idempotency-Key": "k"}
    first, again = (
        cloud.post("/v1/batches", {"preset": "web", "backfill": {}}, headers=key).json["batch"]["id"] for _ in range(2)
    )
    assert first == again
    for _ in range(2):
        assert go_on(cloud, first, headers={"Idempotency-Key": "l"}).json["total"] == 2


def test_a_query_names_the_pictures(cloud: Cloud) -> None:
    """By status, batch, time, preset and its version, format of the raw image: those alone."""
    first = originals(cloud, 1, query={"preset": "web"})[0]
    middle = to_iso(utc_now())
    second = cloud.submit(sample_images.png())["id"]
    drain(cloud)
    failed = cloud.submit(b"\x89PNG\r\n\x1a\n words")["id"]
    drain(cloud)
    assert cloud.job(failed).status is JobStatus.FAILED
    for query, wanted in (
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
        batch_id = begin(cloud, query)
        assert filled(cloud, batch_id)["total"] == len(wanted), query
        assert set(sources(cloud, batch_id)) == wanted, query


def test_a_second_backfill_takes_each_picture_once(cloud: Cloud) -> None:
    """What the first one has copied is the same image; it counts only where that is asked for."""
    ids = originals(cloud, 2)
    first = begin(cloud)
    filled(cloud, first)
    drain(cloud)
    again = begin(cloud)
    assert filled(cloud, again)["total"] == 2
    assert sources(cloud, again) == Counter(ids)
    drain(cloud)
    assert filled(cloud, begin(cloud, {"batch": first, "copies": True}))["total"] == 2


def test_only_ones_own_pictures_are_found(cloud: Cloud) -> None:
    """Another caller's backfill does not see them, and nobody else can go on with one's own."""
    originals(cloud, 2, identity=ANN)
    assert filled(cloud, begin(cloud, identity=BOB), identity=BOB)["total"] == 0
    mine = begin(cloud, identity=ANN)
    assert go_on(cloud, mine, identity=BOB).json["code"] == "BATCH_NOT_FOUND"
    assert filled(cloud, mine, identity=ANN)["total"] == 2


def test_a_picture_that_is_gone_is_counted_and_left_out(cloud: Cloud) -> None:
    """Removed from the bucket before the walk came there, it makes no member."""
    ids = originals(cloud, 2)
    cloud.clients.s3.delete_object(Bucket="images-for-tests", Key=cloud.job(ids[0]).raw.key)
    batch = filled(cloud, begin(cloud))
    assert (batch["total"], batch["backfill"]["skipped"]) == (1, 1)


def test_a_deleted_original_does_not_break_what_was_made_of_it(cloud: Cloud) -> None:
    """Deleted before the worker has copied it, the new job fails by name; afterwards, the new job has a copy."""
    early, late = originals(cloud, 2)
    batch_id = begin(cloud)
    filled(cloud, batch_id)
    assert cloud.call("DELETE", f"/v1/jobs/{early}").status == 200
    drain(cloud)
    assert cloud.call("DELETE", f"/v1/jobs/{late}").status == 200
    ended = {job.source.location.key.rpartition("/")[2]: job for job in members(cloud, batch_id) if job.source}
    assert (ended[early].status, ended[late].status) == (JobStatus.FAILED, JobStatus.COMPLETED)
    shown = cloud.call("GET", f"/v1/jobs/{ended[early].id}").json
    assert shown["error"]["code"] in {"SOURCE_MISSING", "SOURCE_FORBIDDEN"}
    assert cloud.call("GET", f"/v1/jobs/{ended[late].id}/raw").status == 303
    assert set(cloud.keys()) >= {ended[late].raw.key}


def test_a_cancelled_backfill_makes_no_more(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is open is cancelled, and going on is refused."""
    monkeypatch.setattr("api.batches.backfill.CHUNK", 1)
    monkeypatch.setattr(api.batches.lifecycle_routes, "BACKFILL_TIME", timedelta())
    originals(cloud, 3)
    batch_id = begin(cloud)
    go_on(cloud, batch_id)
    assert cloud.call("POST", f"/v1/batches/{batch_id}/cancel").json["counts"]["cancelled"] == 1
    assert go_on(cloud, batch_id).json["code"] == "BATCH_CLOSED"


def test_a_batch_that_is_none_is_refused(cloud: Cloud) -> None:
    """Members that are sent are not found."""
    batch_id = cloud.post("/v1/batches", {}).json["batch"]["id"]
    assert go_on(cloud, batch_id).json["code"] == "NOT_A_BACKFILL"


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
def test_a_query_that_can_not_be_is_one_422(cloud: Cloud, body: dict[str, Any], pointer: str) -> None:
    """With a pointer to what is wrong."""
    answer = cloud.post("/v1/batches", body)
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, pointer)
