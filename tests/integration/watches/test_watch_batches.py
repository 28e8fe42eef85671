"""The batches of a watch: one for each day or folder, and when they are closed."""

from datetime import UTC, datetime, timedelta

import pytest
from support.moto_cloud import Cloud
from support.watches import (
    JPEG,
    OTHER,
    SHOP,
    create,
    list_batches,
    pass_time,
    put,
    read,
    send,
    set_time,
)

import api.walker
from shared.aws.dynamodb.batch_table import BatchTable


def test_a_batch_starts_with_its_first_job(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not with an object that can't become a job."""
    monkeypatch.setenv("MAX_RAW_BYTES", str(len(JPEG)))
    create(cloud)
    send(cloud, put(cloud, "in/large.jpg", JPEG + b"more"))
    assert list_batches(cloud) == []
    send(cloud, put(cloud, "in/a.jpg"))
    assert [each["total"] for each in list_batches(cloud)] == [1]


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


def start_batches(cloud: Cloud, folders: int) -> str:
    """Create a watch with an object in each of some folders. Return its ID."""
    watch_id = create(cloud, batch="prefix")
    send(cloud, *(put(cloud, f"in/{number}/a.jpg") for number in range(folders)))
    assert len(list_batches(cloud)) == folders
    return watch_id


def test_many_batches_are_closed_in_several_turns(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn ends in time, and the next ones close the others."""
    monkeypatch.setattr("api.watches.intake.MAX_CONCURRENCY", 2)
    start_batches(cloud, 7)
    pass_time(monkeypatch, timedelta(hours=25))
    monkeypatch.setattr(api.walker, "TURN", timedelta(0))
    assert cloud.walk() == {"continued": 3, "over": 1}
    assert all(each["closed"] for each in list_batches(cloud))


def test_batches_that_stay_open_do_not_keep_a_catch_up_going(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a turn is over before all of them are examined."""
    monkeypatch.setattr("api.watches.intake.MAX_CONCURRENCY", 2)
    watch_id = start_batches(cloud, 5)
    monkeypatch.setattr(api.walker, "TURN", timedelta(0))
    assert cloud.walk() == {"over": 1}
    assert read(cloud, watch_id)["caught_up_at"]


def test_each_batch_of_a_deleted_watch_is_closed_once(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch with many of them is forgotten in several turns, none of which starts from the beginning."""
    watch_id = start_batches(cloud, 5)
    for module in ("api.watches.intake", "shared.aws.dynamodb.watches.watch_objects"):
        monkeypatch.setattr(f"{module}.DELETED", 2)
    cloud.call("DELETE", f"/v1/watches/{watch_id}")
    closed: list[str] = []
    close = BatchTable.close

    def count(self: BatchTable, batch_id: str, *, at: datetime) -> None:
        closed.append(batch_id)
        close(self, batch_id, at=at)

    monkeypatch.setattr(BatchTable, "close", count)
    monkeypatch.setattr(api.walker, "TURN", timedelta(0))
    turns = cloud.walk()
    assert turns["over"] == 1
    assert turns["continued"] >= 3
    assert sorted(closed) == sorted(each["id"] for each in list_batches(cloud))
    assert all(each["closed"] for each in list_batches(cloud))
