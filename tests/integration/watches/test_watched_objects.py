"""Which objects of a watch become jobs: keys, versions, patterns, events, objects from before the watch."""

import json
from collections import Counter
from datetime import timedelta

import pytest
from support import events, sample_images
from support.moto_cloud import BATCHES, BUCKET, Cloud
from support.watches import (
    JPEG,
    OTHER,
    SHOP,
    count_keys,
    create,
    list_batches,
    make_record,
    pass_time,
    put,
    read,
    send,
    set_time,
)

from shared.clock import utc_now


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
