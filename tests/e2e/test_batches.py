"""Batches on an engine: forms, S3 events, the bulk queue, and counts with real concurrency."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from support import sample_images
from support.running_stack import (
    HTTP_SECONDS,
    Site,
    count_attempts,
    get,
    post_form,
    send_until_admitted,
    wait_until,
)

MEMBER = {"content_type": "image/jpeg"}


def create_batch(site: Site, count: int, **more: Any) -> dict[str, Any]:
    """Create a batch and return the response body."""
    items = [MEMBER | {"filename": f"{number}.jpg"} for number in range(count)]
    answer = site.http.post("batches", json={"items": items, **more})
    assert answer.status_code == 202, answer.text
    created: dict[str, Any] = answer.json()
    return created


def get_batch(site: Site, batch_id: str) -> dict[str, Any]:
    """Return a batch."""
    batch: dict[str, Any] = site.http.get(f"batches/{batch_id}").raise_for_status().json()
    return batch


def post_action(site: Site, path: str) -> dict[str, Any]:
    """Run an action on a batch."""
    answer: dict[str, Any] = site.http.post(f"batches/{path}").raise_for_status().json()
    return answer


def post_items(site: Site, batch_id: str, count: int, headers: dict[str, str] | None = None) -> httpx.Response:
    """Add equal members to a batch on a connection of its own."""
    url, body = f"{site.stack.api_url}/batches/{batch_id}/items", {"items": [MEMBER] * count}
    return send_until_admitted(
        lambda: httpx.post(url, json=body, headers=headers, timeout=HTTP_SECONDS, trust_env=False)
    )


def test_members_are_uploaded_concurrently(site: Site) -> None:
    """With invalid and repeated uploads, every member ends once and the counts are exact."""
    created = create_batch(site, 50, width=20)
    batch_id = created["batch"]["id"]

    def upload(item: dict[str, Any]) -> None:
        data = b"words" if item["index"] % 10 == 0 else sample_images.make_jpeg(30 + item["index"], 30)
        for _ in range(2 if item["index"] % 7 == 0 else 1):
            assert post_form(item["upload"], data).status_code in {201, 204}

    with ThreadPoolExecutor(8) as senders:
        list(senders.map(upload, created["items"]))
    assert post_action(site, f"{batch_id}/close")["closed"] is True
    wait_until(lambda: get_batch(site, batch_id)["done"])
    batch = get_batch(site, batch_id)
    assert (batch["total"], batch["progress"]) == (50, 1)
    assert batch["counts"] == {"open": 0, "completed": 45, "failed": 5, "cancelled": 0, "expired": 0}
    items = site.http.get(f"batches/{batch_id}/items", params={"links": "true"}).json()["items"]
    assert Counter(job["status"] for job in items) == {"COMPLETED": 45, "FAILED": 5}
    assert set(map(count_attempts, items)) == {1}
    assert [job["id"] for job in items] == [item["job"]["id"] for item in created["items"]]
    link = next(job["result"]["outputs"][0]["url"] for job in items if job["result"])
    assert sample_images.decode(get(link).raise_for_status().content).width == 20
    with site.pause_worker():  # otherwise, the members may fail again before the response
        again = post_action(site, f"{batch_id}/retry-failed")
    assert (again["retried"], again["remaining"], again["batch"]["done"]) == (5, 0, False)
    wait_until(lambda: get_batch(site, batch_id)["done"])
    after = get_batch(site, batch_id)
    assert after["counts"] == batch["counts"]
    assert after["finished_at"] > batch["finished_at"]


def test_concurrent_appends_with_one_key_run_once(site: Site) -> None:
    """Eight equal calls add the members once."""
    batch_id = create_batch(site, 0)["batch"]["id"]

    def add(_: int) -> httpx.Response:
        headers = {"Idempotency-Key": f"append-{batch_id}"}
        return post_items(site, batch_id, 60, headers)

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(add, range(8)))
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({answer.json()["items"][0]["job"]["id"] for answer in answers if answer.status_code == 202}) == 1
    assert get_batch(site, batch_id)["total"] == 60


def test_concurrent_appends_are_all_counted(site: Site) -> None:
    """Conflicting transactions are retried."""
    batch_id = create_batch(site, 0)["batch"]["id"]

    def add(_: int) -> int:
        return post_items(site, batch_id, 10).status_code

    with ThreadPoolExecutor(8) as callers:
        assert set(callers.map(add, range(8))) == {202}
    assert get_batch(site, batch_id)["total"] == 80
    # On a busy machine, one call may not have the time to cancel all members.
    wait_until(lambda: post_action(site, f"{batch_id}/cancel")["remaining"] == 0)
    wait_until(lambda: get_batch(site, batch_id)["done"])
    left = get_batch(site, batch_id)
    assert (left["closed"], left["counts"]["cancelled"]) == (True, 80)
