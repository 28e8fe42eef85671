"""Requests below a custom domain name of API Gateway with a base path mapping."""

import re
from typing import Any

import pytest
from support import sample_images
from support.moto_cloud import Answer, Cloud

HOST = "images.example.com"
BASE_PATHS = pytest.mark.parametrize("base_path", ["", "/safelight", "/v1", "/team/images"])


def call(cloud: Cloud, base_path: str, method: str, path: str, body: bytes | None = None, **more: Any) -> Answer:
    """Send a request to the domain name."""
    headers = {"Host": HOST, "X-Forwarded-Proto": "https", **more.pop("headers", {})}
    return cloud.call(method, path, body, headers=headers, base_path=base_path, **more)


@BASE_PATHS
def test_a_job_runs_below_every_base_path(cloud: Cloud, base_path: str) -> None:
    """All links and the header Location have the domain name and the base path, and lead to the job."""
    base = f"https://{HOST}{base_path}"
    created = call(
        cloud, base_path, "POST", "/v1/jobs", sample_images.make_jpeg(), headers={"Content-Type": "image/jpeg"}
    )
    assert created.status == 202, created.text
    assert created.headers["Location"] == f"{base}/v1/jobs/{created.json['id']}"
    assert cloud.deliver(cloud.receive()) == []
    job = call(cloud, base_path, "GET", created.headers["Location"].removeprefix(base))
    assert (job.status, job.json["status"]) == (200, "COMPLETED")
    links = re.findall(r'"(https?://[^"]*/v1/[^"]*)"', job.text)
    assert len(links) >= 3
    assert {link[: len(base)] for link in links} == {base}
    result = call(cloud, base_path, "GET", f"/v1/jobs/{job.json['id']}/result")
    assert result.status == 303
    page = call(cloud, base_path, "GET", "/v1/jobs", query={"limit": "1"})
    assert page.status == 200


@BASE_PATHS
def test_documents_and_errors_name_the_api(cloud: Cloud, base_path: str) -> None:
    """The OpenAPI document has the base path as its server; errors have the path of the API."""
    document = call(cloud, base_path, "GET", "/v1/openapi.json")
    assert document.json["servers"][0]["variables"]["baseUrl"]["default"] == f"https://{HOST}{base_path}"
    assert f"https://{HOST}{base_path}" in call(cloud, base_path, "GET", "/v1/docs").text
    unknown = call(cloud, base_path, "GET", "/v1/nothing")
    assert (unknown.status, unknown.json["instance"]) == (404, "/v1/nothing")
    wrong = call(cloud, base_path, "PATCH", "/v1/jobs")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "GET, HEAD, POST")
    assert call(cloud, base_path, "GET", "/").status == 404


@BASE_PATHS
def test_health_is_not_limited(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, base_path: str) -> None:
    """The limit on requests knows the paths that it does not count."""
    monkeypatch.setenv("OWNER_REQUESTS", "1")
    cloud.stop_clock()
    assert [call(cloud, base_path, "GET", "/v1/health").status for _ in range(3)] == [200, 200, 200]
    assert [call(cloud, base_path, "GET", "/v1/jobs").status for _ in range(2)] == [200, 429]
