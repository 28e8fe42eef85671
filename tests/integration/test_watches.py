"""Watches on moto: objects that appear under a prefix become jobs, exactly one for each version."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import pytest
from integration.test_walks import Killed, walk_and_die
from support import events, sample_images
from support.moto_cloud import BATCHES, BUCKET, Answer, Cloud

import api.dependencies
import api.walker
from shared.aws.dynamodb.idempotency.request_log import RequestLog
from shared.clock import utc_now
from shared.errors import ServiceUnavailable
from shared.jobs.source import ImportSource

SHOP = "shop-pictures"
OTHER = "other-pictures"
JPEG = sample_images.make_jpeg(8, 8)
ALICE: dict[str, Any]
BOB: dict[str, Any]
ALICE, BOB = ({"identity": {"userArn": f"arn:aws:iam::123456789012:user/{name}"}} for name in ("ann", "bob"))


@pytest.fixture(autouse=True)
def _open(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Open two buckets for watches, and the image bucket by mistake."""
    monkeypatch.setenv("IMPORT_BUCKETS", f"{SHOP},{OTHER},gone-pictures,{BUCKET}")
    monkeypatch.setenv("WATCH_BUCKETS", f"{SHOP},{OTHER},gone-pictures,{BUCKET}")
    for bucket in (SHOP, OTHER):
        cloud.clients.s3.create_bucket(Bucket=bucket)


def put(cloud: Cloud, key: str, data: bytes = JPEG, *, bucket: str = SHOP, **more: Any) -> Any:
    """Store an object. Return the record of S3's event about it."""
    stored = cloud.clients.s3.put_object(Bucket=bucket, Key=key, Body=data, **more)
    return make_record(key, bucket=bucket, version=stored.get("VersionId"), etag=stored["ETag"].strip('"'))


def make_record(key: str, *, bucket: str = SHOP, version: str | None = None, **more: Any) -> Any:
    """Return the record of an event, as S3 encodes it."""
    stored = {"key": quote_plus(key, safe="/"), "size": len(JPEG), "eTag": more.get("etag", "0" * 32)}
    return {
        "eventSource": "aws:s3",
        "eventName": more.get("name", "ObjectCreated:Put"),
        "s3": {"bucket": {"name": bucket}, "object": stored | ({"versionId": version} if version else {})},
    }


def send(cloud: Cloud, *records: Any) -> list[str]:
    """Deliver events, each in a message of its own. Return the bodies of failed messages."""
    return cloud.watch(*(events.make_message(json.dumps({"Records": [each]})) for each in records))


def request_watch(cloud: Cloud, source: str = f"s3://{SHOP}/in/", **more: Any) -> Answer:
    """Send a request for a watch."""
    include, sender = more.pop("include", []), more.pop("sender", {})
    return cloud.post("/v1/watches", {"prefix": {"source": source, "include": include}, **more}, **sender)


def create(cloud: Cloud, source: str = f"s3://{SHOP}/in/", **more: Any) -> str:
    """Create a watch and return its ID."""
    answer = request_watch(cloud, source, **more)
    assert answer.status == 201, answer.text
    return str(answer.json["id"])


def read(cloud: Cloud, watch_id: str) -> dict[str, Any]:
    """Return a watch."""
    answer = cloud.call("GET", f"/v1/watches/{watch_id}")
    assert answer.status == 200, answer.text
    return dict(answer.json)


def act(cloud: Cloud, watch_id: str, action: str) -> dict[str, Any]:
    """Pause or resume a watch, and return it."""
    answer = cloud.call("POST", f"/v1/watches/{watch_id}/{action}")
    assert answer.status == 200, answer.text
    return dict(answer.json)


def pass_time(monkeypatch: pytest.MonkeyPatch, time: timedelta) -> None:
    """Move the clock of the API and of the walker."""
    set_time(monkeypatch, utc_now() + time)


def set_time(monkeypatch: pytest.MonkeyPatch, moment: datetime) -> None:
    """Set the clock of the API and of the walker."""
    for module in (api.walker, api.dependencies):
        monkeypatch.setattr(module, "utc_now", lambda: moment)
    forget_time()


def forget_time() -> None:
    """Let the functions read the clock again."""
    api.walker.get_walker.cache_clear()
    api.dependencies.get_dependencies.cache_clear()


def count_keys(cloud: Cloud) -> Counter[str]:
    """Count the jobs by the key of their object."""
    items = cloud.clients.dynamodb.scan(TableName="Images")["Items"]
    jobs = [cloud.job(item["ID"]["S"]) for item in items]
    return Counter(job.source.location.key for job in jobs if isinstance(job.source, ImportSource))


