"""Batches on moto: members made, counted, moved; counts that never differ from the records."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support import sample_images
from support.moto_cloud import BATCHES, Answer, Cloud

import api.app
import api.dependencies
import worker.app
import worker.reconciler
from api.batches.use_cases import Batches
from shared.clock import utc_now
from shared.jobs.job import Job
from shared.jobs.message import JobMessage

JPEG = sample_images.jpeg(8, 8)
MEMBER = {"content_type": "image/jpeg"}
OTHER = {"userArn": "arn:aws:iam::000000000000:user/other"}


def make(cloud: Cloud, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Make a batch and return the answer."""
    answer = cloud.post("/v1/batches", {"items": list(items), **more})
    assert answer.status == 202, answer.text
    made: dict[str, Any] = answer.json
    return made


def read(cloud: Cloud, batch_id: str) -> dict[str, Any]:
    """Read a batch."""
    answer = cloud.call("GET", f"/v1/batches/{batch_id}")
    assert answer.status == 200, answer.text
    batch: dict[str, Any] = answer.json
    return batch


def post(cloud: Cloud, batch_id: str, action: str, **more: Any) -> Answer:
    """Do something to a batch."""
    return cloud.call("POST", f"/v1/batches/{batch_id}/{action}", **more)


def members(cloud: Cloud, batch_id: str, **query: str) -> list[dict[str, Any]]:
    """Return the members of a batch, all pages."""
    found: list[dict[str, Any]] = []
    while True:
        answer = cloud.call("GET", f"/v1/batches/{batch_id}/items", query=query or None)
        assert answer.status == 200, answer.text
        found += answer.json["items"]
        if answer.json["next_cursor"] is None:
            return found
        query = {**query, "cursor": answer.json["next_cursor"]}


def run(cloud: Cloud, job_id: str, data: bytes = JPEG) -> None:
    """Send the bytes of a member and let S3 tell of them."""
    cloud.store(f"raw/bulk/{job_id}", data)
    assert cloud.arrived(f"raw/bulk/{job_id}") == []


def recount(cloud: Cloud, batch_id: str) -> dict[str, int]:
    """Count the members as their records stand."""
    names = {"COMPLETED": "completed", "FAILED": "failed", "CANCELLED": "cancelled", "EXPIRED": "expired"}
    found = Counter(names.get(job["status"], "open") for job in members(cloud, batch_id))
    return {name: found[name] for name in ("open", *names.values())}


