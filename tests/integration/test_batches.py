"""Batches on moto: members, actions, and counts that always match the job records."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError
from support import sample_images
from support.moto_cloud import BATCHES, Answer, Cloud
from support.thorough import every

import api.app
import api.dependencies
import worker.app
import worker.reconciler
from api.batches.use_cases import Batches
from shared.clock import utc_now
from shared.jobs.job import Job
from shared.jobs.message import JobMessage

JPEG = sample_images.make_jpeg(8, 8)
MEMBER = {"content_type": "image/jpeg"}
OTHER = {"userArn": "arn:aws:iam::000000000000:user/other"}


def create_batch(cloud: Cloud, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Create a batch and return the response body."""
    answer = cloud.post("/v1/batches", {"items": list(items), **more})
    assert answer.status == 202, answer.text
    created: dict[str, Any] = answer.json
    return created


def get_batch(cloud: Cloud, batch_id: str) -> dict[str, Any]:
    """Return a batch."""
    answer = cloud.call("GET", f"/v1/batches/{batch_id}")
    assert answer.status == 200, answer.text
    batch: dict[str, Any] = answer.json
    return batch


def post_action(cloud: Cloud, batch_id: str, action: str, **more: Any) -> Answer:
    """Run an action on a batch."""
    return cloud.call("POST", f"/v1/batches/{batch_id}/{action}", **more)


def list_members(cloud: Cloud, batch_id: str, **query: str) -> list[dict[str, Any]]:
    """Return the members of all pages."""
    found: list[dict[str, Any]] = []
    while True:
        answer = cloud.call("GET", f"/v1/batches/{batch_id}/items", query=query or None)
        assert answer.status == 200, answer.text
        found += answer.json["items"]
        if answer.json["next_cursor"] is None:
            return found
        query = {**query, "cursor": answer.json["next_cursor"]}


def upload_member(cloud: Cloud, job_id: str, data: bytes = JPEG) -> None:
    """Store the image of a member and deliver the S3 event."""
    cloud.store(f"raw/bulk/{job_id}", data)
    assert cloud.deliver_s3_events(f"raw/bulk/{job_id}") == []


def count_statuses(cloud: Cloud, batch_id: str) -> dict[str, int]:
    """Count the members by the status of their records."""
    names = {"COMPLETED": "completed", "FAILED": "failed", "CANCELLED": "cancelled", "EXPIRED": "expired"}
    found = Counter(names.get(job["status"], "open") for job in list_members(cloud, batch_id))
    return {name: found[name] for name in ("open", *names.values())}


