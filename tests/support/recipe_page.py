"""Actions of tests on the recipe of the web page: images, crops, drags and previews."""

import base64
import io
import json
from typing import Any

from PIL import Image, ImageChops, ImageStat
from playwright.sync_api import Locator, expect
from support.browser_page import Visit
from support.running_stack import Site

READ_CANVAS = "(canvas) => canvas.toDataURL('image/png').split(',')[1]"


def draw_map(width: int, height: int) -> Image.Image:
    """Return an image of which every pixel differs from its neighbors: red grows to the right, green downward."""
    down = Image.linear_gradient("L").resize((width, height))
    right = Image.linear_gradient("L").rotate(90).resize((width, height))
    noise = Image.effect_noise((width, height), 60)
    return Image.merge("RGB", (right, down, noise))


def open_recipe(
    visit: Visit, name: str, data: bytes, *, preset: str | None = None, pipeline: dict[str, Any] | None = None
) -> None:
    """Open the page with an image and a recipe."""
    recipe: dict[str, Any] = {"preset": preset} if preset else {"preset": None, "pipeline": pipeline}
    text = base64.urlsafe_b64encode(json.dumps(recipe).encode()).decode().rstrip("=")
    visit.open(f"#/?recipe={text}")
    visit.drop({name: data})
    visit.expect_status(name, "Ready")


def open_crop(visit: Visit) -> Locator:
    """Start to crop. Return the stage, once it shows the box."""
    visit.page.locator(".viewer-actions [data-tool=crop]").click()
    return wait_for_tool(visit, ".crop-box")


def open_watermark(visit: Visit) -> Locator:
    """Start to drag the watermark. Return the stage, once it shows the box."""
    visit.page.locator("[data-operation=watermark]").get_by_role("button", name="Drag on the image").click()
    return wait_for_tool(visit, ".mark-box")


def wait_for_tool(visit: Visit, box: str) -> Locator:
    """Return the stage, once its box is in its place. The style sheet of tools is loaded when one is first used."""
    tool = visit.page.locator(".stage-tool")
    expect(tool.locator(box)).to_be_visible()
    expect(tool.locator(box)).to_have_css("position", "absolute")
    visit.wait_until_drawn()
    return tool


def add_operation(visit: Visit, op: str) -> None:
    """Add an operation at the end of the recipe."""
    visit.page.get_by_label("Operation to add").select_option(op)
    visit.page.get_by_role("button", name="Add", exact=True).click()


def drag(visit: Visit, target: Locator, x: float, y: float) -> None:
    """Drag the center of an element by CSS pixels."""
    box = target.bounding_box()
    assert box is not None
    start = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    visit.page.mouse.move(*start)
    visit.page.mouse.down()
    visit.page.mouse.move(start[0] + x / 2, start[1] + y / 2)
    visit.page.mouse.move(start[0] + x, start[1] + y)
    visit.page.mouse.up()


def read_box(tool: Locator) -> tuple[int, int, int, int]:
    """Return the edges of the crop that the page shows, in pixels of the image."""
    text = tool.locator(".tool-value").inner_text()
    size, place = text.split(" at ")
    width, height = (int(each) for each in size.split(" × "))
    left, upper = (int(each) for each in place.split(", "))
    return left, upper, left + width, upper + height


def read_preview(visit: Visit) -> Image.Image:
    """Return the pixels of the preview, once it has two equal drawings one after the other."""
    canvas = visit.page.locator(".pane-after canvas")
    expect(canvas).to_be_visible()
    visit.wait_until_drawn()
    last, current = None, canvas.evaluate(READ_CANVAS)
    while last != current:
        visit.page.wait_for_timeout(100)
        visit.wait_until_drawn()
        last, current = current, canvas.evaluate(READ_CANVAS)
    return Image.open(io.BytesIO(base64.b64decode(current))).convert("RGB")


def wait_for_preview(visit: Visit, is_shown: Any) -> None:
    """Wait until the preview meets a condition."""
    while not is_shown(read_preview(visit)):
        visit.page.wait_for_timeout(50)


def process(visit: Visit, site: Site, name: str) -> Image.Image:
    """Process the image. Return the result."""
    visit.process()
    visit.expect_status(name, "Processed")
    response = site.http.get(f"jobs/{visit.get_job_id(name)}/result", follow_redirects=True)
    return Image.open(io.BytesIO(response.raise_for_status().content))


def encode_png(image: Image.Image) -> bytes:
    """Return an image as PNG."""
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def measure_difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two images of the same size, of 255."""
    mean = ImageStat.Stat(ImageChops.difference(one.convert("RGB"), other.convert("RGB"))).mean
    return max(mean)