def fault(status: int, told: dict[str, Any]) -> ClientError:
    """Return what boto3 raises for an answer."""
    answer: Any = told | {"ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "TransactWriteItems")


def later(monkeypatch: pytest.MonkeyPatch, distance: timedelta) -> None:
    """Put the reconciler's clock forward."""
    reconciler = worker.reconciler.get_reconciler()
    monkeypatch.setattr(
        worker.reconciler, "get_reconciler", lambda: replace(reconciler, clock=lambda: utc_now() + distance)
    )


def test_batch_goes_all_the_way(cloud: Cloud) -> None:
    """Members get forms and IDs in their order; counts follow them; done once, when closed and all have ended."""
    made = make(cloud, *[MEMBER | {"filename": f"{number}.jpg"} for number in range(3)], name="holiday", width=4)
    batch, ids = made["batch"], [item["job"]["id"] for item in made["items"]]
    assert ids == sorted(ids)
    assert [item["job"]["status"] for item in made["items"]] == ["AWAITING_UPLOAD"] * 3
    assert [item["upload"]["fields"]["key"] for item in made["items"]] == [f"raw/bulk/{job_id}" for job_id in ids]
    assert (batch["name"], batch["total"], batch["counts"]["open"], batch["progress"]) == ("holiday", 3, 3, 0)
    for job_id in ids:
        run(cloud, job_id)
    full = read(cloud, batch["id"])
    assert (full["counts"]["completed"], full["progress"], full["done"], full["finished_at"]) == (3, 1, False, None)
    assert full["rate"] > 0
    closed = post(cloud, batch["id"], "close")
    assert (closed.status, closed.json["closed"], closed.json["done"]) == (200, True, True)
    assert post(cloud, batch["id"], "close").json["finished_at"] == closed.json["finished_at"] is not None
    assert {job["result"]["width"] for job in members(cloud, batch["id"])} == {4}
    assert {job["batch_id"] for job in members(cloud, batch["id"])} == {batch["id"]}


def test_bad_member_spoils_no_other(cloud: Cloud) -> None:
    """Each member that can't be is an error in its place, and is not counted."""
    bad: list[dict[str, Any]] = [
        {},
        MEMBER | {"content_type": "text/plain"},
        MEMBER | {"width": 0},
        MEMBER | {"content": "aaaa"},
    ]
    made = make(cloud, MEMBER, *bad, MEMBER | {"preset": "none"}, MEMBER)
    codes = [item["error"] and item["error"]["code"] for item in made["items"]]
    assert codes == [
        None,
        "INVALID_REQUEST",
        "UNSUPPORTED_TYPE",
        "INVALID_PIPELINE",
        "INVALID_REQUEST",
        "PRESET_NOT_FOUND",
        None,
    ]
    assert [item["index"] for item in made["items"]] == list(range(7))
    assert made["items"][1]["error"]["errors"][0]["pointer"] == "/content_type"
    assert (made["batch"]["total"], cloud.count()) == (2, 2)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"width": 0}, "INVALID_PIPELINE"),
        ({"preset": "none"}, "PRESET_NOT_FOUND"),
        ({"items": [MEMBER] * 101}, "INVALID_REQUEST"),
        ({"items": {}}, "INVALID_REQUEST"),
        ({"filename": "a.jpg"}, "INVALID_REQUEST"),
        ({"what": 1}, "INVALID_REQUEST"),
    ],
)
def test_bad_batch_is_one_error(cloud: Cloud, body: dict[str, Any], code: str) -> None:
    """What holds for all members is refused as a whole, and nothing is made."""
    answer = cloud.post("/v1/batches", body)
    assert (answer.status, answer.json["code"]) == (422, code)
    assert cloud.clients.dynamodb.scan(TableName=BATCHES)["Count"] == 0


def test_members_take_the_batchs_options_or_their_own(cloud: Cloud) -> None:
    """Also those that are added later; a preset is kept in the version of the batch."""
    made = make(cloud, MEMBER, MEMBER | {"width": 6}, preset="thumbnail")
    more = cloud.post(f"/v1/batches/{made['batch']['id']}/items", {"items": [MEMBER]}).json
    jobs = [cloud.job(item["job"]["id"]) for item in (*made["items"], *more["items"])]
    assert [job.preset and job.preset.name for job in jobs] == ["thumbnail", None, "thumbnail"]
    assert jobs[0].pipeline == jobs[2].pipeline != jobs[1].pipeline


def test_hundred_members_in_several_calls(cloud: Cloud) -> None:
    """Calls append until the batch is closed; then there are exactly so many, and no more can be."""
    batch_id = make(cloud, *[MEMBER] * 100)["batch"]["id"]
    last = cloud.post(f"/v1/batches/{batch_id}/items", {"items": [MEMBER] * 20, "close": True})
    assert (last.status, last.json["batch"]["total"], last.json["batch"]["closed"]) == (202, 120, True)
    refused = cloud.post(f"/v1/batches/{batch_id}/items", {"items": [MEMBER]})
    assert (refused.status, refused.json["code"]) == (409, "BATCH_CLOSED")
    found = [job["id"] for job in members(cloud, batch_id, limit="50")]
    assert (len(found), found) == (120, sorted(set(found)))


