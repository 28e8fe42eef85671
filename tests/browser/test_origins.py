"""The page away from its API: another origin, and somebody who must say who they are."""

import base64
import hashlib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Request, Route, expect
from support.browser_page import Desk, large_picture, picture
from support.other_origin import served
from support.running_stack import Site

COGNITO = {"CognitoDomain": "https://login.test", "CognitoClientId": "our-page"}
REFUSAL = {"code": "FORBIDDEN", "title": "The caller may not do this.", "status": 403, "retriable": False, "errors": []}


def test_a_page_of_another_origin_works_whole(desk: Desk, site: Site, other_port: int, tmp_path: Path) -> None:
    """From its own origin the page sends small and large images, watches, compares and deletes."""
    with served(site, other_port) as url:
        visit = desk.visit(url)
        visit.open()
        visit.drop({"small.jpg": picture("astronaut.jpg"), "big.bmp": large_picture(tmp_path)})
        visit.develop()
        visit.expect_state("small.jpg", "Developed")
        visit.expect_state("big.bmp", "Developed")
        job_id = visit.job_id("small.jpg")
        visit.open(f"#/jobs/{job_id}")
        visit.page.reload()
        visit.page.get_by_role("slider").wait_for()
        for side in ("before", "after"):
            expect(visit.page.locator(f".compare-{side} img")).to_have_js_property("naturalWidth", 512)
        visit.page.get_by_role("button", name="Delete").click()
        visit.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(visit.page.get_by_role("heading", level=1)).to_have_text("History")
    assert site.http.get(f"jobs/{job_id}").status_code == 404


def test_a_key_is_asked_for_until_it_is_right(desk: Desk, site: Site, other_port: int) -> None:
    """With keys the page asks for one, says when it is refused, and sends it along with every request."""
    with served(site, other_port, "api-key") as url:
        visit = desk.visit(url)
        visit.refusals_expected = {"403"}

        def guard(route: Route) -> None:
            if route.request.method == "OPTIONS" or route.request.headers.get("x-api-key") == "right":
                route.continue_()
            else:
                allow = {"Access-Control-Allow-Origin": "*"}
                route.fulfill(status=403, headers=allow, json=REFUSAL, content_type="application/problem+json")

        visit.page.route("**/v1/**", guard)
        visit.page.goto(url)
        visit.page.get_by_label("API key").fill("wrong")
        visit.page.keyboard.press("Enter")
        expect(visit.page.get_by_text("That key was refused")).to_be_visible()
        visit.page.get_by_label("API key").fill("right")
        visit.page.keyboard.press("Enter")
        visit.page.locator("html[data-ready]").wait_for(state="attached")
        visit.drop({"keyed.png": picture("clock-small.png")})
        visit.develop()
        visit.expect_state("keyed.png", "Developed")
        expect(visit.page.get_by_role("button", name="Sign out")).to_be_visible()


def test_cognito_leads_there_and_back(desk: Desk, site: Site, other_port: int) -> None:
    """The page proves with its secret that the code is its own, and shows the token to the API, and to it alone."""
    asked: dict[str, str] = {}
    shown: set[str] = set()

    def sign_in(route: Route) -> None:
        asked.update({name: values[0] for name, values in parse_qs(urlsplit(route.request.url).query).items()})
        back = f"{asked['redirect_uri']}?code=the-code&state={asked['state']}"
        route.fulfill(status=302, headers={"Location": back})

    def give_token(route: Route) -> None:
        given = parse_qs(route.request.post_data or "")
        digest = hashlib.sha256(given["code_verifier"][0].encode()).digest()
        proven = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
        token = {"id_token": "the-token", "refresh_token": "r", "expires_in": 3600}
        allow = {"Access-Control-Allow-Origin": "*"}
        route.fulfill(status=200 if proven and given["code"] == ["the-code"] else 400, headers=allow, json=token)

    def note(request: Request) -> None:
        if proof := request.headers.get("authorization"):
            shown.add(f"{urlsplit(request.url).path.partition('/v1/')[1]} {proof}")

    with served(site, other_port, "cognito", COGNITO) as url:
        visit = desk.visit(url)
        visit.context.route("https://login.test/oauth2/authorize*", sign_in)
        visit.context.route("https://login.test/oauth2/token", give_token)
        visit.page.on("request", note)
        visit.page.goto(f"{url}#/history")
        visit.page.get_by_role("button", name="Sign in").click()
        visit.page.locator("html[data-ready]").wait_for(state="attached")
        expect(visit.page.get_by_role("heading", level=1)).to_have_text("History")
        assert visit.page.url == f"{url}#/history", "the code does not stay in the address"
    assert (asked["client_id"], asked["code_challenge_method"], asked["response_type"]) == ("our-page", "S256", "code")
    assert shown == {"/v1/ Bearer the-token"}
