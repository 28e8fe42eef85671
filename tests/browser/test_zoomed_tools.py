"""Tools on the stage of the web page at any zoom, and the preview of the output that is looked at."""

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Locator, expect
from support.browser_page import Visit, VisitFactory
from support.recipe_page import (
    add_operation,
    drag,
    draw_map,
    encode_png,
    open_crop,
    open_recipe,
    open_watermark,
    process,
    read_box,
    read_preview,
)
from support.running_stack import Site, wait_until

#: Two outputs of different sizes and formats.
TWO_OUTPUTS = {
    "operations": [{"op": "grayscale"}],
    "outputs": [
        {"name": "full", "format": "png"},
        {"name": "card", "format": "png", "operations": [{"op": "resize", "width": 60, "height": 40, "fit": "exact"}]},
    ],
}


def read_frame(tool: Locator) -> tuple[float, float, float]:
    """Return the place of the image on the page, and its width, in CSS pixels."""
    box = tool.locator(".tool-frame").bounding_box()
    assert box is not None
    return box["x"], box["y"], box["width"]


def move(visit: Visit, start: tuple[float, float], by: tuple[float, float], button: str) -> None:
    """Drag with a button of the mouse."""
    visit.page.mouse.move(*start)
    visit.page.mouse.down(button=button)  # type: ignore[arg-type]
    visit.page.mouse.move(start[0] + by[0], start[1] + by[1], steps=3)
    visit.page.mouse.up(button=button)  # type: ignore[arg-type]


def test_crop_at_200_percent_gives_the_part_that_was_shown(visit: Visit, site: Site) -> None:
    """A handle follows the mouse at any zoom and pan, and the comparison keeps both."""
    scene = draw_map(900, 600)
    open_recipe(visit, "scene.png", encode_png(scene), preset="archive")
    tool = open_crop(visit)
    tool.get_by_role("button", name="200 %").click()
    x, y, width = read_frame(tool)
    assert width == pytest.approx(1800, abs=1)
    stage = tool.bounding_box()
    assert stage is not None
    center = stage["x"] + stage["width"] / 2, stage["y"] + stage["height"] / 2
    move(visit, center, (5000, 5000), "middle")
    moved = read_frame(tool)
    assert moved[0] > x
    assert moved[1] > y
    assert read_box(tool) == (90, 60, 810, 540)
    drag(visit, tool.get_by_role("button", name="Upper left corner"), 40, 60)
    assert read_box(tool) == (110, 90, 810, 540)
    visit.page.keyboard.press("0")
    assert read_frame(tool)[2] < 900
    visit.page.keyboard.press("1")
    assert read_frame(tool)[2] == pytest.approx(900, abs=1)
    tool.get_by_role("button", name="Done").click()
    visible = visit.page.get_by_role("group", name="Before and after")
    expect(visible).to_have_attribute("data-zoomed", "true")
    expect(visible.get_by_role("button", name="100 %")).to_have_attribute("aria-pressed", "true")
    result = process(visit, site, "scene.png")
    assert result.convert("RGB").tobytes() == scene.crop((110, 90, 810, 540)).tobytes()


def test_handle_with_the_focus_comes_into_sight(visit: Visit) -> None:
    """Tab reaches the handles outside of the stage, and the image moves so that they are visible."""
    open_recipe(visit, "scene.png", encode_png(draw_map(900, 600)), preset="archive")
    tool = open_crop(visit)
    tool.get_by_role("button", name="200 %").click()
    tool.get_by_role("button", name="Crop, ").focus()
    visit.page.keyboard.press("Tab")
    corner = tool.get_by_role("button", name="Upper left corner")
    expect(corner).to_be_focused()
    expect(corner).to_be_in_viewport(ratio=1)
    outer, inner = tool.bounding_box(), corner.bounding_box()
    assert outer is not None
    assert inner is not None
    assert inner["x"] >= outer["x"]
    assert inner["y"] >= outer["y"]


def test_watermark_at_200_percent_is_where_it_was_shown(visit: Visit, site: Site) -> None:
    """The mark is dragged while the image is zoomed. Beside the mark, a drag moves the image."""
    plain = Image.new("RGB", (900, 600), "#204060")
    open_recipe(visit, "plain.png", encode_png(plain), preset="archive")
    add_operation(visit, "watermark")
    tool = open_watermark(visit)
    mark = tool.get_by_role("button", name="Watermark, ")
    expect(mark).to_be_focused()
    tool.get_by_role("button", name="200 %").click()
    x, y, width = read_frame(tool)
    stage = tool.bounding_box()
    assert stage is not None
    move(visit, (stage["x"] + 100, stage["y"] + 200), (-5000, -5000), "left")
    assert read_frame(tool)[0] < x
    assert read_frame(tool)[1] < y
    place = tool.locator(".mark-box").bounding_box()
    assert place is not None
    x, y, _ = read_frame(tool)
    scale = width / plain.width
    # The lower right corner of the mark, 60 pixels from both edges: 10 % of the shorter side.
    right, lower = x + (900 - 60) * scale, y + (600 - 60) * scale
    drag(visit, mark, right - place["x"] - place["width"], lower - place["y"] - place["height"])
    expect(tool.locator(".tool-value")).to_have_text("Bottom right, margin 10 %, size 25 %")
    tool.get_by_role("button", name="Done").click()
    result = process(visit, site, "plain.png")
    changed = ImageChops.difference(result.convert("RGB"), plain).getbbox()
    assert changed is not None
    assert changed[2:] == pytest.approx((840, 540), abs=2)


