"""Catch-ups of watches: when they run, what a pause, a limit, a fault or a kill does to them."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from integration.test_walks import walk_and_die
from support import events, sample_images
from support.moto_cloud import Cloud
from support.watches import (
    OTHER,
    SHOP,
    act,
    count_keys,
    create,
    forget_time,
    pass_time,
    put,
    read,
    send,
)

import api.dependencies
import api.walker
from shared.errors import ServiceUnavailable


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


def test_a_catch_up_continues_after_a_kill_at_every_call(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, kill_step: int
) -> None:
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
        number += kill_step
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
