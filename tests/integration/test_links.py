"""Hosts of links to results."""

from urllib.parse import urlsplit

import pytest
from support import sample_images
from support.moto_cloud import BUCKET, Cloud


@pytest.mark.parametrize("host", ["127.0.0.1:4566", "localstack:4566"])
def test_links_use_the_callers_host(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """If S3 has the API's address, each caller gets a link to the host of the request."""
    monkeypatch.setenv("PUBLIC_ENDPOINT_URL", "caller")
    link = _link(cloud, host)
    assert (urlsplit(link).scheme, urlsplit(link).netloc) == ("http", host)
    assert urlsplit(link).path.startswith(f"/{BUCKET}/processed/")
    assert "X-Amz-Signature=" in link


@pytest.mark.parametrize("host", ["a b", "x@evil.test", "evil.test/path", ""])
def test_invalid_host_is_not_signed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """With an invalid host, the link leads to the S3 endpoint."""
    monkeypatch.setenv("PUBLIC_ENDPOINT_URL", "caller")
    assert (urlsplit(_link(cloud, host)).hostname or "").endswith(".amazonaws.com")


def test_configured_endpoint_is_always_signed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The configured endpoint is signed for every host."""
    monkeypatch.setenv("PUBLIC_ENDPOINT_URL", "https://pictures.test:8443")
    assert urlsplit(_link(cloud, "127.0.0.1:4566")).netloc == "pictures.test:8443"


def test_redirects_to_links_are_not_stored(cloud: Cloud) -> None:
    """Each request gets a new link, because a link ends. The same link as JSON can be revalidated."""
    job = cloud.submit(sample_images.make_jpeg())
    cloud.deliver(cloud.receive())
    for path in ("result", "outputs/image", "raw"):
        answer = cloud.call("GET", f"/v1/jobs/{job['id']}/{path}")
        assert (answer.status, answer.headers["Cache-Control"]) == (303, "no-store"), path
        answer = cloud.call("GET", f"/v1/jobs/{job['id']}/{path}", query={"redirect": "false"})
        assert (answer.status, answer.headers["Cache-Control"]) == (200, "no-cache"), path


def _link(cloud: Cloud, host: str) -> str:
    job = cloud.submit(sample_images.make_jpeg())
    cloud.deliver(cloud.receive())
    answer = cloud.call("GET", f"/v1/jobs/{job['id']}/result", query={"redirect": "false"}, headers={"Host": host})
    return str(answer.json["url"])