def test_request_that_died_half_way_makes_no_member_twice(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first fifty were made when the service failed; made again under the same key, there are a hundred."""
    batch_id = make(cloud)["batch"]["id"]
    client = api.dependencies.get_dependencies().batches._client
    real, calls = client.transact_write_items, []

    def fail_second(**request: Any) -> Any:
        calls.append(request)
        if len(calls) == 2:
            raise fault(500, {"Error": {"Code": "InternalServerError"}})
        return real(**request)

    body, headers = {"items": [MEMBER] * 100, "close": True}, {"Idempotency-Key": "k"}
    with monkeypatch.context() as patch:
        patch.setattr(client, "transact_write_items", fail_second)
        assert cloud.post(f"/v1/batches/{batch_id}/items", body, headers=headers).status == 503
    half = read(cloud, batch_id)
    assert (half["total"], half["closed"], len(members(cloud, batch_id))) == (50, False, 50)
    again = cloud.post(f"/v1/batches/{batch_id}/items", body, headers=headers)
    assert again.status == 202
    assert [item["job"]["id"] for item in again.json["items"]] == [job["id"] for job in members(cloud, batch_id)]
    assert (again.json["batch"]["total"], again.json["batch"]["closed"]) == (100, True)
    replay = cloud.post(f"/v1/batches/{batch_id}/items", body, headers=headers)
    assert replay.headers["Idempotency-Replayed"] == "true"
    assert [item["job"] for item in replay.json["items"]] == [item["job"] for item in again.json["items"]]
    assert all(item["upload"]["url"] for item in replay.json["items"])


def test_same_key_makes_one_batch(cloud: Cloud) -> None:
    """The same request again is the same batch with the same members and the same errors."""
    headers = {"Idempotency-Key": "k"}
    first, second = (cloud.post("/v1/batches", {"items": [MEMBER, {}]}, headers=headers) for _ in range(2))
    assert second.json["batch"]["id"] == first.json["batch"]["id"]
    assert second.json["items"][1] == first.json["items"][1]
    assert second.json["items"][0]["job"] == first.json["items"][0]["job"]
    assert cloud.count() == 1


def test_every_end_is_counted(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the worker, by its owner, by the reconciler, by the dead-letter function: each counts once."""
    made = make(cloud, *[MEMBER] * 6, close=True)
    ids = [item["job"]["id"] for item in made["items"]]
    run(cloud, ids[0])
    run(cloud, ids[1], b"words")
    cloud.call("POST", f"/v1/jobs/{ids[2]}/cancel")
    cloud.store(f"raw/bulk/{ids[3]}", JPEG)
    cloud.call("POST", f"/v1/uploads/{ids[3]}/confirm")
    bulk = api.dependencies.get_dependencies().settings.bulk_queue_url
    dead = cloud.receive(bulk)
    assert len(dead) == 1, "a member's message goes by the bulk lane"
    cloud.age(ids[3], timedelta(hours=7))
    for _ in range(3):
        cloud.handle_dead_letters(dead)
    assert read(cloud, made["batch"]["id"])["counts"] == {
        "open": 2,
        "completed": 1,
        "failed": 2,
        "cancelled": 1,
        "expired": 0,
    }
    later(monkeypatch, timedelta(minutes=30))
    cloud.reconcile()
    ended = read(cloud, made["batch"]["id"])
    assert ended["counts"] == {"open": 0, "completed": 1, "failed": 2, "cancelled": 1, "expired": 2}
    assert (ended["done"], ended["progress"]) == (True, 1)
    assert recount(cloud, made["batch"]["id"]) == ended["counts"]


def test_duplicates_and_late_commits_count_once(cloud: Cloud) -> None:
    """The same event again, and a worker that comes back late, change no count."""
    made = make(cloud, MEMBER)
    job_id, batch_id = made["items"][0]["job"]["id"], made["batch"]["id"]
    cloud.store(f"raw/bulk/{job_id}", JPEG)
    past = utc_now() - timedelta(seconds=100)
    message = JobMessage(job_id=job_id, generation=1)
    stale = cloud.jobs.claim(message, now=past, lease=timedelta(seconds=50), uploaded=True)
    assert isinstance(stale, Job)
    assert [cloud.arrived(f"raw/bulk/{job_id}") for _ in range(3)] == [[], [], []]
    late = stale.complete(raw=stale.raw, outputs=(), warnings=(), now=utc_now())
    assert cloud.jobs.commit(late) is False
    done = cloud.job(job_id)
    assert cloud.jobs.commit(done) is True, "its own end, once more, is known"
    assert read(cloud, batch_id)["counts"]["completed"] == 1


def test_deleted_member_is_no_member(cloud: Cloud) -> None:
    """Open or ended, a member that is deleted leaves total and counts, and the batch is done without it."""
    made = make(cloud, *[MEMBER] * 3, close=True)
    ids = [item["job"]["id"] for item in made["items"]]
    run(cloud, ids[0])
    run(cloud, ids[1])
    cloud.call("DELETE", f"/v1/jobs/{ids[0]}")
    batch = read(cloud, made["batch"]["id"])
    assert (batch["total"], batch["counts"]["completed"], batch["counts"]["open"], batch["done"]) == (2, 1, 1, False)
    cloud.call("DELETE", f"/v1/jobs/{ids[2]}")
    batch = read(cloud, made["batch"]["id"])
    assert (batch["total"], batch["counts"]["completed"], batch["counts"]["open"], batch["done"]) == (1, 1, 0, True)
    finished = batch["finished_at"]
    cloud.call("DELETE", f"/v1/jobs/{ids[1]}")
    assert read(cloud, made["batch"]["id"])["finished_at"] == finished


def test_cancelled_batch_has_no_open_member(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is closed, open members end, others stay; what time does not allow is told and done by the next call."""
    made = make(cloud, *[MEMBER] * 5)
    run(cloud, made["items"][0]["job"]["id"])
    monkeypatch.setattr(Batches, "of", _ticking(Batches.of))
    first = post(cloud, made["batch"]["id"], "cancel")
    assert first.status == 202
    assert first.json["closed"] is True
    assert 0 < first.json["remaining"] < 4
    answer = first
    for _ in range(4):
        answer = post(cloud, made["batch"]["id"], "cancel")
    assert (answer.json["remaining"], answer.json["done"]) == (0, True)
    assert answer.json["counts"] == {"open": 0, "completed": 1, "failed": 0, "cancelled": 4, "expired": 0}


def _ticking(real: Any) -> Any:
    """Let 17 seconds pass between any two looks at a batch's clock, from each request's beginning."""

    def of(dependencies: Any) -> Any:
        ticks = iter(range(100))
        return replace(real(dependencies), clock=lambda: utc_now() + timedelta(seconds=17 * next(ticks)))

    return of


def test_failed_members_are_retried_once(cloud: Cloud) -> None:
    """What failed begins again and leaves the count; the batch is not done, and then is again, later."""
    made = make(cloud, *[MEMBER] * 3, close=True)
    batch_id, ids = made["batch"]["id"], [item["job"]["id"] for item in made["items"]]
    run(cloud, ids[0])
    for job_id in ids[1:]:
        run(cloud, job_id, b"words")
    finished = read(cloud, batch_id)["finished_at"]
    answer = post(cloud, batch_id, "retry-failed")
    assert (answer.status, answer.json["retried"], answer.json["remaining"]) == (202, 2, 0)
    assert answer.json["batch"]["counts"] == {"open": 2, "completed": 1, "failed": 0, "cancelled": 0, "expired": 0}
    assert (answer.json["batch"]["done"], answer.json["batch"]["finished_at"]) == (False, None)
    assert post(cloud, batch_id, "retry-failed").json["retried"] == 0
    messages = cloud.receive(api.dependencies.get_dependencies().settings.bulk_queue_url)
    assert len(messages) == 2
    cloud.deliver(messages)
    again = read(cloud, batch_id)
    assert (again["counts"]["failed"], again["done"]) == (2, True)
    assert again["finished_at"] > finished


def test_items_by_place_status_and_link(cloud: Cloud) -> None:
    """A client goes on from its oldest open member, and gets links where it asks for them."""
    made = make(cloud, *[MEMBER] * 5)
    batch_id, ids = made["batch"]["id"], [item["job"]["id"] for item in made["items"]]
    run(cloud, ids[1])
    assert [job["id"] for job in members(cloud, batch_id, after=ids[2])] == ids[3:]
    assert [job["id"] for job in members(cloud, batch_id, limit="2")] == ids
    assert [job["id"] for job in members(cloud, batch_id, status="COMPLETED")] == [ids[1]]
    (linked,) = members(cloud, batch_id, status="COMPLETED", links="true")
    assert linked["result"]["outputs"][0]["url"].startswith("https://")
    assert members(cloud, batch_id, status="COMPLETED")[0]["result"]["outputs"][0]["url"] is None
    assert cloud.call("GET", f"/v1/batches/{batch_id}/items", query={"after": "x"}).json["code"] == "INVALID_REQUEST"


def test_unchanged_batch_is_304(cloud: Cloud) -> None:
    """The tag stays while nothing changes and is another after a member has ended."""
    made = make(cloud, MEMBER)
    path = f"/v1/batches/{made['batch']['id']}"
    tag = cloud.call("GET", path).headers["ETag"]
    assert cloud.call("GET", path, headers={"If-None-Match": tag}).status == 304
    run(cloud, made["items"][0]["job"]["id"])
    assert cloud.call("GET", path, headers={"If-None-Match": tag}).status == 200


def test_batches_are_listed_newest_first(cloud: Cloud) -> None:
    """Page by page, the caller's own alone."""
    ids = [make(cloud, MEMBER)["batch"]["id"] for _ in range(3)]
    first = cloud.call("GET", "/v1/batches", query={"limit": "2"}).json
    rest = cloud.call("GET", "/v1/batches", query={"limit": "2", "cursor": first["next_cursor"]}).json
    assert [batch["id"] for batch in (*first["batches"], *rest["batches"])] == ids[::-1]
    assert rest["next_cursor"] is None
    assert cloud.call("GET", "/v1/batches", identity=OTHER).json["batches"] == []


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "/items"), ("POST", "/close"), ("POST", "/cancel")])
def test_others_and_unknown_batches_are_not_found(cloud: Cloud, method: str, path: str) -> None:
    """Nobody learns that another's batch exists."""
    batch_id = make(cloud, MEMBER)["batch"]["id"]
    for each, identity in ((batch_id, OTHER), ("01HZY3Q1M8Z3J5W7XK9V2B4C6D", None), ("none", None)):
        answer = cloud.call(method, f"/v1/batches/{each}{path}", identity=identity)
        assert (answer.status, answer.json["code"]) == (404, "BATCH_NOT_FOUND")


