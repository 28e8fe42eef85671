"""Retries of the client: when, how often, and with which delay."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from safelight.client import Safelight
from safelight.errors import ApiError, Unreachable

GATEWAY = '{"message": "Service Unavailable"}'


def refusal(status: int, **headers: str) -> httpx.Response:
    """Return a gateway's error response."""
    return httpx.Response(status, content=GATEWAY, headers=headers)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_reads_are_retried_after_retryable_statuses(client: Safelight, api: Any, fake_time: Any, status: int) -> None:
    """A GET survives two error responses; the second delay is twice the first."""
    api.answers = [refusal(status), refusal(status)]
    assert client.health().status == "ok"
    assert fake_time.slept == [0.25, 0.5]


@pytest.mark.parametrize("fault", [httpx.ConnectError("no"), httpx.ReadError("cut"), httpx.ReadTimeout("slow")])
def test_reads_are_retried_after_connection_errors(client: Safelight, api: Any, fault: Exception) -> None:
    """A GET can be repeated after any connection error."""
    api.answers = [fault]
    assert client.health().status == "ok"


@pytest.mark.parametrize("answer", [httpx.ConnectError("no"), refusal(429), refusal(503)])
def test_writes_are_retried_if_the_api_did_nothing(
    client: Safelight, api: Any, image_file: Path, answer: httpx.Response | Exception
) -> None:
    """A POST that was not accepted is sent again with the same bytes and key."""
    api.answers = [answer]
    client.submit(image_file)
    first, second = api.requests
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert api.bodies == [image_file.read_bytes()] * 2
    assert len(api.jobs) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadError("cut"),
        httpx.WriteError("cut"),
        httpx.ReadTimeout("slow"),
        refusal(502),
        refusal(504),
        httpx.Response(409, json={"code": "KEY_IN_USE", "status": 409, "detail": "still running"}),
    ],
)
def test_writes_are_retried_with_the_same_key_after_a_lost_response(
    client: Safelight, api: Any, image_file: Path, answer: httpx.Response | Exception
) -> None:
    """The same key prevents a second job."""
    api.answers = [answer]
    client.submit(image_file)
    first, second = api.requests
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


@pytest.mark.parametrize("action", ["cancel", "retry"])
def test_actions_are_retried_with_the_same_key(client: Safelight, api: Any, action: str) -> None:
    """Each call has its own key."""
    api.jobs["J"] = {"id": "J", "status": "FAILED" if action == "retry" else "PENDING", "done": False}
    api.answers = [httpx.ReadError("cut")]
    getattr(client, action)("J")
    first, second = api.requests
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]


def test_delete_is_retried_after_a_lost_response(client: Safelight, api: Any) -> None:
    """The API repeats its statement; an unknown job is an error."""
    api.jobs["J"] = {"id": "J"}
    api.answers = [httpx.ReadError("cut")]
    assert client.delete("J").object_count == 1
    with pytest.raises(ApiError):
        client.delete("J")


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 500])
def test_permanent_errors_are_not_retried(client: Safelight, api: Any, status: int) -> None:
    """Errors of the request, and bugs of the API, are reported at once."""
    api.answers = [refusal(status)]
    with pytest.raises(ApiError):
        client.health()
    assert len(api.requests) == 1


def test_retry_after_in_seconds_is_respected(client: Safelight, api: Any, fake_time: Any) -> None:
    """The client waits at least as long as requested."""
    api.answers = [refusal(503, **{"Retry-After": "7"})]
    client.health()
    assert fake_time.slept == [7.0]


def test_retry_after_as_a_date_is_respected(client: Safelight, api: Any, fake_time: Any) -> None:
    """A date in the past means no delay."""
    before = datetime.now(UTC).replace(microsecond=0)
    soon, past = before + timedelta(seconds=30), before - timedelta(hours=1)
    dates = [format_datetime(moment, usegmt=True) for moment in (soon, past)]
    api.answers = [refusal(503, **{"Retry-After": date}) for date in dates]
    client.health()
    passed = (datetime.now(UTC) - before).total_seconds()
    assert max(0, 30 - passed) <= fake_time.slept[0] <= 30
    assert fake_time.slept[1] == 0


@pytest.mark.parametrize("nonsense", ["soon", "-5", "1e9", "١", "9" * 40])
def test_invalid_retry_after_is_ignored(client: Safelight, api: Any, fake_time: Any, nonsense: str) -> None:
    """A broken header does not break the client."""
    api.answers = [httpx.Response(503, headers=[(b"Retry-After", nonsense.encode())])]
    client.health()
    assert fake_time.slept == [0.25]


def test_long_retry_after_raises_the_error(client: Safelight, api: Any, fake_time: Any) -> None:
    """If the requested delay is too long, the error is raised immediately."""
    api.answers = [refusal(429, **{"Retry-After": "3600"})]
    with pytest.raises(ApiError) as caught:
        client.health()
    assert caught.value.retry_after_seconds == 3600
    assert fake_time.slept == []


def test_number_of_retries_is_limited(client: Safelight, api: Any, fake_time: Any) -> None:
    """After four retries the error is raised; delays double."""
    api.answers = [httpx.ConnectError("refused")] * 5
    with pytest.raises(Unreachable):
        client.health()
    assert fake_time.slept == [0.25, 0.5, 1.0, 2.0]


def test_retries_can_be_turned_off(api: Any) -> None:
    """The first error is raised."""
    api.answers = [refusal(503)]
    client = Safelight("http://api.test/v1", retries=0, transport=httpx.MockTransport(api))
    with client, pytest.raises(ApiError):
        client.health()
    assert len(api.requests) == 1