def list_batches(cloud: Cloud) -> list[dict[str, Any]]:
    """Return all batches, newest first."""
    return list(cloud.call("GET", "/v1/batches").json["batches"])


def test_an_object_becomes_a_job(cloud: Cloud) -> None:
    """With the preset and the tags of the watch, in the bulk queue, and the worker processes it."""
    watch_id = create(cloud, preset="thumbnail", tags={"shop": "7"})
    record = put(cloud, "in/new/chair.jpg")
    assert send(cloud, record) == []
    messages = cloud.receive(cloud.bulk_queue_url)
    assert len(messages) == 1
    assert cloud.receive() == []
    assert cloud.deliver(messages) == []
    (batch,) = list_batches(cloud)
    (job,) = cloud.call("GET", f"/v1/batches/{batch['id']}/items").json["items"]
    assert (job["status"], job["filename"], job["tags"]) == ("COMPLETED", "chair.jpg", {"shop": "7"})
    assert job["preset"]["name"] == "thumbnail"
    watch = read(cloud, watch_id)
    assert watch["counts"] == {"jobs": 1, "skipped": 0}
    assert (watch["state"], watch["preset"]["name"], watch["batch"], watch["existing"]) == (
        *("active", "thumbnail", "day", False),
    )


@pytest.mark.parametrize(
    "key",
    [
        "in/with space.jpg",
        "in/a+b.jpg",
        "in/100%.jpg",
        "in/%2F.jpg",
        "in/Zoë/圖片 🖼.jpg",
        "in/a&b=c;d,e?f#g.jpg",
        "in//double.jpg",
    ],
)
def test_every_key_is_read_as_it_is_stored(cloud: Cloud, key: str) -> None:
    """S3 encodes the keys of its events as in a form. A listing finds the same version."""
    create(cloud)
    send(cloud, put(cloud, key))
    assert count_keys(cloud) == Counter([key])
    cloud.walk()
    assert count_keys(cloud) == Counter([key])


def test_an_event_is_handled_once(cloud: Cloud) -> None:
    """Repeated in one message, in one batch, and later; and found again by the catch-up."""
    watch_id = create(cloud)
    record = put(cloud, "in/a.jpg")
    body = events.make_message(json.dumps({"Records": [record, record]}))
    cloud.watch(body, events.make_message(json.dumps({"Records": [record]})))
    send(cloud, record)
    cloud.walk()
    assert count_keys(cloud) == Counter(["in/a.jpg"])
    assert read(cloud, watch_id)["counts"]["jobs"] == 1


