"""``/v1/errors``: what the ``type`` of a problem document leads to."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from support.moto_cloud import Answer, Cloud

import api.app
from shared.errors import error_classes

UNKNOWN_ID = "01JD9ZK8V4M2Q6X3T5R7W9Y1AB"

CODES = sorted({error.code for error in error_classes()})
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def follow_type(cloud: Cloud, problem: dict[str, Any], **more: Any) -> Answer:
    """Return the response to GET for the type of a problem document, whose stage is ``prod``."""
    parts = urlsplit(problem["type"])
    assert (parts.scheme, parts.netloc) == ("https", "safelight.test")
    return cloud.call("GET", parts.path.removeprefix("/prod"), **more)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [("GET", "/v1/nothing", "ROUTE_NOT_FOUND"), ("GET", f"/v1/jobs/{UNKNOWN_ID}", "JOB_NOT_FOUND"),
     ("PATCH", "/v1/jobs", "METHOD_NOT_ALLOWED"), ("POST", "/v1/jobs", "BODY_EMPTY"),
     ("GET", "/v1/errors/NOTHING", "ROUTE_NOT_FOUND")],
)  # fmt: skip
def test_type_leads_to_a_description(cloud: Cloud, method: str, path: str, code: str) -> None:
    """For errors of routes and of the resolver."""
    host = {"Host": "safelight.test", "X-Forwarded-Proto": "https"}
    problem = cloud.call(method, path, headers=host).json
    assert problem["code"] == code
    described = follow_type(cloud, problem, headers=host)
    assert described.status == 200
    assert described.json["type"] == problem["type"]
    assert {name: described.json[name] for name in ("code", "status", "title", "retriable")} == {
        name: problem[name] for name in ("code", "status", "title", "retriable")
    }
    assert described.json["what_to_do"]


def test_type_of_an_unexpected_error_leads_to_a_description(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if the dependencies of the function are missing."""

    def fail(*_: Any) -> Any:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(api.app, "get_dependencies", fail)
        host = {"Host": "safelight.test", "X-Forwarded-Proto": "https"}
        problem = cloud.call("GET", "/v1/jobs", headers=host).json
    assert problem["code"] == "INTERNAL"
    assert follow_type(cloud, problem).json["code"] == "INTERNAL"


def test_every_error_has_a_description_for_programs_and_people(cloud: Cloud) -> None:
    """The list has all codes, and each has JSON and a page, which allows no scripts."""
    listed = cloud.call("GET", "/v1/errors").json["errors"]
    assert sorted(each["code"] for each in listed) == CODES
    for error in listed:
        path = f"/v1/errors/{error['code']}"
        assert cloud.call("GET", path).json == error
        page = cloud.call("GET", path, headers=BROWSER)
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
        assert page.headers["Vary"] == "Accept, Origin"
        assert f"<h1>{error['code']}</h1>" in page.text
        assert "`" not in page.text
        assert "script" not in page.headers["Content-Security-Policy"]
    index = cloud.call("GET", "/v1/errors", headers=BROWSER)
    assert all(f">{code}</a>" in index.text for code in CODES)
    assert cloud.call("GET", "/v1").json["links"]["errors"].endswith("/v1/errors")


def test_unknown_code_gets_a_suggestion(cloud: Cloud) -> None:
    """The detail names a similar code, and never repeats what was sent."""
    answer = cloud.call("GET", "/v1/errors/too_many_pixel")
    assert (answer.status, "TOO_MANY_PIXELS?" in answer.json["detail"]) == (404, True)
    assert "zzzz" not in cloud.call("GET", "/v1/errors/zzzz").json["detail"]


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer slt_x_y"}, {"Authorization": "Bearer x"}])
@pytest.mark.parametrize("path", ["/v1/errors", "/v1/errors/TOKEN_EXPIRED"])
def test_descriptions_need_no_token(cloud: Cloud, headers: dict[str, str], path: str) -> None:
    """Under ``/token``, a page whose token has expired can read what that means. Links stay under this path."""
    answer = cloud.call("GET", path, headers=headers, is_open=True)
    assert answer.status == 200
    assert "/token/v1/errors" in answer.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/errors"),
        ("DELETE", "/v1/errors/X"),
        ("GET", "/v1/errors/../jobs"),
        ("GET", "/v1/errors/a/b"),
        ("GET", "/v1/errorsx"),
        ("GET", "/v1/errors/"),
    ],
)
def test_only_reading_descriptions_needs_no_token(cloud: Cloud, method: str, path: str) -> None:
    """Anything else under ``/token`` needs one."""
    answer = cloud.call(method, path, is_open=True)
    assert (answer.status, answer.json["code"]) == (401, "TOKEN_INVALID")


def test_methods_of_a_path_include_head(cloud: Cloud) -> None:
    """Every path with GET supports HEAD too, whose response differs only in the body that the gateway leaves out."""
    refused = cloud.call("PATCH", "/v1/jobs")
    assert refused.headers["Allow"] == "GET, HEAD, POST"
    assert cloud.call("PATCH", f"/v1/jobs/{UNKNOWN_ID}/cancel").headers["Allow"] == "POST"
    head, get = cloud.call("HEAD", "/v1/capabilities"), cloud.call("GET", "/v1/capabilities")
    assert (head.status, head.text) == (get.status, get.text)