def test_conflicting_transactions_are_tried_again(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Members that end at the same moment may meet on a count: the later tries again, and both are counted."""
    made = make(cloud, MEMBER)
    client = worker.app.get_consumer().processor.jobs._client
    real, calls = client.transact_write_items, []

    def conflict(**request: Any) -> Any:
        calls.append(request)
        if len(calls) <= 2:
            reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}]
            raise fault(400, {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons})
        return real(**request)

    monkeypatch.setattr(client, "transact_write_items", conflict)
    run(cloud, made["items"][0]["job"]["id"])
    assert len(calls) == 3
    assert read(cloud, made["batch"]["id"])["counts"]["completed"] == 1


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_the_records(cloud: Cloud, seed: int) -> None:
    """After whatever is done to members in whatever order, the counts are what counting the records gives."""
    random = Random(seed)
    made = make(cloud, *[MEMBER] * 8)
    batch_id, ids = made["batch"]["id"], [item["job"]["id"] for item in made["items"]]
    bulk = api.dependencies.get_dependencies().settings.bulk_queue_url
    for _ in range(40):
        job_id = random.choice(ids)
        deed = random.choice(["arrive", "spoil", "cancel", "retry", "delete", "deliver", "retry all"])
        if deed in {"arrive", "spoil"}:
            run(cloud, job_id, JPEG if deed == "arrive" else b"words")
        elif deed in {"cancel", "retry"}:
            cloud.call("POST", f"/v1/jobs/{job_id}/{deed}")
        elif deed == "delete" and random.random() < 0.3:
            cloud.call("DELETE", f"/v1/jobs/{job_id}")
        elif deed == "deliver":
            cloud.deliver(cloud.receive(bulk))
        elif deed == "retry all":
            post(cloud, batch_id, "retry-failed")
        batch = read(cloud, batch_id)
        assert batch["counts"] == recount(cloud, batch_id)
        assert batch["total"] == len(members(cloud, batch_id))
