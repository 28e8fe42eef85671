"""Batches on a real engine: forms, S3's events, the bulk lane, and counts under real concurrency."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from support import sample_images
from support.running_stack import Site, send, until

MEMBER = {"content_type": "image/jpeg"}


def make(site: Site, count: int, **more: Any) -> dict[str, Any]:
    """Make a batch; return the answer."""
    items = [MEMBER | {"filename": f"{number}.jpg"} for number in range(count)]
    answer = site.http.post("batches", json={"items": items, **more})
    assert answer.status_code == 202, answer.text
    made: dict[str, Any] = answer.json()
    return made


def read(site: Site, batch_id: str) -> dict[str, Any]:
    """Read a batch."""
    batch: dict[str, Any] = site.http.get(f"batches/{batch_id}").raise_for_status().json()
    return batch


def post(site: Site, path: str) -> dict[str, Any]:
    """Do something to a batch."""
    answer: dict[str, Any] = site.http.post(f"batches/{path}").raise_for_status().json()
    return answer


def test_hundred_members_by_eight_senders(site: Site) -> None:
    """Sent at once, some of them no images, some twice: every member ends once, and the counts are exact."""
    made = make(site, 100, width=20)
    batch_id = made["batch"]["id"]

    def give(item: dict[str, Any]) -> None:
        data = b"words" if item["index"] % 10 == 0 else sample_images.jpeg(30 + item["index"], 30)
        for _ in range(2 if item["index"] % 7 == 0 else 1):
            assert send(item["upload"], data).status_code in {201, 204}

    with ThreadPoolExecutor(8) as senders:
        list(senders.map(give, made["items"]))
    assert post(site, f"{batch_id}/close")["closed"] is True
    until(lambda: read(site, batch_id)["done"])
    batch = read(site, batch_id)
    assert (batch["total"], batch["progress"]) == (100, 1)
    assert batch["counts"] == {"open": 0, "completed": 90, "failed": 10, "cancelled": 0, "expired": 0}
    items = site.http.get(f"batches/{batch_id}/items", params={"links": "true"}).json()["items"]
    assert Counter(job["status"] for job in items) == {"COMPLETED": 90, "FAILED": 10}
    assert {job["attempts"] for job in items} == {1}
    assert [job["id"] for job in items] == [item["job"]["id"] for item in made["items"]]
    link = next(job["result"]["outputs"][0]["url"] for job in items if job["result"])
    assert sample_images.opened(httpx.get(link, trust_env=False).raise_for_status().content).width == 20
    again = post(site, f"{batch_id}/retry-failed")
    assert (again["retried"], again["remaining"], again["batch"]["done"]) == (10, 0, False)
    until(lambda: read(site, batch_id)["done"])
    after = read(site, batch_id)
    assert after["counts"] == batch["counts"]
    assert after["finished_at"] > batch["finished_at"]


def test_same_append_by_eight_callers_makes_its_members_once(site: Site) -> None:
    """The same call under the same key, eight times at once, is done once."""
    batch_id = make(site, 0)["batch"]["id"]

    def add(_: int) -> httpx.Response:
        return httpx.post(
            f"{site.stack.api_url}/batches/{batch_id}/items",
            json={"items": [MEMBER] * 60},
            headers={"Idempotency-Key": f"append-{batch_id}"},
            timeout=60,
            trust_env=False,
        )

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(add, range(8)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["items"][0]["job"]["id"] for answer in answers if answer.status_code == 202}) == 1
    assert read(site, batch_id)["total"] == 60


def test_many_appends_at_once_are_all_counted(site: Site) -> None:
    """Eight callers add to one batch at the same moment; transactions that meet are tried again."""
    batch_id = make(site, 0)["batch"]["id"]

    def add(_: int) -> int:
        path = f"{site.stack.api_url}/batches/{batch_id}/items"
        return httpx.post(path, json={"items": [MEMBER] * 10}, timeout=60, trust_env=False).status_code

    with ThreadPoolExecutor(8) as callers:
        assert set(callers.map(add, range(8))) == {202}
    assert read(site, batch_id)["total"] == 80
    left = post(site, f"{batch_id}/cancel")
    assert (left["remaining"], left["closed"], left["done"]) == (0, True, True)
    assert left["counts"]["cancelled"] == 80
