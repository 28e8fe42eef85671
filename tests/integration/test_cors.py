"""CORS: what a page of another origin may do with the API."""

import pytest
from support.moto_cloud import Cloud

#: As tests/integration/conftest.py sets UI_ORIGINS.
OURS = ["https://ui.test", "http://127.0.0.1:5500"]
THEIRS = ["https://evil.test", "https://ui.test.evil.test", "http://ui.test", "null", ""]


def _preflight(cloud: Cloud, origin: str) -> dict[str, str]:
    headers = {"Origin": origin, "Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": "prefer"}
    answer = cloud.call("OPTIONS", "/v1/jobs/x", headers=headers)
    assert (answer.status, answer.text) == (204, "")
    return dict(answer.headers)


@pytest.mark.parametrize("origin", OURS)
def test_listed_origin_gets_permission(cloud: Cloud, origin: str) -> None:
    """The preflight allows every method and header of the API."""
    headers = _preflight(cloud, origin)
    assert headers["Access-Control-Allow-Origin"] == origin
    assert "DELETE" in headers["Access-Control-Allow-Methods"]
    allowed = {each.strip().lower() for each in headers["Access-Control-Allow-Headers"].split(",")}
    assert {"authorization", "x-api-key", "content-type", "idempotency-key", "prefer", "if-none-match"} <= allowed


@pytest.mark.parametrize("origin", THEIRS)
def test_other_origins_get_no_permission(cloud: Cloud, origin: str) -> None:
    """A similar origin gets no permission either."""
    assert not [name for name in _preflight(cloud, origin) if name.startswith("Access-Control")]
    answer = cloud.call("GET", "/v1/health", headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/health", 200), ("GET", "/v1/jobs/x", 404), ("PUT", "/v1/jobs", 405)]
)
def test_success_and_error_can_be_read(cloud: Cloud, method: str, path: str, status: int) -> None:
    """All responses have the permission and expose the headers that a page needs."""
    answer = cloud.call(method, path, headers={"Origin": OURS[0]})
    assert answer.status == status
    assert (answer.headers["Access-Control-Allow-Origin"], answer.headers["Vary"]) == (OURS[0], "Origin")
    exposed = {each.strip() for each in answer.headers["Access-Control-Expose-Headers"].split(",")}
    assert {"ETag", "Location", "Retry-After"} <= exposed


def test_every_origin_may_be_allowed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``*`` the response names the origin of the request."""
    monkeypatch.setenv("UI_ORIGINS", "*")
    assert _preflight(cloud, "https://any.test")["Access-Control-Allow-Origin"] == "https://any.test"


def test_without_origins_there_is_no_permission(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without listed origins there are no CORS headers."""
    monkeypatch.setenv("UI_ORIGINS", "")
    assert "Vary" not in cloud.call("GET", "/v1/health", headers={"Origin": "https://ui.test"}).headers


def test_plain_options_request_is_not_a_preflight(cloud: Cloud) -> None:
    """It gets the response to an unsupported method."""
    assert cloud.call("OPTIONS", "/v1/jobs").status == 405