def test_two_fingers_zoom_and_change_no_crop(visit_factory: VisitFactory) -> None:
    """What the first finger has begun to draw is dropped. One finger draws at the new zoom."""
    visit = visit_factory.create_visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    open_recipe(visit, "scene.png", encode_png(draw_map(300, 300)), preset="web")
    tool = open_crop(visit)
    tool.scroll_into_view_if_needed()
    before = read_box(tool)
    x, y, width = read_frame(tool)
    center = x + width / 2, y + width / 2
    devtools = visit.context.new_cdp_session(visit.page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": left, "y": upper, "id": index} for index, (left, upper) in enumerate(points)]
        devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    touch("touchStart", (center[0] - 20, center[1]))
    touch("touchMove", (center[0] - 28, center[1]))
    touch("touchStart", (center[0] - 28, center[1]), (center[0] + 28, center[1]))
    touch("touchMove", (center[0] - 56, center[1]), (center[0] + 56, center[1]))
    touch("touchEnd")
    wait_until(lambda: read_frame(tool)[2] == pytest.approx(2 * width, rel=0.05))
    assert read_box(tool) == before


def test_preview_is_that_of_the_chosen_output(visit: Visit, site: Site) -> None:
    """The result is that of the same output, and so is the preview of another recipe. Two previews can be compared."""
    open_recipe(visit, "scene.png", encode_png(draw_map(300, 200)), pipeline=TWO_OUTPUTS)
    tag, versions = visit.page.locator(".tag-right"), visit.page.get_by_label("Right version", exact=True)
    expect(versions.locator("option")).to_have_text(["Original", "Preview, full", "Preview, card"])
    expect(tag).to_contain_text("300 × 200 · PNG")
    versions.select_option(label="Preview, card")
    expect(tag).to_contain_text("60 × 40 · PNG")
    assert read_preview(visit).size == (60, 40)
    visit.page.get_by_label("Left version", exact=True).select_option(label="Preview, full")
    expect(visit.page.locator(".pane-before canvas")).to_have_js_property("width", 300)
    result = process(visit, site, "scene.png")
    assert result.size == (300, 200)
    expect(versions.locator("option:checked")).to_have_text("Result, card")
    expect(visit.page.locator(".pane-after img")).to_have_js_property("naturalWidth", 60)
    add_operation(visit, "flip")
    expect(versions.locator("option:checked")).to_have_text("Preview, card")
    expect(tag).to_contain_text("60 × 40 · PNG")


def test_automatic_quality_shows_no_value(visit: Visit) -> None:
    """The slider is disabled. A value can be chosen again, and starts where it was."""
    open_recipe(visit, "scene.png", encode_png(draw_map(300, 200)), preset="web")
    slider = visit.page.get_by_role("slider", name="Quality, slider")
    number = visit.page.get_by_role("spinbutton", name="Quality")
    automatic = visit.page.get_by_role("checkbox", name="Quality: automatic")
    expect(slider).to_have_value("80")
    number.fill("70")
    automatic.check()
    expect(slider).to_be_disabled()
    expect(number).to_have_value("")
    expect(number).to_have_attribute("placeholder", "auto")
    automatic.uncheck()
    expect(slider).to_be_enabled()
    expect(slider).to_have_value("70")
    expect(number).to_have_value("70")


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_neighbors_by_buttons_and_keys_and_one_image_alone(visit: Visit, direction: str) -> None:
    """Page Down leads to the next image at any zoom, the arrow keys while it is fitted, as the film strip is read."""
    visit.open()
    visit.page.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
    names = ["one.png", "two.png", "three.png"]
    visit.drop(dict.fromkeys(names, encode_png(draw_map(900, 600))))
    viewer = visit.page.get_by_role("region", name="Selected image")
    heading = viewer.get_by_role("heading")
    expect(heading).to_have_text("one.png")
    expect(viewer.get_by_role("button", name="Previous image")).to_be_disabled()
    viewer.get_by_role("button", name="Next image").click()
    expect(heading).to_have_text("two.png")
    expect(viewer.get_by_role("button", name="Next image")).to_be_focused()
    stage = visit.page.get_by_role("group", name="Before and after")
    stage.focus()
    visit.page.keyboard.press("ArrowLeft" if direction == "rtl" else "ArrowRight")
    expect(heading).to_have_text("three.png")
    expect(stage).to_be_focused()
    visit.page.keyboard.press("2")
    expect(stage).to_have_attribute("data-zoomed", "true")
    visit.page.keyboard.press("PageUp")
    expect(heading).to_have_text("two.png")
    viewer.get_by_role("button", name="Process only two.png").click()
    visit.expect_status("two.png", "Processed")
    visit.expect_status("one.png", "Ready")
    expect(viewer.get_by_role("button", name="Process only two.png")).to_have_count(0)
