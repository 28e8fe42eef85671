"""``safelight webhooks``: what is sent and printed."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from typer.testing import Result

Invoke = Callable[..., Result]
WEBHOOK = {
    "name": "shop",
    "url": "https://shop.test/x",
    "events": ["image.job.completed"],
    "disabled": None,
    "paused_until": None,
    "created_at": "2026-11-22T16:34:00Z",
    "updated_at": "2026-11-22T16:34:00Z",
}
LINE = "shop\tenabled\t2026-11-22T16:34:00Z\timage.job.completed\thttps://shop.test/x\n"


@pytest.mark.parametrize(
    ("change", "state"),
    [({}, "enabled"), ({"disabled": "GONE"}, "disabled: GONE"), ({"paused_until": "2026-11-22T17:00:00Z"}, "paused")],
)
def test_webhooks_are_listed_with_their_state(invoke: Invoke, api: Any, change: dict[str, str], state: str) -> None:
    """Each has the same fields."""
    api.answers = [httpx.Response(200, json={"webhooks": [WEBHOOK | change], "next_cursor": None})]
    assert invoke("webhooks", "list").stdout == LINE.replace("enabled", state)


def test_new_webhook_is_printed_with_its_secret(invoke: Invoke, api: Any) -> None:
    """Only once, and not in the fields."""
    api.answers = [httpx.Response(201, json=WEBHOOK | {"secret": "whsec_x"})]
    result = invoke("webhooks", "put", "shop", "https://shop.test/x", "--event", "image.job.completed")
    assert (result.stdout, result.stderr) == (LINE, "Secret: whsec_x\n")
    assert json.loads(api.bodies[0]) == {"url": "https://shop.test/x", "events": ["image.job.completed"]}
    api.answers = [httpx.Response(200, json=WEBHOOK)]
    changed = invoke("webhooks", "put", "shop", "https://shop.test/x")
    assert (changed.stdout, changed.stderr) == (LINE, "")
    assert json.loads(api.bodies[1]) == {"url": "https://shop.test/x"}


def test_secret_is_rotated(invoke: Invoke, api: Any) -> None:
    """With the time until which the previous one is used, too."""
    api.answers = [httpx.Response(200, json={"secret": "whsec_y", "previous_until": "2026-11-23T16:34:00Z"})]
    assert invoke("webhooks", "rotate-secret", "shop").stdout == "whsec_y\t2026-11-23T16:34:00Z\n"
    assert (api.requests[0].method, api.requests[0].url.path) == ("POST", "/v1/webhooks/shop/secret")


def test_deliveries_are_listed(invoke: Invoke, api: Any) -> None:
    """With the response, or the reason why there was none."""
    delivery = {"id": "evt_1", "type": "image.job.failed", "job_id": "J", "state": "FAILED", "tries": 10, "replays": 0}
    delivery |= {"answer": None, "reason": "timeout", "created_at": "2026-11-22T16:34:00Z"}
    other = delivery | {"id": "evt_2", "state": "DELIVERED", "answer": 204, "reason": None, "tries": 1}
    api.answers = [httpx.Response(200, json={"deliveries": [delivery, other], "next_cursor": None})]
    assert [line.split("\t") for line in invoke("webhooks", "deliveries", "shop").stdout.splitlines()] == [
        ["evt_1", "FAILED", "2026-11-22T16:34:00Z", "image.job.failed", "J", "10", "timeout"],
        ["evt_2", "DELIVERED", "2026-11-22T16:34:00Z", "image.job.failed", "J", "1", "204"],
    ]


def test_old_name_of_the_group_is_accepted(invoke: Invoke, api: Any) -> None:
    """``webhook``, which the help does not show."""
    api.answers = [httpx.Response(204)]
    assert invoke("webhook", "delete", "shop").exit_code == 0
    assert "webhook " not in invoke("--help").stdout
