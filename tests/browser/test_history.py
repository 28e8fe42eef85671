"""The history of the web page: search, filters, the receipt, and recipes of earlier images."""

import re
from typing import Any

import pytest
from playwright.sync_api import Route, expect
from support.browser_page import TIMEOUT_MILLISECONDS, Visit, VisitFactory, read_image
from support.running_stack import Site

#: Lists what a tile does not show in whole. Long names and messages end with an ellipsis.
LIST_CUT = """() => [...document.querySelectorAll('.tile')].flatMap((tile) => {
  const outer = tile.getBoundingClientRect();
  const isOut = ({left, right, top, bottom}) =>
    left < outer.left - 1 || right > outer.right + 1 || top < outer.top - 1 || bottom > outer.bottom + 1;
  const parts = [...tile.querySelectorAll('button, h2, p, img, a')];
  const lines = [...tile.querySelectorAll('.tile-state, .tile-expiry')];
  const squeezed = lines.filter((each) => each.scrollHeight > each.clientHeight + 1);
  return [...parts.filter((each) => isOut(each.getBoundingClientRect())), ...squeezed].map((each) => each.outerHTML);
})"""


def submit(site: Site, name: str, **options: str) -> str:
    """Process an image. Return the ID of its job."""
    return str(site.wait_until_done(site.submit(read_image("clock-small.png"), filename=name, **options)["id"])["id"])


def test_search_asks_the_server_and_is_kept_in_the_address(visit: Visit, site: Site) -> None:
    """Also the images that are not listed yet are found. A reload keeps the search."""
    for name in ("Sunrise.png", "sunset.png", "forest.png"):
        submit(site, name)
    visit.open("#/history")
    tiles = visit.page.locator(".tile")
    expect(tiles).to_have_count(3)
    visit.page.get_by_label("Name").fill("SUN")
    expect(tiles).to_have_count(2)
    expect(visit.find_card("forest.png")).to_have_count(0)
    expect(visit.page).to_have_url(re.compile(r"#/history\?name=SUN$"))
    visit.page.reload()
    expect(tiles).to_have_count(2)
    visit.page.get_by_label("Status").select_option("FAILED")
    expect(visit.page.locator(".empty")).to_have_text("No image matches.")
    visit.page.get_by_role("button", name="Clear filters").click()
    expect(tiles).to_have_count(3)
    expect(visit.page.get_by_label("Name")).to_have_value("")
    expect(visit.find_card("forest.png")).to_contain_text("Expires in")


def test_search_continues_over_pages_without_a_match(visit: Visit, site: Site) -> None:
    """The server reads a limited number of records per page. After five empty ones, the page asks."""
    submit(site, "rare.png")
    pages: list[str] = []

    def send_empty_pages(route: Route) -> None:
        pages.append(route.request.url)
        if len(pages) <= 6:
            route.fulfill(json={"jobs": [], "next_cursor": f"cursor-{len(pages)}"})
        else:
            route.continue_(url=route.request.url.partition("&cursor")[0])

    visit.page.route("**/v1/jobs?*filename=rare*", send_empty_pages)
    visit.open("#/history?name=rare")
    visit.page.get_by_role("button", name="Continue the search").click()
    expect(visit.find_card("rare.png")).to_be_visible()
    assert len(set(pages)) == 7
    assert "cursor=cursor-6" in pages[-1]


def test_batch_is_a_filter(visit: Visit, site: Site) -> None:
    """Its name is shown, and other batches can be chosen."""
    submit(site, "alone.png")
    batch = site.http.post("batches", json={"name": "Holiday", "items": []}).raise_for_status().json()["batch"]
    visit.open(f"#/batches/{batch['id']}")
    visit.page.get_by_role("link", name="Search in this batch").click()
    expect(visit.page.get_by_label("Batch")).to_have_value(batch["id"])
    expect(visit.page.get_by_label("Batch").locator("option:checked")).to_have_text("Holiday")
    expect(visit.page.locator(".empty")).to_have_text("No image matches.")
    visit.page.get_by_label("Batch").select_option("All images")
    expect(visit.find_card("alone.png")).to_be_visible()


