"""The web page on CloudFront, as far as an engine supports it."""

from collections.abc import Iterator

import httpx
import pytest
from support.running_stack import HTTP_SECONDS, Site, run_site

from infra.sessions import local_session

pytestmark = pytest.mark.not_on("localstack", reason="its free edition has no CloudFront")


@pytest.fixture(scope="module")
def distributed_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Yield a stack whose page is on CloudFront."""
    yield from run_site(
        tmp_path_factory.mktemp("distributed_site"), "embedded", {"UiCloudFront": "true", "PublicUi": "false"}
    )


@pytest.mark.thorough
def test_cloudfront_serves_the_page(distributed_site: Site) -> None:
    """Over TLS only and with its headers; the bucket refuses direct requests."""
    cloudfront = local_session(distributed_site.stack.endpoint_url).client("cloudfront")
    (distribution,) = cloudfront.list_distributions()["DistributionList"]["Items"]

    def fetch(path: str, scheme: str) -> httpx.Response:
        """Send a request of a viewer; the engine takes its scheme from X-Forwarded-Proto."""
        headers = {"Host": distribution["DomainName"], "X-Forwarded-Proto": scheme}
        return httpx.get(f"{distributed_site.stack.endpoint_url}{path}", headers=headers, timeout=HTTP_SECONDS)

    plain = fetch("/", "http")
    assert (plain.status_code, plain.headers["Location"]) == (301, f"https://{distribution['DomainName']}/")
    page = fetch("/", "https")
    assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "<title>Safelight</title>" in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["Strict-Transport-Security"].startswith("max-age=63072000")
    assert (page.headers["X-Frame-Options"], page.headers["X-Content-Type-Options"]) == ("DENY", "nosniff")
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert fetch("/config.json", "https").json()["auth"] == "none"
    assert httpx.get(distributed_site.stack.ui_url, timeout=HTTP_SECONDS).status_code == 403
