"""The web page on another origin than the API's, and with authentication."""

import base64
import hashlib
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Request, Route, expect
from support.browser_page import VisitFactory, create_large_image, read_image
from support.other_origin import serve_page
from support.running_stack import Site, wait_until

COGNITO = {"CognitoDomain": "https://login.test", "CognitoClientId": "our-page"}
FORBIDDEN = {
    "code": "FORBIDDEN",
    "title": "The caller is not allowed to do this.",
    "status": 403,
    "retriable": False,
    "errors": [],
}


def test_page_works_from_another_origin(
    visit_factory: VisitFactory, site: Site, other_port: int, tmp_path: Path
) -> None:
    """A page on another origin uploads small and large images, polls, compares and deletes."""
    with serve_page(site, other_port) as url:
        visit = visit_factory.create_visit(url)
        visit.open()
        visit.drop({"small.jpg": read_image("astronaut.jpg"), "big.bmp": create_large_image(tmp_path)})
        visit.process()
        visit.expect_status("small.jpg", "Processed")
        visit.expect_status("big.bmp", "Processed")
        job_id = visit.get_job_id("small.jpg")
        visit.open(f"#/jobs/{job_id}")
        visit.page.reload()
        visit.page.locator(".splitter").wait_for()
        for side in ("before", "after"):
            expect(visit.page.locator(f".pane-{side} img")).to_have_js_property("naturalWidth", 512)
        visit.page.get_by_role("button", name="Delete").click()
        expect(visit.page.get_by_role("heading", level=1)).to_have_text("History")
        wait_until(lambda: site.http.get(f"jobs/{job_id}").status_code == HTTPStatus.NOT_FOUND)


def test_page_asks_for_the_api_key_until_it_is_accepted(
    visit_factory: VisitFactory, site: Site, other_port: int
) -> None:
    """The page asks for a key, reports a rejected one, and sends the accepted one with every request."""
    with serve_page(site, other_port, "api-key") as url:
        visit = visit_factory.create_visit(url)
        visit.expected_failures = {"403"}

        def check_key(route: Route) -> None:
            if route.request.method == "OPTIONS" or route.request.headers.get("x-api-key") == "right":
                route.continue_()
            else:
                allow = {"Access-Control-Allow-Origin": "*"}
                route.fulfill(status=403, headers=allow, json=FORBIDDEN, content_type="application/problem+json")

        visit.page.route("**/v1/**", check_key)
        visit.page.goto(url)
        visit.page.get_by_label("API key").fill("wrong")
        visit.page.keyboard.press("Enter")
        expect(visit.page.get_by_text("This API key was rejected")).to_be_visible()
        visit.page.get_by_label("API key").fill("right")
        visit.page.keyboard.press("Enter")
        visit.page.locator("html[data-ready]").wait_for(state="attached")
        visit.drop({"keyed.png": read_image("clock-small.png")})
        visit.process()
        visit.expect_status("keyed.png", "Processed")
        expect(visit.page.get_by_role("button", name="Sign out")).to_be_visible()


def test_cognito_sign_in_returns_to_the_page(visit_factory: VisitFactory, site: Site, other_port: int) -> None:
    """The page sends its code verifier to Cognito, and the token to the API only."""
    authorize_query: dict[str, str] = {}
    authorized_requests: set[str] = set()

    def sign_in(route: Route) -> None:
        authorize_query.update(
            {name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()}
        )
        back = f"{authorize_query['redirect_uri']}?code=the-code&state={authorize_query['state']}"
        route.fulfill(status=302, headers={"Location": back})

    def send_token(route: Route) -> None:
        form = parse_qs(route.request.post_data or "")
        digest = hashlib.sha256(form["code_verifier"][0].encode()).digest()
        verified = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == authorize_query["code_challenge"]
        token = {"id_token": "the-token", "refresh_token": "r", "expires_in": 3600}
        allow = {"Access-Control-Allow-Origin": "*"}
        route.fulfill(status=200 if verified and form["code"] == ["the-code"] else 400, headers=allow, json=token)

    def record_request(request: Request) -> None:
        if header := request.headers.get("authorization"):
            authorized_requests.add(f"{urlsplit(request.url).path.partition('/v1/')[1]} {header}")

    with serve_page(site, other_port, "cognito", COGNITO) as url:
        visit = visit_factory.create_visit(url)
        visit.context.route("https://login.test/oauth2/authorize*", sign_in)
        visit.context.route("https://login.test/oauth2/token", send_token)
        visit.page.on("request", record_request)
        visit.page.goto(f"{url}#/history")
        visit.page.get_by_role("button", name="Sign in").click()
        visit.page.locator("html[data-ready]").wait_for(state="attached")
        expect(visit.page.get_by_role("heading", level=1)).to_have_text("History")
        assert visit.page.url == f"{url}#/history", "the code must not stay in the address"
    assert (
        authorize_query["client_id"],
        authorize_query["code_challenge_method"],
        authorize_query["response_type"],
    ) == ("our-page", "S256", "code")
    assert authorized_requests == {"/v1/ Bearer the-token"}