@pytest.mark.parametrize("is_changed", [False, True], ids=["same", "changed"])
def test_results_are_verified_with_the_receipt(visit: Visit, site: Site, is_changed: bool) -> None:
    """The browser computes the digests of the original and of the result. A changed result is named."""
    job_id = submit(site, "proof.png")
    job = site.job(job_id)
    if is_changed:
        site.s3.put_object(Bucket=site.stack.bucket, Key=job["key"], Body=b"other bytes")
    visit.open(f"#/jobs/{job_id}")
    visit.page.get_by_role("button", name="Verify").click()
    findings = visit.page.locator(".findings li")
    expect(findings).to_have_count(3)
    states = [each.get_attribute("data-state") for each in findings.all()]
    assert states == ["same", "same", "changed" if is_changed else "same"]
    verdict = "Something does not match the receipt." if is_changed else "Everything matches the receipt."
    expect(visit.page.get_by_text(verdict)).to_be_visible()
    with visit.page.expect_download() as waiting:
        visit.page.get_by_role("button", name="Save receipt").click()
    assert waiting.value.suggested_filename == f"receipt-{job_id}.json"
    assert job["result"]["digest"] in waiting.value.path().read_text()


def test_recipe_of_an_earlier_image_is_used_again(visit: Visit, site: Site) -> None:
    """From its tile in the history."""
    submit(site, "small.png", width="77")
    visit.open("#/history")
    visit.page.get_by_role("button", name="Use the recipe of small.png").click()
    expect(visit.page.get_by_label("Width", exact=True)).to_have_value("77")


def test_listing_has_the_links_of_the_thumbnails(visit: Visit, site: Site) -> None:
    """The history asks for no link per image. A link that has expired is replaced once."""
    job_id = submit(site, "thumb.png")
    links: list[Any] = []
    # Without those that a busy engine has refused.
    visit.page.on("response", lambda each: links.append(each.url) if each.ok and "redirect=false" in each.url else None)
    visit.open("#/history")
    expect(visit.find_card("thumb.png").locator(".thumbnail img")).to_have_js_property("complete", value=True)
    expect(visit.find_card("thumb.png").locator(".thumbnail")).to_have_attribute("data-shown", "true")
    assert links == []

    def expire(route: Route) -> None:
        response = route.fetch(timeout=TIMEOUT_MILLISECONDS)
        if not response.ok:  # the page sends the request again
            route.fulfill(response=response)
            return
        page = response.json()
        for job in page["jobs"]:
            for output in job["result"]["outputs"]:
                output["url"] = output["url"].partition("?")[0] + "-gone"
        route.fulfill(response=response, json=page)

    visit.expected_failures = {"403", "404"}
    visit.page.route("**/v1/jobs?*", expire)
    visit.page.reload()
    expect(visit.find_card("thumb.png").locator(".thumbnail")).to_have_attribute("data-shown", "true")
    assert len(links) == 1
    assert job_id in links[0]


@pytest.mark.parametrize("width", [360, 1280])
def test_tiles_have_the_same_height_and_hide_nothing(visit_factory: VisitFactory, site: Site, width: int) -> None:
    """Three of them fit on a phone. Nothing is cut: neither text nor buttons nor the image."""
    submit(site, "processed.png")
    submit(site, f"{'long-' * 30}name.png", width="20")
    failed = site.submit(read_image("not-an-image.png"), filename="failed.png")
    site.wait_until_done(str(failed["id"]))
    visit = visit_factory.create_visit(viewport={"width": width, "height": 740})
    visit.open("#/history")
    expect(visit.find_card("processed.png").locator(".thumbnail")).to_have_attribute("data-shown", "true")
    expect(visit.page.locator(".tile")).to_have_count(3)
    heights = visit.page.evaluate("() => [...document.querySelectorAll('.tile')].map((each) => each.offsetHeight)")
    assert len(set(heights)) == 1
    if width == 360:
        assert heights[0] * 3 < 740
    assert visit.page.evaluate(LIST_CUT) == []
