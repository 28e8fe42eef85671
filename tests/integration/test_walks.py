"""Walks on moto: what the server does for batches after the client has gone."""

from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from integration.test_backfill import create_backfill, create_originals
from support import events, sample_images
from support.moto_cloud import BATCHES, BUCKET, Answer, Cloud

import api.dependencies
import api.walker
from api.batches.prefix_imports import PrefixImports
from shared.clock import utc_now
from shared.errors import ServiceUnavailable
from shared.jobs.job import Job, JobStatus

SHOP = "shop-pictures"
JPEG = sample_images.make_jpeg(8, 8)
NAMES = ("a.jpg", "b.PNG", "deep/c.webp", "d.jpeg", "e.heic")


class Killed(BaseException):
    """The process is gone: nothing after this runs, no handler and no clean-up."""


@pytest.fixture(autouse=True)
def _open(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open a bucket for imports."""
    monkeypatch.setenv("IMPORT_BUCKETS", f"{SHOP},gone-pictures,{BUCKET}")
    cloud.clients.s3.create_bucket(Bucket=SHOP)


def store(cloud: Cloud, *names: str, data: bytes = JPEG, **more: Any) -> None:
    """Store objects under the prefix ``2026/``."""
    for name in names:
        cloud.clients.s3.put_object(Bucket=SHOP, Key=f"2026/{name}", Body=data, **more)


def request_import(cloud: Cloud, source: str = f"s3://{SHOP}/2026/", **more: Any) -> Answer:
    """Send a request for an import of a prefix."""
    include = more.pop("include", [])
    return cloud.post("/v1/batches", {"prefix": {"source": source, "include": include}, **more})


def start_import(cloud: Cloud, **more: Any) -> str:
    """Create an import of the prefix and return its ID."""
    answer = request_import(cloud, **more)
    assert answer.status == 202, answer.text
    return str(answer.json["batch"]["id"])


def read(cloud: Cloud, batch_id: str) -> dict[str, Any]:
    """Return a batch."""
    found: dict[str, Any] = cloud.call("GET", f"/v1/batches/{batch_id}").json
    return found


def act(cloud: Cloud, batch_id: str, action: str) -> Answer:
    """Send a request about a batch."""
    return cloud.call("POST", f"/v1/batches/{batch_id}/{action}")


def list_members(cloud: Cloud, batch_id: str) -> list[Job]:
    """Return the jobs of a batch."""
    items = cloud.call("GET", f"/v1/batches/{batch_id}/items", query={"limit": "100"}).json["items"]
    return [cloud.job(item["id"]) for item in items]


def count_sources(cloud: Cloud, batch_id: str) -> Counter[str]:
    """Count the members by the name of their object."""
    return Counter(job.source.shown.partition("/2026/")[2] for job in list_members(cloud, batch_id) if job.source)


def count_walks(cloud: Cloud) -> int:
    """Return the number of walks that are not over."""
    items = cloud.clients.dynamodb.scan(TableName=BATCHES)["Items"]
    return sum(item["ID"] == {"S": "walks"} for item in items)


def pass_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the lease of a killed walker end."""
    api.walker.get_walker.cache_clear()
    monkeypatch.setattr(api.walker, "utc_now", lambda: utc_now() + timedelta(hours=2))


def test_every_object_under_a_prefix_gets_one_job(cloud: Cloud) -> None:
    """In the bulk queue, with the preset of the batch. Other files and other prefixes are left out."""
    store(cloud, *NAMES, "notes.txt", "folder/", "none")
    cloud.clients.s3.put_object(Bucket=SHOP, Key="2027/z.jpg", Body=JPEG)
    batch_id = start_import(cloud, preset="thumbnail")
    before = read(cloud, batch_id)
    assert (before["total"], before["closed"], before["walk"]["state"], before["walk"]["creating"]) == (
        *(0, False, "running", True),
    )
    assert cloud.walk() == {"over": 1}
    assert count_sources(cloud, batch_id) == Counter(NAMES)
    batch = read(cloud, batch_id)
    assert (batch["total"], batch["closed"], batch["walk"]["state"]) == (5, True, "over")
    assert batch["prefix"] == {
        "source": f"s3://{SHOP}/2026/",
        "include": [],
        "examined": 8,
        "skipped": 0,
        "examples": [],
        "complete": True,
    }
    assert {job.preset.name if job.preset else "" for job in list_members(cloud, batch_id)} == {"thumbnail"}
    assert len(cloud.receive(cloud.bulk_queue_url)) == 5
    assert cloud.receive() == []
    assert count_walks(cloud) == 0
    assert cloud.walk() == {}


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        (["*"], {"a.jpg", "b.png", "deep/c.jpg", "deep/er/d.tif", "raw.dat"}),
        (["*.jpg"], {"a.jpg", "deep/c.jpg"}),
        (["deep/*"], {"deep/c.jpg", "deep/er/d.tif"}),
        (["*.dat", "b.*"], {"b.png", "raw.dat"}),
        (["[ab].*"], {"a.jpg", "b.png"}),
        (["*.gif"], set()),
    ],
)
def test_patterns_choose_the_objects(cloud: Cloud, include: list[str], expected: set[str]) -> None:
    """A pattern with a slash is compared with the path, and any other with the file name."""
    store(cloud, "a.jpg", "b.png", "deep/c.jpg", "deep/er/d.tif", "raw.dat")
    batch_id = start_import(cloud, include=include)
    cloud.walk()
    assert count_sources(cloud, batch_id) == Counter(expected)
    assert read(cloud, batch_id)["done"] is (not expected)


