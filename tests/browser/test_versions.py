"""Versions of an image on the web page: another recipe, comparison, zoom, and messages before anything is sent."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Request, expect
from support.browser_page import READ_TRANSFORMS, Visit, VisitFactory, read_image
from support.running_stack import Site

#: Bytes of a request that has options and no image.
MAX_JSON = 1_500


def test_another_recipe_gives_another_version(visit: Visit) -> None:
    """The image is processed again with another preset. Any two versions can be compared, and a change be undone."""
    visit.open()
    visit.drop({"versions.jpg": read_image("astronaut.jpg")})
    visit.process()
    visit.expect_status("versions.jpg", "Processed")
    expect(visit.page.locator("#go")).to_have_count(0)
    visit.page.get_by_role("button", name="thumbnail").click()
    visit.page.get_by_role("button", name="Process 1 image again").click()
    viewer = visit.page.get_by_role("region", name="Selected image")
    expect(viewer.get_by_text("2 versions")).to_be_visible()
    visit.expect_status("versions.jpg", "Processed")
    expect(viewer.locator(".pane-after img")).to_have_js_property("naturalWidth", 256)
    viewer.get_by_label("Left version", exact=True).select_option(label="Version 1, web")
    expect(viewer.locator(".pane-before img")).to_have_js_property("naturalWidth", 512)
    visit.page.get_by_role("button", name="Undo the last change").click()
    expect(visit.page.locator("[data-preset=web]")).to_have_attribute("aria-pressed", "true")


def record_requests(visit: Visit) -> list[Request]:
    """Return a list to which the page's requests that have a body are added.

    A busy engine can let the page send a request again, with the same idempotency key. It is added once.
    """
    requests: list[Request] = []
    keys: set[str] = set()

    def record(request: Request) -> None:
        key = request.headers.get("idempotency-key", "")
        if request.method in {"POST", "PUT"} and key not in keys:
            requests.append(request)
        keys.update([key] if key else [])

    visit.page.on("request", record)
    return requests


def read_documents(requests: list[Request], path: str) -> list[Any]:
    """Return the JSON of the requests whose path ends in ``path``."""
    found = [each for each in requests if urlsplit(each.url).path.endswith(path)]
    return [each.post_data_json for each in found if each.headers.get("content-type") == "application/json"]


def list_uploads(requests: list[Request]) -> list[str]:
    """Return the last part of the path of each request with an image. Files are sent as bytes or in a form.

    A plan has the start of the file. Chromium does not report the size of a file that it sends.
    """
    return [
        urlsplit(each.url).path.rpartition("/")[2]
        for each in requests
        if not urlsplit(each.url).path.endswith("/plan")
        and (
            each.headers.get("content-type") not in {None, "application/json"}
            or len(each.post_data_buffer or b"") > MAX_JSON
        )
    ]


def test_another_version_sends_no_image(visit_factory: VisitFactory, site: Site) -> None:
    """The server has the image: after it was processed on this page, and if another visit opens it from the history."""
    first, second = visit_factory.create_visit(), visit_factory.create_visit()
    sent = record_requests(first)
    first.open()
    first.drop({"stored.jpg": read_image("astronaut.jpg")})
    first.process()
    first.expect_status("stored.jpg", "Processed")
    assert list_uploads(sent) == ["jobs"]
    job_id = first.get_job_id("stored.jpg")
    sent.clear()
    first.page.get_by_role("button", name="thumbnail").click()
    first.page.get_by_role("button", name="Process 1 image again").click()
    expect(first.page.get_by_text("2 versions")).to_be_visible()
    first.expect_status("stored.jpg", "Processed")
    assert read_documents(sent, "/jobs") == [{"source": f"job:{job_id}", "preset": "thumbnail"}]
    assert list_uploads(sent) == []

    second.open(f"#/jobs/{job_id}")
    sent = record_requests(second)
    second.page.get_by_role("button", name="Use another recipe").click()
    second.expect_status("stored.jpg", "Processed")
    second.page.get_by_label("Other presets").select_option("default")
    second.page.get_by_role("button", name="Process 1 image again").click()
    expect(second.page.get_by_text("2 versions")).to_be_visible()
    second.expect_status("stored.jpg", "Processed")
    assert [each["source"] for each in read_documents(sent, "/jobs")] == [f"job:{job_id}"]
    assert list_uploads(sent) == []
    sources = {job["id"]: job["raw"]["source"] for job in site.http.get("jobs").json()["jobs"]}
    copies = [each for each in sources if each != job_id]
    assert [sources[each] for each in copies] == [f"job:{job_id}"] * 2
    stored = [key for each in sources for key in site.keys("raw/") if each in key]
    assert sorted(stored) == sorted([f"raw/api/{job_id}", *(f"raw/import/{each}" for each in copies)])


def test_versions_of_many_images_are_one_batch(visit: Visit, site: Site) -> None:
    """An image whose job was deleted meanwhile is uploaded again, because the page still has the file."""
    visit.expected_failures.add("422")
    visit.open()
    names = ["one.png", "two.png", "three.png"]
    visit.drop(dict.fromkeys(names, read_image("clock-small.png")))
    visit.page.get_by_label("as one batch").set_checked(False)
    visit.process()
    for name in names:
        visit.expect_status(name, "Processed")
    ids = {name: visit.get_job_id(name) for name in names}
    site.http.delete(f"jobs/{ids['two.png']}").raise_for_status()
    sent = record_requests(visit)
    visit.page.get_by_role("button", name="thumbnail").click()
    visit.page.get_by_label("as one batch").set_checked(True)
    visit.page.get_by_role("button", name="Process 3 images again").click()
    for name in names:
        expect(visit.find_card(name)).not_to_have_attribute("data-id", ids[name])
        visit.expect_status(name, "Processed")
    assert read_documents(sent, "/items") == [{"items": [{"source": f"job:{ids[name]}"} for name in names]}]
    assert list_uploads(sent) == ["jobs"]
    jobs = {each["id"]: each for each in site.http.get("jobs").json()["jobs"]}
    made = [jobs[visit.get_job_id(name)]["raw"]["source"] for name in names]
    assert made == [f"job:{ids['one.png']}", None, f"job:{ids['three.png']}"]


def test_both_sides_zoom_and_move_together(visit: Visit) -> None:
    """With buttons, the wheel, the mouse and the keyboard. Next to each other and with the original on hold."""
    visit.open()
    visit.drop({"rocket.jpg": read_image("rocket-progressive.jpg")})
    visit.process()
    visit.expect_status("rocket.jpg", "Processed")
    page, stage = visit.page, visit.page.get_by_role("group", name="Before and after")
    expect(stage.locator(".pane-after img")).to_have_js_property("naturalWidth", 640)
    transforms: list[str] = []

    def record_zoom() -> None:
        while len(found := page.evaluate(READ_TRANSFORMS)) < 2 or not all(found) or found[0] in transforms[-1:]:
            page.wait_for_timeout(20)  # an image has its place once it is loaded
        before, after = found
        assert before == after
        transforms.append(before)

    record_zoom()
    stage.get_by_role("button", name="200 %").click()
    record_zoom()
    stage.hover(position={"x": 150, "y": 250})
    page.mouse.wheel(0, -200)
    record_zoom()
    page.mouse.down()
    box = stage.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 90, box["y"] + 220)
    page.mouse.up()
    record_zoom()
    stage.focus()
    stage.press("ArrowRight")
    record_zoom()
    stage.press("0")
    record_zoom()
    assert transforms[-1] == transforms[0]
    assert len(set(transforms)) == len(transforms) - 1

    page.get_by_role("button", name="Side by side").click()
    panes = [stage.locator(f".pane-{side}").bounding_box() for side in ("before", "after")]
    assert panes[0] is not None
    assert panes[1] is not None
    assert panes[0]["x"] + panes[0]["width"] <= panes[1]["x"] + 1
    page.get_by_role("button", name="Hold to flip").click()
    expect(stage.locator(".pane-before")).to_be_hidden()
    stage.focus()
    page.keyboard.down(" ")
    expect(stage.locator(".pane-before")).to_be_visible()
    page.keyboard.up(" ")
    expect(stage.locator(".pane-before")).to_be_hidden()


def test_sample_image_and_growth(visit: Visit) -> None:
    """A sample shows how the page works. A recipe that makes an image larger is named before the image is sent."""
    visit.open()
    visit.page.get_by_role("button", name="Try it with a sample image").click()
    visit.expect_status("sample.jpg", "Ready")
    expect(visit.page.locator(".plan")).to_contain_text("640 × 427 WEBP")
    expect(visit.page.locator(".plan-warning")).to_have_count(0)
    visit.page.get_by_role("button", name="archive").click()
    expect(visit.page.locator(".plan-warning")).to_have_text("The result will probably be larger than the original.")


def test_folder_is_read_with_its_subfolders(visit: Visit, tmp_path: Path) -> None:
    """A dropped folder adds the images of all its folders, and names what is left out."""
    inner = tmp_path / "trip" / "beach"
    inner.mkdir(parents=True)
    (inner / "inner.png").write_bytes(read_image("clock-small.png"))
    (inner.parent / "outer.png").write_bytes(read_image("clock-small.png"))
    (inner.parent / "notes.txt").write_text("This is a text.")
    (inner.parent / ".hidden").write_text("Not counted.")
    visit.open()
    visit.drop_folder(inner.parent)
    expect(visit.page.get_by_text("1 file left out: 1 is not an image.").first).to_be_visible()
    visit.expect_status("inner.png", "Ready")
    visit.expect_status("outer.png", "Ready")
    visit.page.get_by_role("button", name="List", exact=True).click()
    expect(visit.page.get_by_role("button", name="trip/beach/inner.png")).to_be_visible()


def test_files_that_cannot_be_sent_are_left_out(visit: Visit) -> None:
    """By content, not by name, in one sentence. Removing the image that is left can be undone."""
    visit.control_clock()
    visit.open()
    visit.drop({"empty.png": b"", "text.jpg": b"This is a text.", "good.txt": read_image("clock-small.png")})
    expect(visit.page.get_by_text("2 files left out: 1 is not an image, 1 is empty.").first).to_be_visible()
    visit.expect_status("good.txt", "Ready")
    remove = visit.page.get_by_role("button", name="Remove good.txt")
    with visit.stop_timers(remove):
        remove.click()
        expect(visit.page.get_by_role("heading", level=1)).to_contain_text("Make images smaller")
        visit.page.get_by_role("button", name="Undo", exact=True).click()
    visit.expect_status("good.txt", "Ready")


def test_link_carries_the_recipe(visit: Visit) -> None:
    """A link opens the page with the same recipe. An unknown address says so."""
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.open()
    visit.page.get_by_label("Width", exact=True).fill("321")
    visit.page.get_by_role("button", name="Copy a link with this recipe").click()
    expect(visit.page.locator("#announcements")).to_have_text("a link with this recipe copied")
    link = str(visit.page.evaluate("navigator.clipboard.readText()"))
    visit.page.evaluate("sessionStorage.clear()")
    visit.page.goto("about:blank")
    visit.page.goto(link)
    expect(visit.page.get_by_label("Width", exact=True)).to_have_value("321")
    visit.go_to("#/no-such-page", "This page does not exist")
    expect(visit.page.get_by_role("heading", level=1)).to_be_focused()
