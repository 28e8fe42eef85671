"""To whom a link to a result is addressed."""

from urllib.parse import urlsplit

import pytest
from support import sample_images
from support.moto_cloud import BUCKET, Cloud


@pytest.mark.parametrize("host", ["127.0.0.1:4566", "localstack:4566"])
def test_links_follow_the_caller(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Where S3 is at the API's own address, each caller gets a link to the host that they used."""
    monkeypatch.setenv("PUBLIC_ENDPOINT_URL", "caller")
    link = _link(cloud, host)
    assert (urlsplit(link).scheme, urlsplit(link).netloc) == ("http", host)
    assert urlsplit(link).path.startswith(f"/{BUCKET}/processed/")
    assert "X-Amz-Signature=" in link


@pytest.mark.parametrize("host", ["a b", "x@evil.test", "evil.test/path", ""])
def test_a_host_that_is_none_is_not_signed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """What is no host never gets into a link, which then leads to S3's own endpoint."""
    monkeypatch.setenv("PUBLIC_ENDPOINT_URL", "caller")
    assert (urlsplit(_link(cloud, host)).hostname or "").endswith(".amazonaws.com")


def test_a_given_endpoint_counts_for_all(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """An address that the operator gave is signed, whatever host was asked."""
    monkeypatch.setenv("PUBLIC_ENDPOINT_URL", "https://pictures.test:8443")
    assert urlsplit(_link(cloud, "127.0.0.1:4566")).netloc == "pictures.test:8443"


def _link(cloud: Cloud, host: str) -> str:
    job = cloud.submit(sample_images.jpeg())
    cloud.deliver(cloud.receive())
    answer = cloud.call("GET", f"/v1/jobs/{job['id']}/result", query={"redirect": "false"}, headers={"Host": host})
    return str(answer.json["url"])