def client_error(status: int, response: dict[str, Any]) -> ClientError:
    """Return the exception that boto3 raises for an error response."""
    answer: Any = response | {"ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "TransactWriteItems")


def advance_clock(monkeypatch: pytest.MonkeyPatch, distance: timedelta) -> None:
    """Advance the clock of the reconciler."""
    reconciler = worker.reconciler.get_reconciler()
    monkeypatch.setattr(
        worker.reconciler, "get_reconciler", lambda: replace(reconciler, clock=lambda: utc_now() + distance)
    )


def test_batch_lifecycle(cloud: Cloud) -> None:
    """Members get IDs and forms in order, counts follow them, and a closed batch is done when all have ended."""
    created = create_batch(
        cloud, *[MEMBER | {"filename": f"{number}.jpg"} for number in range(3)], name="holiday", width=4
    )
    batch, ids = created["batch"], [item["job"]["id"] for item in created["items"]]
    assert ids == sorted(ids)
    assert [item["job"]["status"] for item in created["items"]] == ["AWAITING_UPLOAD"] * 3
    assert [item["upload"]["fields"]["key"] for item in created["items"]] == [f"raw/bulk/{job_id}" for job_id in ids]
    assert (batch["name"], batch["total"], batch["counts"]["open"], batch["progress"]) == ("holiday", 3, 3, 0)
    for job_id in ids:
        upload_member(cloud, job_id)
    full = get_batch(cloud, batch["id"])
    assert (full["counts"]["completed"], full["progress"], full["done"], full["finished_at"]) == (3, 1, False, None)
    assert full["rate"] > 0
    closed = post_action(cloud, batch["id"], "close")
    assert (closed.status, closed.json["closed"], closed.json["done"]) == (200, True, True)
    assert post_action(cloud, batch["id"], "close").json["finished_at"] == closed.json["finished_at"] is not None
    assert {job["result"]["width"] for job in list_members(cloud, batch["id"])} == {4}
    assert {job["batch_id"] for job in list_members(cloud, batch["id"])} == {batch["id"]}


def test_invalid_members_do_not_affect_others(cloud: Cloud) -> None:
    """Each invalid member has an error at its index and is not counted."""
    invalid: list[dict[str, Any]] = [
        {},
        MEMBER | {"content_type": "text/plain"},
        MEMBER | {"width": 0},
        MEMBER | {"content": "aaaa"},
    ]
    created = create_batch(cloud, MEMBER, *invalid, MEMBER | {"preset": "none"}, MEMBER)
    codes = [item["error"] and item["error"]["code"] for item in created["items"]]
    assert codes == [
        None,
        "INVALID_REQUEST",
        "UNSUPPORTED_TYPE",
        "INVALID_PIPELINE",
        "INVALID_REQUEST",
        "PRESET_NOT_FOUND",
        None,
    ]
    assert [item["index"] for item in created["items"]] == list(range(7))
    assert created["items"][1]["error"]["errors"][0]["pointer"] == "/content_type"
    assert (created["batch"]["total"], cloud.count()) == (2, 2)


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
def test_invalid_batch_creates_nothing(cloud: Cloud, body: dict[str, Any], code: str) -> None:
    """An invalid option of the batch fails the whole request."""
    answer = cloud.post("/v1/batches", body)
    assert (answer.status, answer.json["code"]) == (422, code)
    assert cloud.clients.dynamodb.scan(TableName=BATCHES)["Count"] == 0


def test_members_use_the_options_of_the_batch_or_their_own(cloud: Cloud) -> None:
    """This includes members that are added later."""
    created = create_batch(cloud, MEMBER, MEMBER | {"width": 6}, preset="thumbnail")
    more = cloud.post(f"/v1/batches/{created['batch']['id']}/items", {"items": [MEMBER]}).json
    jobs = [cloud.job(item["job"]["id"]) for item in (*created["items"], *more["items"])]
    assert [job.preset and job.preset.name for job in jobs] == ["thumbnail", None, "thumbnail"]
    assert jobs[0].pipeline == jobs[2].pipeline != jobs[1].pipeline


def test_members_are_added_until_the_batch_is_closed(cloud: Cloud) -> None:
    """A closed batch has exactly the added members and refuses more."""
    batch_id = create_batch(cloud, *[MEMBER] * 100)["batch"]["id"]
    last = cloud.post(f"/v1/batches/{batch_id}/items", {"items": [MEMBER] * 20, "close": True})
    assert (last.status, last.json["batch"]["total"], last.json["batch"]["closed"]) == (202, 120, True)
    refused = cloud.post(f"/v1/batches/{batch_id}/items", {"items": [MEMBER]})
    assert (refused.status, refused.json["code"]) == (409, "BATCH_CLOSED")
    found = [job["id"] for job in list_members(cloud, batch_id, limit="50")]
    assert (len(found), found) == (120, sorted(set(found)))


def test_interrupted_append_is_retried_without_duplicates(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure at half of 100 members, a retry with the same key leads to exactly 100."""
    batch_id = create_batch(cloud)["batch"]["id"]
    client = api.dependencies.get_dependencies().batches._client
    real, calls = client.transact_write_items, []

    def fail_second(**request: Any) -> Any:
        calls.append(request)
        if len(calls) == 2:
            raise client_error(500, {"Error": {"Code": "InternalServerError"}})
        return real(**request)

    body, headers = {"items": [MEMBER] * 100, "close": True}, {"Idempotency-Key": "k"}
    with monkeypatch.context() as patch:
        patch.setattr(client, "transact_write_items", fail_second)
        assert cloud.post(f"/v1/batches/{batch_id}/items", body, headers=headers).status == 503
    half = get_batch(cloud, batch_id)
    assert (half["total"], half["closed"], len(list_members(cloud, batch_id))) == (50, False, 50)
    again = cloud.post(f"/v1/batches/{batch_id}/items", body, headers=headers)
    assert again.status == 202
    assert [item["job"]["id"] for item in again.json["items"]] == [job["id"] for job in list_members(cloud, batch_id)]
    assert (again.json["batch"]["total"], again.json["batch"]["closed"]) == (100, True)
    replay = cloud.post(f"/v1/batches/{batch_id}/items", body, headers=headers)
    assert replay.headers["Idempotency-Replayed"] == "true"
    assert [item["job"] for item in replay.json["items"]] == [item["job"] for item in again.json["items"]]
    assert all(item["upload"]["url"] for item in replay.json["items"])


def test_same_key_creates_one_batch(cloud: Cloud) -> None:
    """A repeated request returns the same batch, members and errors."""
    headers = {"Idempotency-Key": "k"}
    first, second = (cloud.post("/v1/batches", {"items": [MEMBER, {}]}, headers=headers) for _ in range(2))
    assert second.json["batch"]["id"] == first.json["batch"]["id"]
    assert second.json["items"][1] == first.json["items"][1]
    assert second.json["items"][0]["job"] == first.json["items"][0]["job"]
    assert cloud.count() == 1


def test_every_outcome_is_counted_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """By worker, owner, reconciler and dead-letter function."""
    created = create_batch(cloud, *[MEMBER] * 6, close=True)
    ids = [item["job"]["id"] for item in created["items"]]
    upload_member(cloud, ids[0])
    upload_member(cloud, ids[1], b"words")
    cloud.call("POST", f"/v1/jobs/{ids[2]}/cancel")
    cloud.store(f"raw/bulk/{ids[3]}", JPEG)
    cloud.call("POST", f"/v1/uploads/{ids[3]}/confirm")
    bulk = api.dependencies.get_dependencies().settings.bulk_queue_url
    dead = cloud.receive(bulk)
    assert len(dead) == 1, "the message of a member goes to the bulk queue"
    cloud.set_upload_age(ids[3], timedelta(hours=7))
    for _ in range(3):
        cloud.handle_dead_letters(dead)
    assert get_batch(cloud, created["batch"]["id"])["counts"] == {
        "open": 2,
        "completed": 1,
        "failed": 2,
        "cancelled": 1,
        "expired": 0,
    }
    advance_clock(monkeypatch, timedelta(minutes=30))
    cloud.reconcile()
    ended = get_batch(cloud, created["batch"]["id"])
    assert ended["counts"] == {"open": 0, "completed": 1, "failed": 2, "cancelled": 1, "expired": 2}
    assert (ended["done"], ended["progress"]) == (True, 1)
    assert count_statuses(cloud, created["batch"]["id"]) == ended["counts"]


def test_duplicates_and_late_commits_count_once(cloud: Cloud) -> None:
    """Neither a repeated event nor a late commit changes a count."""
    created = create_batch(cloud, MEMBER)
    job_id, batch_id = created["items"][0]["job"]["id"], created["batch"]["id"]
    cloud.store(f"raw/bulk/{job_id}", JPEG)
    past = utc_now() - timedelta(seconds=100)
    message = JobMessage(job_id=job_id, generation=1)
    stale = cloud.jobs.claim(message, now=past, lease=timedelta(seconds=50), max_attempts=5, uploaded=True)
    assert isinstance(stale, Job)
    assert [cloud.deliver_s3_events(f"raw/bulk/{job_id}") for _ in range(3)] == [[], [], []]
    late = stale.complete(raw=stale.raw, outputs=(), warnings=(), now=utc_now())
    assert cloud.jobs.commit(late) is False
    done = cloud.job(job_id)
    assert cloud.jobs.commit(done) is True, "repeating the same commit succeeds"
    assert get_batch(cloud, batch_id)["counts"]["completed"] == 1


def test_deleted_members_are_not_counted(cloud: Cloud) -> None:
    """Deleting an open or ended member reduces total and counts, and the batch can be done without it."""
    created = create_batch(cloud, *[MEMBER] * 3, close=True)
    ids = [item["job"]["id"] for item in created["items"]]
    upload_member(cloud, ids[0])
    upload_member(cloud, ids[1])
    cloud.call("DELETE", f"/v1/jobs/{ids[0]}")
    batch = get_batch(cloud, created["batch"]["id"])
    assert (batch["total"], batch["counts"]["completed"], batch["counts"]["open"], batch["done"]) == (2, 1, 1, False)
    cloud.call("DELETE", f"/v1/jobs/{ids[2]}")
    batch = get_batch(cloud, created["batch"]["id"])
    assert (batch["total"], batch["counts"]["completed"], batch["counts"]["open"], batch["done"]) == (1, 1, 0, True)
    finished = batch["finished_at"]
    cloud.call("DELETE", f"/v1/jobs/{ids[1]}")
    assert get_batch(cloud, created["batch"]["id"])["finished_at"] == finished


def test_cancel_closes_the_batch_and_its_open_members(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """If time runs out, the response has the number of remaining members and the next call continues."""
    created = create_batch(cloud, *[MEMBER] * 5)
    upload_member(cloud, created["items"][0]["job"]["id"])
    monkeypatch.setattr(Batches, "of", _tick(Batches.of))
    first = post_action(cloud, created["batch"]["id"], "cancel")
    assert first.status == 202
    assert first.json["closed"] is True
    assert 0 < first.json["remaining"] < 4
    answer = first
    for _ in range(4):
        answer = post_action(cloud, created["batch"]["id"], "cancel")
    assert (answer.json["remaining"], answer.json["done"]) == (0, True)
    assert answer.json["counts"] == {"open": 0, "completed": 1, "failed": 0, "cancelled": 4, "expired": 0}


def _tick(real: Any) -> Any:
    """Advance the clock of each request by 17 seconds per reading."""

    def of(dependencies: Any) -> Any:
        ticks = iter(range(100))
        batches = real(dependencies)

        def tick() -> datetime:
            return utc_now() + timedelta(seconds=17 * next(ticks))

        return replace(batches, clock=tick, scans=replace(batches.scans, clock=tick))

    return of


def test_failed_members_are_retried_once(cloud: Cloud) -> None:
    """Retried members are open again, so the batch is not done until they end."""
    created = create_batch(cloud, *[MEMBER] * 3, close=True)
    batch_id, ids = created["batch"]["id"], [item["job"]["id"] for item in created["items"]]
    upload_member(cloud, ids[0])
    for job_id in ids[1:]:
        upload_member(cloud, job_id, b"words")
    finished = get_batch(cloud, batch_id)["finished_at"]
    answer = post_action(cloud, batch_id, "retry-failed")
    assert (answer.status, answer.json["retried"], answer.json["remaining"]) == (202, 2, 0)
    assert answer.json["batch"]["counts"] == {"open": 2, "completed": 1, "failed": 0, "cancelled": 0, "expired": 0}
    assert (answer.json["batch"]["done"], answer.json["batch"]["finished_at"]) == (False, None)
    assert post_action(cloud, batch_id, "retry-failed").json["retried"] == 0
    messages = cloud.receive(api.dependencies.get_dependencies().settings.bulk_queue_url)
    assert len(messages) == 2
    cloud.deliver(messages)
    again = get_batch(cloud, batch_id)
    assert (again["counts"]["failed"], again["done"]) == (2, True)
    assert again["finished_at"] > finished


def test_items_are_filtered_by_position_and_status(cloud: Cloud) -> None:
    """With links=true, each result has a link."""
    created = create_batch(cloud, *[MEMBER] * 5)
    batch_id, ids = created["batch"]["id"], [item["job"]["id"] for item in created["items"]]
    upload_member(cloud, ids[1])
    assert [job["id"] for job in list_members(cloud, batch_id, after=ids[2])] == ids[3:]
    assert [job["id"] for job in list_members(cloud, batch_id, limit="2")] == ids
    assert [job["id"] for job in list_members(cloud, batch_id, status="COMPLETED")] == [ids[1]]
    (linked,) = list_members(cloud, batch_id, status="COMPLETED", links="true")
    assert linked["result"]["outputs"][0]["url"].startswith("https://")
    assert list_members(cloud, batch_id, status="COMPLETED")[0]["result"]["outputs"][0]["url"] is None
    assert cloud.call("GET", f"/v1/batches/{batch_id}/items", query={"after": "x"}).json["code"] == "INVALID_REQUEST"


def test_unchanged_batch_is_304(cloud: Cloud) -> None:
    """The ETag changes when a member ends."""
    created = create_batch(cloud, MEMBER)
    path = f"/v1/batches/{created['batch']['id']}"
    tag = cloud.call("GET", path).headers["ETag"]
    assert cloud.call("GET", path, headers={"If-None-Match": tag}).status == 304
    upload_member(cloud, created["items"][0]["job"]["id"])
    assert cloud.call("GET", path, headers={"If-None-Match": tag}).status == 200


def test_batches_are_listed_newest_first(cloud: Cloud) -> None:
    """In pages, and only those of the caller."""
    ids = [create_batch(cloud, MEMBER)["batch"]["id"] for _ in range(3)]
    first = cloud.call("GET", "/v1/batches", query={"limit": "2"}).json
    rest = cloud.call("GET", "/v1/batches", query={"limit": "2", "cursor": first["next_cursor"]}).json
    assert [batch["id"] for batch in (*first["batches"], *rest["batches"])] == ids[::-1]
    assert rest["next_cursor"] is None
    assert cloud.call("GET", "/v1/batches", identity=OTHER).json["batches"] == []


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "/items"), ("POST", "/close"), ("POST", "/cancel")])
def test_batches_of_others_are_not_found(cloud: Cloud, method: str, path: str) -> None:
    """Batches of other owners and unknown IDs have the same 404."""
    batch_id = create_batch(cloud, MEMBER)["batch"]["id"]
    for each, identity in ((batch_id, OTHER), ("01HZY3Q1M8Z3J5W7XK9V2B4C6D", None), ("none", None)):
        answer = cloud.call(method, f"/v1/batches/{each}{path}", identity=identity)
        assert (answer.status, answer.json["code"]) == (404, "BATCH_NOT_FOUND")


def test_conflicting_transactions_are_retried(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that conflicts twice on the counts succeeds at the third attempt."""
    created = create_batch(cloud, MEMBER)
    client = worker.app.get_consumer().processor.jobs._client
    real, calls = client.transact_write_items, []

    def conflict(**request: Any) -> Any:
        calls.append(request)
        if len(calls) <= 2:
            reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}]
            raise client_error(400, {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons})
        return real(**request)

    monkeypatch.setattr(client, "transact_write_items", conflict)
    upload_member(cloud, created["items"][0]["job"]["id"])
    assert len(calls) == 3
    assert get_batch(cloud, created["batch"]["id"])["counts"]["completed"] == 1