def test_objects_that_cannot_become_jobs_are_named(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too large, archived, or with a path that a proxy could resolve. A restored object is imported."""
    monkeypatch.setenv("MAX_RAW_BYTES", str(len(JPEG)))
    store(cloud, "a.jpg")
    store(cloud, "b.jpg", data=JPEG + b"more")
    store(cloud, "c.jpg", "restored.jpg", StorageClass="GLACIER")
    store(cloud, "x/../d.jpg")
    cloud.clients.s3.restore_object(Bucket=SHOP, Key="2026/restored.jpg", RestoreRequest={"Days": 1})
    batch_id = start_import(cloud)
    cloud.walk()
    fill = read(cloud, batch_id)["prefix"]
    assert (fill["examined"], fill["skipped"]) == (5, 3)
    assert {each["key"].removeprefix("2026/"): each["code"] for each in fill["examples"]} == {
        "b.jpg": "TOO_MANY_BYTES",
        "c.jpg": "SOURCE_ARCHIVED",
        "x/../d.jpg": "SOURCE_MISSING",
    }
    assert count_sources(cloud, batch_id) == Counter(["a.jpg", "restored.jpg"])


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("s3://private-pictures/2026/", "SOURCE_FORBIDDEN"),
        (f"s3://{BUCKET}/processed/", "SOURCE_FORBIDDEN"),
        (f"s3://{BUCKET}/", "SOURCE_FORBIDDEN"),
        ("s3://gone-pictures/2026/", "SOURCE_MISSING"),
        (f"s3://{SHOP}/2026/", "SOURCE_MISSING"),
        (f"s3://{SHOP}", "INVALID_REQUEST"),
        ("https://example.com/2026/", "INVALID_REQUEST"),
        ("s3:///2026/", "INVALID_REQUEST"),
    ],
)
def test_an_import_that_cannot_start_is_refused(cloud: Cloud, source: str, code: str) -> None:
    """And creates no batch."""
    assert request_import(cloud, source).json["code"] == code
    assert cloud.call("GET", "/v1/batches").json["batches"] == []
    assert count_walks(cloud) == 0


@pytest.mark.parametrize("name", ["items", "close", "backfill"])
def test_a_batch_has_one_way_to_be_filled(cloud: Cloud, name: str) -> None:
    """A prefix can't be combined with members, a backfill or closing."""
    value: Any = {"items": [{}], "close": True, "backfill": {}}[name]
    answer = cloud.post("/v1/batches", {"prefix": {"source": f"s3://{SHOP}/"}, name: value})
    pointer = "/prefix" if name == "backfill" else f"/{name}"
    assert (answer.status, answer.json["errors"][0]["pointer"]) == (422, pointer)


def walk_and_die(cloud: Cloud, call_number: int) -> bool:
    """Run the walker and kill it at one of its calls to AWS. Return False if it makes fewer calls."""
    walker = api.walker.get_walker()
    calls = 0
    clients: list[Any] = [
        walker.walks._client,
        walker.backfills.imports.sources._client,
        walker.scans.queues.bulk._client,
    ]
    with pytest.MonkeyPatch.context() as patch:
        for client in clients:

            def call(operation: str, request: Any, real: Any = client._make_api_call) -> Any:
                nonlocal calls
                calls += 1
                if calls >= call_number:
                    raise Killed
                return real(operation, request)

            patch.setattr(client, "_make_api_call", call)
        with suppress(Killed):
            cloud.walk()
    return calls >= call_number


def test_a_walk_continues_after_a_kill_at_every_call(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, kill_step: int
) -> None:
    """Each object gets one job, wherever the walker dies, and no walk is left."""
    monkeypatch.setattr("api.batches.backfill.CHUNK", 2)
    store(cloud, *NAMES)
    number = 1
    while True:
        batch_id = start_import(cloud)
        if not walk_and_die(cloud, number):
            break
        with monkeypatch.context() as patch:
            pass_lease(patch)
            cloud.walk()
        api.walker.get_walker.cache_clear()
        assert count_sources(cloud, batch_id) == Counter(NAMES), f"killed at call {number}"
        assert read(cloud, batch_id)["walk"]["state"] == "over"
        assert count_walks(cloud) == 0
        number += kill_step
    assert number > 10


def test_backfill_continues_without_a_client(cloud: Cloud) -> None:
    """The walker creates a member for each stored image."""
    ids = create_originals(cloud, 3)
    batch_id = create_backfill(cloud)
    assert cloud.walk() == {"over": 1}
    batch = read(cloud, batch_id)
    assert (batch["total"], batch["closed"], batch["backfill"]["complete"]) == (3, True, True)
    sources = [job.source.filename for job in list_members(cloud, batch_id) if job.source]
    assert Counter(sources) == Counter(ids)


def test_a_pause_holds_and_a_resume_continues(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one member is created while the batch is paused, not even by a chunk that was already listed."""
    monkeypatch.setattr("api.batches.backfill.CHUNK", 2)
    store(cloud, *NAMES)
    batch_id = start_import(cloud)
    walker = api.walker.get_walker()
    real = walker.backfills.prefixes.build_chunk

    def build_then_pause(*given: Any) -> Any:
        chunk = real(*given)
        if read(cloud, batch_id)["total"] == 2:
            assert act(cloud, batch_id, "pause").status == 200
        return chunk

    with monkeypatch.context() as patch:
        patch.setattr(PrefixImports, "build_chunk", lambda _, *given: build_then_pause(*given))
        cloud.walk()
    paused = read(cloud, batch_id)
    assert (paused["total"], paused["walk"]["state"], paused["walk"]["creating"]) == (2, "paused", True)
    assert cloud.walk() == {}
    assert act(cloud, batch_id, "backfill").json["code"] == "BATCH_PAUSED"
    assert act(cloud, batch_id, "pause").json["walk"]["state"] == "paused"
    assert act(cloud, batch_id, "resume").json["walk"]["state"] == "running"
    assert act(cloud, batch_id, "resume").json["walk"]["state"] == "running"
    cloud.walk()
    assert count_sources(cloud, batch_id) == Counter(NAMES)
    assert act(cloud, batch_id, "pause").json["code"] == "NOTHING_TO_PAUSE"


def test_only_what_the_server_does_can_be_paused(cloud: Cloud) -> None:
    """A batch that requests fill has nothing to pause, and belongs to its owner."""
    batch_id = cloud.post("/v1/batches", {}).json["batch"]["id"]
    assert act(cloud, batch_id, "pause").json["code"] == "NOTHING_TO_PAUSE"
    assert act(cloud, batch_id, "resume").json["walk"]["state"] == "over"
    ann = {"userArn": "arn:aws:iam::1:user/ann"}
    for action in ("pause", "resume"):
        answer = cloud.call("POST", f"/v1/batches/{batch_id}/{action}", identity=ann)
        assert answer.json["code"] == "BATCH_NOT_FOUND"


def test_a_cancelled_import_has_exact_counts(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a cancel in the middle, no member is created, and every member has ended."""
    monkeypatch.setattr("api.batches.backfill.CHUNK", 2)
    monkeypatch.setattr(api.walker, "TURN", timedelta())
    store(cloud, *NAMES)
    batch_id = start_import(cloud)
    walker = api.walker.get_walker()
    (walk,) = walker.walks.list_walks()
    assert walker._try_turn(walk) == "continued"
    assert read(cloud, batch_id)["total"] == 2
    assert act(cloud, batch_id, "cancel").json["remaining"] == 0
    assert cloud.walk() == {}
    batch = read(cloud, batch_id)
    assert (batch["total"], batch["done"], batch["walk"]["state"]) == (2, True, "over")
    assert batch["counts"] == {"open": 0, "completed": 0, "failed": 0, "cancelled": 2, "expired": 0}
    assert batch["prefix"]["complete"] is False
    assert count_walks(cloud) == 0


def act_and_die(cloud: Cloud, batch_id: str, action: str, *, after: int) -> None:
    """Send a request whose function is killed after some members have changed."""
    jobs = api.dependencies.get_dependencies().jobs
    real = jobs.transition
    done: list[str] = []

    def transition(_: object, seen: Job, new: Job) -> Job:
        if len(done) == after:
            raise Killed
        done.append(seen.id)
        return real(seen, new)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(jobs), "transition", transition)
        with pytest.raises(Killed):
            act(cloud, batch_id, action)


def fail_members(cloud: Cloud, count: int) -> str:
    """Create a batch of imports that have all failed, and return its ID."""
    store(cloud, *(f"{number}.jpg" for number in range(count)), data=b"words")
    batch_id = start_import(cloud)
    cloud.walk()
    while messages := cloud.receive(cloud.bulk_queue_url):
        returned = cloud.deliver(messages)
        for message in (each for each in messages if each["Body"] not in returned):
            cloud.clients.sqs.delete_message(QueueUrl=cloud.bulk_queue_url, ReceiptHandle=message["ReceiptHandle"])
    assert read(cloud, batch_id)["counts"]["failed"] == count
    return batch_id


@pytest.mark.parametrize(("action", "status"), [("retry-failed", JobStatus.PENDING), ("cancel", JobStatus.CANCELLED)])
def test_a_scan_continues_after_its_function_was_killed(cloud: Cloud, action: str, status: JobStatus) -> None:
    """The walker retries or cancels the members that the request did not reach, once each."""
    batch_id = fail_members(cloud, 4)
    if action == "cancel":
        act(cloud, batch_id, "retry-failed")
    act_and_die(cloud, batch_id, action, after=2)
    busy = read(cloud, batch_id)
    assert busy["walk"]["state"] == "running"
    assert (busy["walk"]["retrying"], busy["walk"]["cancelling"]) == (action != "cancel", action == "cancel")
    assert cloud.walk() == {"over": 1}
    members = list_members(cloud, batch_id)
    assert [job.status for job in members] == [status] * 4
    assert {job.generation for job in members} == {2}
    assert read(cloud, batch_id)["walk"]["state"] == "over"
    assert count_walks(cloud) == 0


@pytest.mark.parametrize(("action", "status"), [("retry-failed", JobStatus.PENDING), ("cancel", JobStatus.CANCELLED)])
def test_a_request_can_leave_everything_to_the_server(cloud: Cloud, action: str, status: JobStatus) -> None:
    """With ``Prefer: respond-async``, the response comes before the first member has changed."""
    batch_id = fail_members(cloud, 3)
    if action == "cancel":
        act(cloud, batch_id, "retry-failed")
    before = [job.status for job in list_members(cloud, batch_id)]
    answer = cloud.call("POST", f"/v1/batches/{batch_id}/{action}", headers={"Prefer": "wait=1, Respond-Async; x=1"})
    assert (answer.status, answer.json["remaining"]) == (202, 3)
    assert [job.status for job in list_members(cloud, batch_id)] == before
    cloud.walk()
    assert [job.status for job in list_members(cloud, batch_id)] == [status] * 3
    assert count_walks(cloud) == 0


def test_a_cancelled_member_has_no_parts(cloud: Cloud) -> None:
    """The walker aborts the multipart upload of a member that it cancels."""
    member = {"content_type": "image/tiff", "size": 90_000_000, "method": "multipart"}
    created = cloud.post("/v1/batches", {"items": [member]}).json
    batch_id = created["batch"]["id"]
    cloud.call("POST", f"/v1/uploads/{created['items'][0]['job']['id']}/form")
    assert cloud.clients.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads"), created
    cloud.call("POST", f"/v1/batches/{batch_id}/cancel", headers={"Prefer": "respond-async"})
    cloud.walk()
    assert read(cloud, batch_id)["counts"]["cancelled"] == 1
    assert not cloud.clients.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads")


def test_a_paused_retry_continues_when_it_is_resumed(cloud: Cloud) -> None:
    """And a new retry is refused until then."""
    batch_id = fail_members(cloud, 3)
    act_and_die(cloud, batch_id, "retry-failed", after=0)
    assert act(cloud, batch_id, "pause").json["walk"]["state"] == "paused"
    assert cloud.walk() == {}
    assert act(cloud, batch_id, "retry-failed").json["code"] == "BATCH_PAUSED"
    act(cloud, batch_id, "resume")
    cloud.walk()
    assert [job.status for job in list_members(cloud, batch_id)] == [JobStatus.PENDING] * 3


def test_a_cancel_ends_a_retry(cloud: Cloud) -> None:
    """Members that the retry has opened are cancelled, and it opens no others."""
    batch_id = fail_members(cloud, 3)
    act_and_die(cloud, batch_id, "retry-failed", after=1)
    act(cloud, batch_id, "cancel")
    assert cloud.walk() == {}
    counts = read(cloud, batch_id)["counts"]
    assert counts == {"open": 0, "completed": 0, "failed": 2, "cancelled": 1, "expired": 0}
    assert read(cloud, batch_id)["walk"]["retrying"] is False


def test_a_limit_of_the_owner_delays_a_walk(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The walk creates what the limit allows, waits, and continues when members have ended."""
    monkeypatch.setenv("OWNER_OPEN_JOBS", "2")
    store(cloud, *NAMES)
    batch_id = start_import(cloud)
    assert cloud.walk() == {"continued": 1, "waiting": 1}
    assert (read(cloud, batch_id)["total"], read(cloud, batch_id)["walk"]["state"]) == (2, "running")
    assert cloud.walk() == {}
    for job in list_members(cloud, batch_id):
        cloud.call("POST", f"/v1/jobs/{job.id}/cancel")
    pass_lease(monkeypatch)
    cloud.walk()
    assert read(cloud, batch_id)["total"] == 4


def test_a_walk_that_cannot_continue_is_given_up(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch says why, and a resume tries again."""
    store(cloud, *NAMES)
    batch_id = start_import(cloud)
    monkeypatch.setenv("IMPORT_BUCKETS", "another-bucket")
    api.walker.get_walker.cache_clear()
    assert cloud.walk() == {"failed": 1}
    walk = read(cloud, batch_id)["walk"]
    assert (walk["state"], walk["error"]["code"]) == ("failed", "SOURCE_FORBIDDEN")
    assert cloud.walk() == {}
    monkeypatch.setenv("IMPORT_BUCKETS", SHOP)
    api.walker.get_walker.cache_clear()
    walk = act(cloud, batch_id, "resume").json["walk"]
    assert (walk["state"], walk["error"]) == ("running", None)
    cloud.walk()
    assert count_sources(cloud, batch_id) == Counter(NAMES)


def test_a_service_fault_affects_one_walk_and_is_retried(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other walk is over in the same run, and the first one continues after its lease."""
    store(cloud, *NAMES)
    first, second = start_import(cloud), start_import(cloud)
    real = PrefixImports.build_chunk

    def build_chunk(prefixes: Any, batch: Any, *given: Any) -> Any:
        if batch.id == first:
            raise ServiceUnavailable from ClientError({"Error": {"Code": "SlowDown"}}, "ListObjectsV2")
        return real(prefixes, batch, *given)

    with monkeypatch.context() as patch:
        patch.setattr(PrefixImports, "build_chunk", build_chunk)
        assert cloud.walk() == {"fault": 1, "over": 1}
    assert (read(cloud, first)["total"], read(cloud, second)["total"]) == (0, 5)
    assert cloud.walk() == {}
    pass_lease(monkeypatch)
    assert cloud.walk() == {"over": 1}
    assert count_sources(cloud, first) == Counter(NAMES)


def test_no_turn_starts_without_time_for_it(cloud: Cloud) -> None:
    """The next run continues."""
    store(cloud, *NAMES)
    start_import(cloud)
    assert cloud.walk(events.Context(remaining_milliseconds=29_999)) == {}
    assert cloud.walk(events.Context(remaining_milliseconds=30_000)) == {"over": 1}


def test_walk_of_an_expired_batch_is_removed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be looked at for ever."""
    store(cloud, *NAMES)
    start_import(cloud)
    later: datetime = utc_now() + timedelta(days=10_000)
    monkeypatch.setattr(api.walker, "utc_now", lambda: later)
    assert cloud.walk() == {"over": 1}
    assert count_walks(cloud) == 0


def test_a_walk_does_not_appear_among_batches(cloud: Cloud) -> None:
    """Neither in the list of batches nor by an ID."""
    store(cloud, *NAMES)
    batch_id = start_import(cloud)
    assert [each["id"] for each in cloud.call("GET", "/v1/batches").json["batches"]] == [batch_id]
    assert cloud.call("GET", "/v1/batches/walks").status == 404