def test_each_version_gets_one_job(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of order, with a version that has no event, and after its job was deleted."""
    cloud.clients.s3.put_bucket_versioning(Bucket=SHOP, VersioningConfiguration={"Status": "Enabled"})
    create(cloud)
    first, _, third = (put(cloud, "in/a.jpg", sample_images.make_jpeg(8, 8 + step)) for step in range(3))
    send(cloud, third, first, third)
    assert count_keys(cloud) == Counter({"in/a.jpg": 2})
    cloud.walk()
    assert count_keys(cloud) == Counter({"in/a.jpg": 3})
    for item in cloud.clients.dynamodb.scan(TableName="Images")["Items"]:
        cloud.call("DELETE", f"/v1/jobs/{item['ID']['S']}")
    pass_time(monkeypatch, timedelta(days=8))
    cloud.walk()
    send(cloud, first)
    assert count_keys(cloud) == Counter()


def test_the_version_of_the_event_is_processed(cloud: Cloud) -> None:
    """Not the newest one."""
    cloud.clients.s3.put_bucket_versioning(Bucket=SHOP, VersioningConfiguration={"Status": "Enabled"})
    create(cloud, pipeline={"operations": [], "outputs": [{"format": "png"}]})
    first = put(cloud, "in/a.jpg", sample_images.make_jpeg(30, 20))
    put(cloud, "in/a.jpg", sample_images.make_jpeg(5, 5))
    send(cloud, first)
    cloud.deliver(cloud.receive(cloud.bulk_queue_url))
    (batch,) = list_batches(cloud)
    (job,) = cloud.call("GET", f"/v1/batches/{batch['id']}/items").json["items"]
    assert (job["result"]["outputs"][0]["width"], job["result"]["outputs"][0]["height"]) == (30, 20)


def test_without_versions_the_content_decides(cloud: Cloud) -> None:
    """A replaced object gets one job, whichever event comes first; the same content again gets none."""
    create(cloud)
    first = put(cloud, "in/a.jpg")
    second = put(cloud, "in/a.jpg", sample_images.make_jpeg(9, 9))
    send(cloud, second, first)
    assert count_keys(cloud) == Counter(["in/a.jpg"])
    send(cloud, put(cloud, "in/a.jpg", sample_images.make_jpeg(9, 9)))
    assert count_keys(cloud) == Counter(["in/a.jpg"])
    send(cloud, put(cloud, "in/a.jpg"))
    assert count_keys(cloud) == Counter({"in/a.jpg": 2})


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ([], {"in/a.jpg", "in/deep/b.PNG"}),
        (["*"], {"in/a.jpg", "in/deep/b.PNG", "in/deep/notes.txt"}),
        (["**/*.jpg"], {"in/a.jpg"}),
        (["deep/**/*"], {"in/deep/b.PNG", "in/deep/notes.txt"}),
        (["*.gif"], set()),
    ],
)
def test_patterns_choose_the_objects(cloud: Cloud, include: list[str], expected: set[str]) -> None:
    """For events and for the catch-up alike. Folders are no objects."""
    for source, by_event in ((f"s3://{SHOP}/in/", True), (f"s3://{OTHER}/in/", False)):
        create(cloud, source, include=include)
        bucket = source.split("/")[2]
        records = [
            put(cloud, key, bucket=bucket)
            for key in ("in/a.jpg", "in/deep/b.PNG", "in/deep/notes.txt", "in/folder/", "out/c.jpg", "in.jpg")
        ]
        if by_event:
            send(cloud, *records)
            assert count_keys(cloud) == Counter(expected)
    cloud.walk()
    assert count_keys(cloud) == Counter(dict.fromkeys(expected, 2))


def test_objects_that_cannot_become_jobs_are_named_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Too large, archived, or with a path that a proxy could resolve. An object without an image fails as a job."""
    monkeypatch.setenv("MAX_RAW_BYTES", str(len(JPEG)))
    watch_id = create(cloud)
    records = [
        put(cloud, "in/large.jpg", JPEG + b"more"),
        put(cloud, "in/cold.jpg", StorageClass="GLACIER"),
        put(cloud, "in/x/../d.jpg"),
        put(cloud, "in/text.jpg", b"no image"),
        put(cloud, "in/empty.jpg", b""),
    ]
    send(cloud, *records)
    cloud.walk()
    send(cloud, *records)
    watch = read(cloud, watch_id)
    assert watch["counts"] == {"jobs": 2, "skipped": 3}
    assert {each["key"]: each["code"] for each in watch["examples"]} == {
        "in/large.jpg": "TOO_MANY_BYTES",
        "in/cold.jpg": "SOURCE_ARCHIVED",
        "in/x/../d.jpg": "SOURCE_MISSING",
    }
    cloud.deliver(cloud.receive(cloud.bulk_queue_url))
    (batch,) = list_batches(cloud)
    assert batch["counts"]["failed"] == 2


def test_events_about_nothing_to_do_are_acknowledged(cloud: Cloud) -> None:
    """Deletions, objects that are gone, other buckets and accounts, S3's test event, and no events at all."""
    watch_id = create(cloud)
    put(cloud, "in/a.jpg", bucket=OTHER)
    put(cloud, "in/a.jpg")
    cloud.store("in/a.jpg", JPEG)
    foreign = [make_record("in/a.jpg", bucket=bucket) for bucket in (OTHER, BUCKET, "bucket-of-another-account")]
    assert send(cloud, make_record("in/a.jpg", name="ObjectRemoved:Delete"), make_record("in/gone.jpg"), *foreign) == []
    bodies = ('{"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "shop-pictures"}', "no JSON", "[]", "{}")
    broken = json.dumps({"Records": [{"s3": {"bucket": {"name": SHOP}}}, {}, 7]})
    assert cloud.watch(*map(events.make_message, (*bodies, broken))) == []
    assert count_keys(cloud) == Counter()
    assert read(cloud, watch_id)["counts"] == {"jobs": 0, "skipped": 0}


def test_objects_from_before_the_watch_get_no_job(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default, the first listing looks only for what has appeared since the watch was created."""
    put(cloud, "in/old.jpg")
    set_time(monkeypatch, utc_now() + timedelta(seconds=2))
    watch_id = create(cloud)
    assert read(cloud, watch_id)["catching_up"]
    assert cloud.walk() == {"over": 1}
    watch = read(cloud, watch_id)
    assert not watch["catching_up"]
    assert watch["caught_up_at"]
    assert count_keys(cloud) == Counter()


def test_existing_objects_are_processed_if_requested(cloud: Cloud) -> None:
    """Each once."""
    for number in range(3):
        put(cloud, f"in/{number}.jpg")
    watch_id = create(cloud, existing=True)
    assert cloud.walk() == {"over": 1}
    assert count_keys(cloud) == Counter(f"in/{number}.jpg" for number in range(3))
    assert read(cloud, watch_id)["existing"]


def test_only_the_newest_version_of_an_existing_object_is_processed(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not those that were replaced or deleted before the watch. Later versions all get their jobs."""
    cloud.clients.s3.put_bucket_versioning(Bucket=SHOP, VersioningConfiguration={"Status": "Enabled"})
    for step in range(3):
        put(cloud, "in/a.jpg", sample_images.make_jpeg(8, 8 + step))
    put(cloud, "in/deleted.jpg")
    cloud.clients.s3.delete_object(Bucket=SHOP, Key="in/deleted.jpg")
    set_time(monkeypatch, utc_now() + timedelta(seconds=2))
    create(cloud, existing=True)
    assert cloud.walk() == {"over": 1}
    assert count_keys(cloud) == Counter(["in/a.jpg"])
    (job,) = cloud.clients.dynamodb.scan(TableName="Images")["Items"]
    assert cloud.job(job["ID"]["S"]).raw.size == len(sample_images.make_jpeg(8, 10))


def test_an_object_from_before_versioning_is_read_after_it_was_replaced(cloud: Cloud) -> None:
    """Its version has the ID null. The job that the watch has created for it before is the only one."""
    create(cloud, pipeline={"operations": [], "outputs": [{"format": "png"}]})
    record = put(cloud, "in/seen.jpg", sample_images.make_jpeg(30, 20))
    put(cloud, "in/unseen.jpg", sample_images.make_jpeg(40, 20))
    send(cloud, record)
    cloud.clients.s3.put_bucket_versioning(Bucket=SHOP, VersioningConfiguration={"Status": "Enabled"})
    for key in ("in/seen.jpg", "in/unseen.jpg"):
        put(cloud, key, sample_images.make_jpeg(5, 5))
    cloud.walk()
    assert count_keys(cloud) == Counter({"in/seen.jpg": 2, "in/unseen.jpg": 2})
    cloud.deliver(cloud.receive(cloud.bulk_queue_url))
    jobs = [cloud.job(item["ID"]["S"]) for item in cloud.clients.dynamodb.scan(TableName="Images")["Items"]]
    widths = sorted(job.outputs[0].width for job in jobs if job.filename == "unseen.jpg")
    assert widths == [5, 40]


def test_the_next_catch_up_is_due_after_the_interval(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """And finds what has no event."""
    create(cloud)
    cloud.walk()
    put(cloud, "in/lost.jpg")
    assert cloud.walk() == {}
    pass_time(monkeypatch, timedelta(minutes=59))
    assert cloud.walk() == {}
    pass_time(monkeypatch, timedelta(minutes=61))
    assert cloud.walk() == {"over": 1}
    assert count_keys(cloud) == Counter(["in/lost.jpg"])


def test_a_pause_holds_and_a_resume_catches_up(cloud: Cloud) -> None:
    """Events of a paused watch do nothing. All objects of the pause get their job later, each once."""
    watch_id = create(cloud)
    send(cloud, put(cloud, "in/before.jpg"))
    assert act(cloud, watch_id, "pause")["state"] == "paused"
    assert act(cloud, watch_id, "pause")["paused_at"]
    assert send(cloud, put(cloud, "in/with-event.jpg")) == []
    put(cloud, "in/without.jpg")
    assert cloud.walk() == {}
    assert count_keys(cloud) == Counter(["in/before.jpg"])
    assert act(cloud, watch_id, "resume")["state"] == "active"
    assert cloud.walk() == {"over": 1}
    assert count_keys(cloud) == Counter(["in/before.jpg", "in/with-event.jpg", "in/without.jpg"])
    assert read(cloud, watch_id)["counts"]["jobs"] == 3


def test_a_pause_in_the_middle_holds_at_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event that is being handled creates no job after the pause."""
    watch_id = create(cloud)
    record = put(cloud, "in/a.jpg")
    walker = api.walker.get_walker()
    find = walker.events.intake.objects.find_seen

    def pause_first(*arguments: Any) -> set[str]:
        act(cloud, watch_id, "pause")
        return find(*arguments)

    monkeypatch.setattr(type(walker.events.intake.objects), "find_seen", lambda _, *given: pause_first(*given))
    assert send(cloud, record) == []
    assert count_keys(cloud) == Counter()


def test_a_deleted_watch_leaves_nothing(cloud: Cloud) -> None:
    """Its jobs stay. Later events do nothing, and what is stored about its objects is deleted."""
    watch_id = create(cloud)
    record = put(cloud, "in/a.jpg")
    send(cloud, record)
    assert cloud.call("DELETE", f"/v1/watches/{watch_id}").status == 204
    assert cloud.call("DELETE", f"/v1/watches/{watch_id}").status == 404
    assert cloud.call("GET", f"/v1/watches/{watch_id}").json["code"] == "WATCH_NOT_FOUND"
    send(cloud, record, put(cloud, "in/b.jpg"))
    assert cloud.walk() == {"over": 1}
    assert count_keys(cloud) == Counter(["in/a.jpg"])
    assert [each["closed"] for each in list_batches(cloud)] == [True]
    left = [item["ID"]["S"] for item in cloud.clients.dynamodb.scan(TableName=BATCHES)["Items"]]
    assert not [each for each in left if each.startswith(("watch#", "walks"))]
    assert create(cloud) != watch_id


def test_many_marks_are_deleted(cloud: Cloud) -> None:
    """Those of more objects than one step deletes."""
    watch_id = create(cloud, existing=True)
    for number in range(120):
        cloud.clients.dynamodb.put_item(
            TableName=BATCHES, Item={"ID": {"S": f"watch#{watch_id}"}, "Part": {"S": f"object#{number}"}}
        )
    cloud.call("DELETE", f"/v1/watches/{watch_id}")
    assert cloud.walk() == {"over": 1}
    left = [item["ID"]["S"] for item in cloud.clients.dynamodb.scan(TableName=BATCHES)["Items"]]
    assert not [each for each in left if each.startswith("watch#")]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"source": f"s3://{BUCKET}/raw/"}, 422, "SOURCE_FORBIDDEN"),
        ({"source": f"s3://{BUCKET}/"}, 422, "SOURCE_FORBIDDEN"),
        ({"source": "s3://unlisted-pictures/in/"}, 422, "SOURCE_FORBIDDEN"),
        ({"source": "s3://gone-pictures/in/"}, 422, "SOURCE_MISSING"),
        ({"source": "https://example.com/"}, 422, "INVALID_REQUEST"),
        ({"source": f"s3://{SHOP}/in/", "preset": "no-such"}, 422, "PRESET_NOT_FOUND"),
        ({"source": f"s3://{SHOP}/in/", "batch": "week"}, 422, "INVALID_REQUEST"),
        ({"source": f"s3://{SHOP}/in/", "filename": "a.jpg"}, 422, "INVALID_REQUEST"),
        ({"source": f"s3://{SHOP}/in/", "tags": {"a b": "c"}}, 422, "INVALID_REQUEST"),
        ({"source": f"s3://{SHOP}/in/", "existing": "yes"}, 422, "INVALID_REQUEST"),
    ],
)
def test_a_watch_that_cannot_start_is_refused(cloud: Cloud, fields: dict[str, Any], status: int, code: str) -> None:
    """The image bucket can never be watched, not even if the setting names it."""
    answer = request_watch(cloud, **fields)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert cloud.call("GET", "/v1/watches").json == {"watches": []}


def test_watches_can_be_off(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they are by default."""
    monkeypatch.setenv("WATCH_BUCKETS", "")
    assert request_watch(cloud).json["code"] == "WATCH_OFF"


def test_results_of_a_watch_are_no_new_objects(cloud: Cloud) -> None:
    """Every object of the image bucket, as an event, changes nothing, even if an older version stored such a watch."""
    create(cloud)
    send(cloud, put(cloud, "in/a.jpg"))
    cloud.deliver(cloud.receive(cloud.bulk_queue_url))
    item = {"ID": {"S": "watches"}, "Part": {"S": f"{BUCKET}/01K0000000000000000000000A"}}
    cloud.clients.dynamodb.put_item(
        TableName=BATCHES, Item={**item, "WatchOwner": {"S": "a"}, "Prefix": {"S": "processed/"}}
    )
    before = cloud.count()
    stored = cloud.keys()
    assert stored
    send(cloud, *(make_record(key, bucket=BUCKET) for key in stored))
    cloud.walk()
    assert cloud.count() == before


def test_prefixes_of_an_owner_do_not_overlap(cloud: Cloud) -> None:
    """Otherwise an object would belong to two watches. Prefixes beside each other are allowed."""
    create(cloud, f"s3://{SHOP}/in/deep/")
    for prefix in ("in/deep/", "in/", "", "in/deep/er/", "in/d"):
        answer = request_watch(cloud, f"s3://{SHOP}/{prefix}")
        assert (answer.status, answer.json["code"]) == (409, "WATCH_OVERLAP"), prefix
    for source in (f"s3://{SHOP}/in/other/", f"s3://{OTHER}/in/"):
        create(cloud, source)
    assert len(cloud.call("GET", "/v1/watches").json["watches"]) == 3


def test_overlapping_requests_at_the_same_time_do_not_both_succeed(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one sees the first one, even if it was stored after the check."""
    table = api.dependencies.get_dependencies().watches
    build, done = type(table)._build_creation, list[bool]()

    def create_other_first(self: Any, *given: Any) -> Any:
        writes = build(self, *given)
        if not done:
            done.append(True)
            create(cloud, f"s3://{SHOP}/in/")
        return writes

    monkeypatch.setattr(type(table), "_build_creation", create_other_first)
    assert request_watch(cloud, f"s3://{SHOP}/in/deep/").json["code"] == "WATCH_OVERLAP"
    assert len(cloud.call("GET", "/v1/watches").json["watches"]) == 1


def test_watches_belong_to_their_owner(cloud: Cloud) -> None:
    """Nobody else sees or changes them. Two owners can watch the same prefix, and each gets a job."""
    mine = create(cloud, sender=ALICE)
    for method, path in (("GET", ""), ("POST", "/pause"), ("POST", "/resume"), ("DELETE", "")):
        answer = cloud.call(method, f"/v1/watches/{mine}{path}", **BOB)
        assert (answer.status, answer.json["code"]) == (404, "WATCH_NOT_FOUND"), method
    assert cloud.call("GET", "/v1/watches", **BOB).json == {"watches": []}
    create(cloud, sender=BOB)
    send(cloud, put(cloud, "in/a.jpg"))
    for sender in (ALICE, BOB):
        (job,) = cloud.call("GET", "/v1/jobs", **sender).json["jobs"]
        assert job["filename"] == "a.jpg"


def test_a_bucket_has_a_limited_number_of_watches(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each event is compared with all of them."""
    monkeypatch.setattr("shared.aws.dynamodb.watches.watch_table.MAX_WATCHES", 2)
    create(cloud, f"s3://{SHOP}/1/")
    create(cloud, f"s3://{SHOP}/2/")
    assert request_watch(cloud, f"s3://{SHOP}/3/").json["code"] == "TOO_MANY_WATCHES"
    create(cloud, f"s3://{OTHER}/3/")


def test_a_repeated_request_creates_one_watch(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if the API was killed before it stored the response."""
    key = {"headers": {"Idempotency-Key": "once"}}
    assert create(cloud, sender=key) == create(cloud, sender=key)
    with monkeypatch.context() as patch:
        patch.setattr(RequestLog, "store_response", _die)
        with pytest.raises(Killed):
            create(cloud, f"s3://{OTHER}/in/", sender={"headers": {"Idempotency-Key": "twice"}})
    pass_time(monkeypatch, timedelta(minutes=5))
    watch_id = create(cloud, f"s3://{OTHER}/in/", sender={"headers": {"Idempotency-Key": "twice"}})
    assert {each["id"] for each in cloud.call("GET", "/v1/watches").json["watches"]} > {watch_id}
    assert len(cloud.call("GET", "/v1/watches").json["watches"]) == 2


def _die(*_: Any, **__: Any) -> None:
    raise Killed


def test_the_jobs_of_a_day_are_a_batch(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """At midnight another one is started, and the first one is closed soon after."""
    set_time(monkeypatch, datetime(2026, 11, 30, 23, 59, 59, 999_000, tzinfo=UTC))
    create(cloud)
    send(cloud, put(cloud, "in/a.jpg"))
    send(cloud, put(cloud, "in/b.jpg"))
    set_time(monkeypatch, datetime(2026, 12, 1, tzinfo=UTC))
    send(cloud, put(cloud, "in/c.jpg"))
    cloud.walk()
    after, before = list_batches(cloud)
    assert (before["name"], before["total"]) == (f"s3://{SHOP}/in/ 2026-11-30", 2)
    assert (after["name"], after["total"]) == (f"s3://{SHOP}/in/ 2026-12-01", 1)
    assert (before["closed"], after["closed"]) == (False, False), "another function's clock may be late"
    set_time(monkeypatch, datetime(2026, 12, 1, 2, tzinfo=UTC))
    cloud.walk()
    after, before = list_batches(cloud)
    assert (before["closed"], after["closed"]) == (True, False)


@pytest.mark.parametrize("limit", ["0", "1"])
def test_a_batch_is_closed_although_no_listing_ends(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """Because the bucket can't be listed, or because a limit of the owner is reached."""
    monkeypatch.setenv("OWNER_OPEN_JOBS", limit)
    set_time(monkeypatch, datetime(2026, 11, 30, 12, tzinfo=UTC))
    create(cloud, existing=True)
    send(cloud, put(cloud, "in/a.jpg"))
    put(cloud, "in/b.jpg")
    if limit == "0":
        monkeypatch.setenv("WATCH_BUCKETS", OTHER)
    set_time(monkeypatch, datetime(2026, 12, 1, 1, tzinfo=UTC))
    assert set(cloud.walk()) == {"failed" if limit == "0" else "waiting"}
    assert [each["closed"] for each in list_batches(cloud) if each["name"].endswith("30")] == [True]


def test_a_late_event_does_not_reopen_a_batch(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A function whose clock is late starts another batch of the same day."""
    late = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    set_time(monkeypatch, late)
    create(cloud)
    send(cloud, put(cloud, "in/a.jpg"))
    set_time(monkeypatch, late + timedelta(hours=3))
    cloud.walk()
    set_time(monkeypatch, late + timedelta(minutes=1) - timedelta(seconds=1))
    send(cloud, put(cloud, "in/b.jpg"))
    assert sorted((each["name"], each["total"], each["closed"]) for each in list_batches(cloud)) == [
        (f"s3://{SHOP}/in/ 2026-11-30", 1, False),
        (f"s3://{SHOP}/in/ 2026-11-30", 1, True),
    ]


def test_the_objects_of_a_folder_are_a_batch(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is closed after a day without a new object; the next object starts another one."""
    create(cloud, batch="prefix")
    send(cloud, *(put(cloud, f"in/{name}.jpg") for name in ("a/1", "a/2", "b/1", "top")))
    counted = {each["name"]: each["total"] for each in list_batches(cloud)}
    assert counted == {f"s3://{SHOP}/in/a": 2, f"s3://{SHOP}/in/b": 1, f"s3://{SHOP}/in": 1}
    pass_time(monkeypatch, timedelta(hours=20))
    send(cloud, put(cloud, "in/a/3.jpg"))
    pass_time(monkeypatch, timedelta(hours=25))
    cloud.walk()
    assert {each["name"] for each in list_batches(cloud) if not each["closed"]} == {f"s3://{SHOP}/in/a"}
    pass_time(monkeypatch, timedelta(hours=45))
    cloud.walk()
    assert all(each["closed"] for each in list_batches(cloud))
    send(cloud, put(cloud, "in/a/4.jpg"))
    assert len([each for each in list_batches(cloud) if each["name"] == f"s3://{SHOP}/in/a"]) == 2


def test_a_closed_batch_is_replaced(cloud: Cloud) -> None:
    """The owner can close the batch of a watch. Then the next object starts another one."""
    create(cloud)
    send(cloud, put(cloud, "in/a.jpg"))
    (batch,) = list_batches(cloud)
    cloud.post(f"/v1/batches/{batch['id']}/items", {"items": [], "close": True})
    send(cloud, put(cloud, "in/b.jpg"))
    send(cloud, put(cloud, "in/c.jpg"))
    assert [(each["total"], each["closed"]) for each in list_batches(cloud)] == [(2, False), (1, True)]


def test_a_limit_of_the_owner_delays_and_loses_nothing(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The objects wait in their bucket until other jobs have ended."""
    monkeypatch.setenv("OWNER_OPEN_JOBS", "3")
    watch_id = create(cloud)
    cloud.walk()
    assert send(cloud, *(put(cloud, f"in/{number}.jpg") for number in range(7))) == []
    assert read(cloud, watch_id)["counts"]["jobs"] == 3
    for minutes in (2, 4):
        cloud.deliver(cloud.receive(cloud.bulk_queue_url))
        pass_time(monkeypatch, timedelta(minutes=minutes))
        cloud.walk()
    assert count_keys(cloud) == Counter(f"in/{number}.jpg" for number in range(7))


def test_a_bucket_that_cannot_be_listed_is_reported(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """And tried again after the interval."""
    watch_id = create(cloud, f"s3://{OTHER}/in/")
    cloud.clients.s3.delete_bucket(Bucket=OTHER)
    assert cloud.walk() == {"failed": 1}
    assert read(cloud, watch_id)["error"]["code"] == "SOURCE_MISSING"
    assert cloud.walk() == {}
    cloud.clients.s3.create_bucket(Bucket=OTHER)
    pass_time(monkeypatch, timedelta(minutes=61))
    put(cloud, "in/a.jpg", bucket=OTHER)
    assert cloud.walk() == {"over": 1}
    assert read(cloud, watch_id)["error"] is None


def test_a_bucket_that_is_no_longer_allowed_creates_nothing(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its watch can still be read and deleted."""
    watch_id = create(cloud)
    monkeypatch.setenv("WATCH_BUCKETS", OTHER)
    for root in (api.walker.get_walker, api.dependencies.get_dependencies):
        root.cache_clear()
    assert send(cloud, put(cloud, "in/a.jpg")) == []
    assert cloud.walk() == {"failed": 1}
    assert count_keys(cloud) == Counter()
    assert read(cloud, watch_id)["error"]["code"] == "SOURCE_FORBIDDEN"
    assert [each["id"] for each in cloud.call("GET", "/v1/watches").json["watches"]] == [watch_id]
    assert cloud.call("DELETE", f"/v1/watches/{watch_id}").status == 204


def test_a_service_fault_returns_the_events_of_one_watch(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others are handled. The returned event creates one job later."""
    create(cloud)
    create(cloud, f"s3://{OTHER}/in/")
    records = [put(cloud, "in/a.jpg"), put(cloud, "in/b.jpg", bucket=OTHER)]
    store = type(api.walker.get_walker().events.intake.prefixes.imports.sources)
    find = store.find

    def fail(self: Any, location: Any) -> Any:
        if location.bucket == SHOP:
            raise ServiceUnavailable
        return find(self, location)

    with monkeypatch.context() as patch:
        patch.setattr(store, "find", fail)
        failed = send(cloud, *records)
    assert [json.loads(body)["Records"][0]["s3"]["bucket"]["name"] for body in failed] == [SHOP]
    assert count_keys(cloud) == Counter(["in/b.jpg"])
    assert cloud.watch(*map(events.make_message, failed)) == []
    assert count_keys(cloud) == Counter(["in/a.jpg", "in/b.jpg"])


def test_a_catch_up_continues_after_a_kill_at_every_call(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each object has one job, whichever call is the last of a walker, and the counts are exact."""
    monkeypatch.setattr("api.watches.catch_up.LISTED", 2)
    keys = [f"{number}.jpg" for number in range(3)]
    number = 1
    while True:
        for key in keys:
            put(cloud, f"{number}/{key}")
        watch_id = create(cloud, f"s3://{SHOP}/{number}/", existing=True)
        if not walk_and_die(cloud, number):
            break
        with monkeypatch.context() as patch:
            pass_time(patch, timedelta(hours=2))
            cloud.walk()
        forget_time()
        assert {key: count for key, count in count_keys(cloud).items() if key.startswith(f"{number}/")} == {
            f"{number}/{key}": 1 for key in keys
        }, f"killed at call {number}"
        assert read(cloud, watch_id)["counts"]["jobs"] == len(keys)
        cloud.call("DELETE", f"/v1/watches/{watch_id}")
        cloud.walk()
        number += 1
    assert number > 10


def test_a_long_listing_takes_several_turns(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each continues at the position of the last one, also within the versions of one key."""
    monkeypatch.setattr("api.watches.catch_up.LISTED", 2)
    monkeypatch.setattr(api.walker, "TURN", timedelta(0))
    cloud.clients.s3.put_bucket_versioning(Bucket=SHOP, VersioningConfiguration={"Status": "Enabled"})
    create(cloud, existing=True)
    for number in range(5):
        put(cloud, "in/a.jpg", sample_images.make_jpeg(8, 8 + number))
        put(cloud, f"in/b{number}.jpg")
    cloud.clients.s3.delete_object(Bucket=SHOP, Key="in/b1.jpg")
    assert cloud.walk() == {"continued": 5, "over": 1}
    assert count_keys(cloud) == Counter({"in/a.jpg": 5, **{f"in/b{number}.jpg": 1 for number in range(5)}})
