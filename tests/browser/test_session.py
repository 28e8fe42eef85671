"""Sessions of the web page with Cognito: renewal, expiry, and signing out."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Error, Page, Route, expect
from support.browser_page import Visit, VisitFactory, read_image
from support.other_origin import serve_page
from support.running_stack import Site

COGNITO = {"CognitoDomain": "https://login.test", "CognitoClientId": "our-page"}
ALLOW = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*"}
HOUR = 3600
UNAUTHENTICATED = {
    "code": "UNAUTHENTICATED",
    "title": "The request is not authenticated.",
    "status": 401,
    "retriable": False,
    "errors": [],
}


@dataclass
class FakeCognito:
    """Cognito's pages, and an API that accepts only the newest token."""

    #: Seconds for which the next token is valid.
    lifetime: int = HOUR
    #: True to refuse the refresh token.
    is_session_over: bool = False
    #: How many requests for tokens get no response.
    network_faults: int = 0
    grants: list[str] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)

    @property
    def token(self) -> str:
        """The token that the API accepts."""
        return f"token-{len(self.grants)}"

    def connect(self, visit: Visit) -> None:
        """Answer the requests of a visit."""
        visit.context.route("https://login.test/oauth2/authorize*", self._sign_in)
        visit.context.route("https://login.test/oauth2/token", self._send_token)
        visit.context.route("https://login.test/oauth2/revoke", self._revoke)
        visit.context.route("https://login.test/logout*", lambda route: route.fulfill(body="Signed out"))
        visit.context.route("**/v1/**", self._check_token)

    def _sign_in(self, route: Route) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()}
        back = f"{query['redirect_uri']}?code=the-code&state={query['state']}"
        route.fulfill(status=302, headers={"Location": back})

    def _send_token(self, route: Route) -> None:
        if self.network_faults:
            self.network_faults -= 1
            route.abort()
            return
        grant = parse_qs(route.request.post_data or "")["grant_type"][0]
        if self.is_session_over and grant == "refresh_token":
            route.fulfill(status=400, headers=ALLOW, json={"error": "invalid_grant"})
            return
        self.grants.append(grant)
        token = {"id_token": self.token, "refresh_token": "the-refresh-token", "expires_in": self.lifetime}
        route.fulfill(headers=ALLOW, json=token)

    def _revoke(self, route: Route) -> None:
        self.revoked += parse_qs(route.request.post_data or "")["token"]
        route.fulfill(headers=ALLOW)

    def _check_token(self, route: Route) -> None:
        given = route.request.headers.get("authorization", "")
        if route.request.method == "OPTIONS" or given == f"Bearer {self.token}":
            route.continue_()
            return
        self.rejected.append(given)
        route.fulfill(status=401, headers=ALLOW, json=UNAUTHENTICATED, content_type="application/problem+json")


@pytest.fixture
def cognito() -> FakeCognito:
    """Return the service."""
    return FakeCognito()


@pytest.fixture
def visit(visit_factory: VisitFactory, site: Site, other_port: int, cognito: FakeCognito) -> Iterator[Visit]:
    """Return a visit to a page with Cognito, which is signed in."""
    with serve_page(site, other_port, "cognito", COGNITO) as url:
        visit = visit_factory.create_visit(url)
        cognito.connect(visit)
        visit.page.goto(url)
        visit.page.get_by_role("button", name="Sign in").click()
        visit.page.locator("html[data-ready]").wait_for(state="attached")
        assert cognito.grants == ["authorization_code"]
        yield visit


def test_expired_session_signs_in_again_in_place(visit: Visit, cognito: FakeCognito) -> None:
    """The page keeps the files that are not sent. The request that needed the session continues."""
    visit.expected_failures = {"400", "401"}
    visit.drop({"kept.png": read_image("clock-small.png")})
    visit.expect_status("kept.png", "Ready")
    expect(visit.page.locator(".plan")).to_contain_text("96 × 72 WEBP")  # its request needs the session too
    visit.page.evaluate("window.isSamePage = true")
    _expire(visit, cognito, is_session_over=True)
    visit.process()
    dialog = visit.page.get_by_role("dialog", name="Your session has expired")
    dialog.get_by_role("button", name="Later").click()
    expect(dialog).to_be_hidden()
    visit.page.get_by_role("button", name="Sign in again").click()
    with visit.context.expect_page() as window:
        dialog.get_by_role("button", name="Sign in").click()
    visit.expect_status("kept.png", "Processed")
    expect(dialog).to_have_count(0)
    expect(visit.page.get_by_role("button", name="Sign in again")).to_have_count(0)
    while not _is_over(window.value):
        visit.page.wait_for_timeout(20)
    assert visit.page.evaluate("window.isSamePage")
    assert cognito.grants == ["authorization_code", "authorization_code"]


@pytest.mark.thorough
def test_requests_share_one_renewal_which_is_retried(visit: Visit, cognito: FakeCognito) -> None:
    """A network fault does not end the session."""
    visit.expected_failures = {"401", "net"}
    visit.drop({f"{number}.png": read_image("clock-small.png") for number in range(3)})
    visit.page.get_by_label("as one batch").uncheck()
    _expire(visit, cognito)
    cognito.network_faults = 2
    visit.process()
    for number in range(3):
        visit.expect_status(f"{number}.png", "Processed")
    assert cognito.grants == ["authorization_code", "refresh_token"]
    assert cognito.network_faults == 0
    assert cognito.rejected == []


@pytest.mark.thorough
def test_token_that_the_api_rejects_is_renewed_once(visit: Visit, cognito: FakeCognito) -> None:
    """The clock of the computer may be wrong, or the token revoked. The request is sent again with another one."""
    visit.expected_failures = {"401"}
    visit.drop({f"{number}.png": read_image("clock-small.png") for number in range(3)})
    visit.page.get_by_label("as one batch").uncheck()
    cognito.grants.append("a renewal in another tab")
    visit.process()
    for number in range(3):
        visit.expect_status(f"{number}.png", "Processed")
    assert cognito.grants[2:] == ["refresh_token"]
    assert set(cognito.rejected) == {"Bearer token-1"}


def test_signing_out_revokes_the_refresh_token(visit: Visit, cognito: FakeCognito) -> None:
    """No copy of it works any more, and the tab has no tokens."""
    visit.page.get_by_role("button", name="Sign out").click()
    expect(visit.page.get_by_text("Signed out")).to_be_visible()
    assert cognito.revoked == ["the-refresh-token"]
    visit.page.goto(visit.url)
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("Sign in")


def _is_over(window: Page) -> bool:
    """Return True if the window of the sign-in is closed, or says that it can be."""
    try:
        return window.is_closed() or window.get_by_text("You can close this window").is_visible()
    except Error:  # it was closed meanwhile
        return window.is_closed()


def _expire(visit: Visit, cognito: FakeCognito, *, is_session_over: bool = False) -> None:
    """Let the token of the tab expire now."""
    cognito.is_session_over = is_session_over
    visit.page.evaluate(
        """() => {
          const tokens = JSON.parse(sessionStorage.getItem('safelight-tokens'));
          sessionStorage.setItem('safelight-tokens', JSON.stringify({...tokens, until: Date.now() - 1000}));
        }"""
    )