@pytest.mark.parametrize("seed", every(8, range(8)))
def test_counts_match_the_records(cloud: Cloud, seed: int) -> None:
    """After random actions in random order, the counts equal a count of the records."""
    random = Random(seed)
    created = create_batch(cloud, *[MEMBER] * 8)
    batch_id, ids = created["batch"]["id"], [item["job"]["id"] for item in created["items"]]
    bulk = api.dependencies.get_dependencies().settings.bulk_queue_url
    for _ in range(15):
        job_id = random.choice(ids)
        action = random.choice(["arrive", "spoil", "cancel", "retry", "delete", "deliver", "retry all"])
        if action in {"arrive", "spoil"}:
            upload_member(cloud, job_id, JPEG if action == "arrive" else b"words")
        elif action in {"cancel", "retry"}:
            cloud.call("POST", f"/v1/jobs/{job_id}/{action}")
        elif action == "delete" and random.random() < 0.3:
            cloud.call("DELETE", f"/v1/jobs/{job_id}")
        elif action == "deliver":
            cloud.deliver(cloud.receive(bulk))
        elif action == "retry all":
            post_action(cloud, batch_id, "retry-failed")
        batch = get_batch(cloud, batch_id)
        assert batch["counts"] == count_statuses(cloud, batch_id)
        assert batch["total"] == len(list_members(cloud, batch_id))
