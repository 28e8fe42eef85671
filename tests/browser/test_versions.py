"""Versions of an image on the web page: another recipe, comparison, zoom, and messages before anything is sent."""

from playwright.sync_api import expect
from support.browser_page import Visit, read_image

READ_TRANSFORMS = "() => [...document.querySelectorAll('.pane img')].map((each) => each.style.transform)"


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
        while transforms and page.evaluate(READ_TRANSFORMS)[0] == transforms[-1]:
            page.wait_for_timeout(20)
        before, after = page.evaluate(READ_TRANSFORMS)
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
    expect(visit.page.locator(".plan")).to_contain_text("1000 × 872 WEBP")
    expect(visit.page.locator(".plan-warning")).to_have_count(0)
    visit.page.get_by_role("button", name="archive").click()
    expect(visit.page.locator(".plan-warning")).to_have_text("The result will probably be larger than the original.")


def test_files_that_cannot_be_sent_are_left_out(visit: Visit) -> None:
    """By content, not by name, in one sentence. Removing the image that is left can be undone."""
    visit.control_clock()
    visit.open()
    visit.drop({"empty.png": b"", "text.jpg": b"This is a text.", "good.txt": read_image("clock-small.png")})
    expect(visit.page.get_by_text("2 files left out: 1 is not an image, 1 is empty.").first).to_be_visible()
    visit.expect_status("good.txt", "Ready")
    with visit.stop_timers():
        visit.page.get_by_role("button", name="Remove good.txt").click()
        expect(visit.page.get_by_role("heading", level=1)).to_contain_text("Make images smaller")
        visit.page.get_by_role("button", name="Undo", exact=True).click()
    visit.expect_status("good.txt", "Ready")


def test_link_carries_the_recipe(visit: Visit) -> None:
    """A link opens the page with the same recipe. An unknown address says so."""
    visit.context.grant_permissions(["clipboard-read", "clipboard-write"])
    visit.open()
    visit.page.get_by_label("Width", exact=True).fill("321")
    visit.page.get_by_role("button", name="Copy a link with this recipe").click()
    expect(visit.page.get_by_text("Copied", exact=True)).to_be_visible()
    link = str(visit.page.evaluate("navigator.clipboard.readText()"))
    visit.page.evaluate("sessionStorage.clear()")
    visit.page.goto("about:blank")
    visit.page.goto(link)
    expect(visit.page.get_by_label("Width", exact=True)).to_have_value("321")
    visit.page.evaluate("() => { location.hash = '#/no-such-page'; }")
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("This page does not exist")
    expect(visit.page.get_by_role("heading", level=1)).to_be_focused()
