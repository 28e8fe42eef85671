"""Requests for watches: create, list, delete; prefixes that overlap, other owners, limits."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from integration.test_walks import Killed
from support.moto_cloud import BATCHES, BUCKET, Cloud
from support.watches import (
    OTHER,
    SHOP,
    count_keys,
    create,
    list_batches,
    pass_time,
    put,
    request_watch,
    send,
)

import api.dependencies
import api.walker
from shared.aws.dynamodb.idempotency.request_log import RequestLog

ALICE: dict[str, Any]
BOB: dict[str, Any]
ALICE, BOB = ({"identity": {"userArn": f"arn:aws:iam::123456789012:user/{name}"}} for name in ("ann", "bob"))


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
    assert not [each for each in left if each.startswith(("watch#", "marks#", "walks"))]
    assert create(cloud) != watch_id


def test_many_marks_are_deleted(cloud: Cloud) -> None:
    """Those of more objects than one step deletes."""
    watch_id = create(cloud, existing=True)
    for number in range(120):
        cloud.clients.dynamodb.put_item(
            TableName=BATCHES, Item={"ID": {"S": f"marks#{watch_id}"}, "Part": {"S": str(number)}}
        )
    cloud.call("DELETE", f"/v1/watches/{watch_id}")
    assert cloud.walk() == {"over": 1}
    left = [item["ID"]["S"] for item in cloud.clients.dynamodb.scan(TableName=BATCHES)["Items"]]
    assert not [each for each in left if each.startswith(("watch#", "marks#"))]


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


def test_an_owner_leaves_watches_to_others(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """An owner has a limit of its own."""
    monkeypatch.setattr("shared.aws.dynamodb.watches.watch_table.MAX_OWN_WATCHES", 1)
    create(cloud, f"s3://{SHOP}/1/", sender=ALICE)
    assert request_watch(cloud, f"s3://{SHOP}/2/", sender=ALICE).json["code"] == "TOO_MANY_WATCHES"
    create(cloud, f"s3://{SHOP}/2/", sender=BOB)
    create(cloud, f"s3://{OTHER}/2/", sender=ALICE)


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


def test_a_watch_is_read_without_its_marks(cloud: Cloud) -> None:
    """The embedded engine reads all items of an ID for each query: 0.2 s for 10,000 marks."""
    watch_id = create(cloud)
    send(cloud, put(cloud, "in/a.jpg"))
    items = cloud.clients.dynamodb.scan(TableName=BATCHES)["Items"]
    assert Counter(item["ID"]["S"] for item in items)[f"marks#{watch_id}"] == 1
    assert sorted(item["Part"]["S"][:6] for item in items if item["ID"]["S"] == f"watch#{watch_id}") == [
        "batch#",
        "watch",
    ]
