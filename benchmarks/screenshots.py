"""Take the screenshots of the web page for README and docs/web.md.

``python benchmarks/screenshots.py`` needs Chromium and starts an embedded engine.
"""

import io
import shutil
import tempfile
from pathlib import Path

from chromium import chromium
from PIL import Image
from playwright.sync_api import Browser, Page, Route

from infra import local_stack

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "safelight" / "demo_images"
TARGET = ROOT / "docs" / "screenshots"
PROCESSED_IMAGES = ("astronaut.jpg", "coffee-sideways.jpg", "cat.webp", "rocket-progressive.jpg")
#: The requests for these images are delayed, so that the screenshot shows uploads in progress.
UPLOADING_IMAGES = ("hubble-deep-field.jpg", "horse-transparent.png")
WIDE = {"width": 1360, "height": 900}
PHONE = {"width": 390, "height": 844}
QUALITY = 82
MANY = 300
#: Enough on a busy machine.
PROCESSING_MILLISECONDS = 180_000
#: Width and height of each of many images, pixels.
SMALL = (320, 240)
#: Returns true if all images and thumbnails in the window have loaded.
ARE_IMAGES_SHOWN = """() => {
  const isVisible = (each) => {
    const {top, bottom, width} = each.getBoundingClientRect();
    return width > 0 && bottom > 0 && top < innerHeight;
  };
  const thumbnails = [...document.querySelectorAll('.thumbnail')].filter(isVisible);
  return thumbnails.every((each) => each.dataset.shown === 'true' || each.querySelector('.blank'))
    && [...document.images].filter(isVisible).every((each) => each.complete && each.naturalWidth > 0);
}"""


def main() -> None:
    """Take all screenshots."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        stack = local_stack.up(Path(folder))
        try:
            take_processing_and_comparison(browser, stack.ui_url)
            take_crop(browser, stack.ui_url)
            take_start(browser, stack.ui_url)
            take_history(browser, stack.ui_url)
            take_list(browser, stack.ui_url, Path(folder) / "many")
        finally:
            local_stack.down(Path(folder), wipe=True)


def take_processing_and_comparison(browser: Browser, url: str) -> None:
    """Take a screenshot of the start page with processed and uploading images, then one of a processed image."""
    page = open_page(browser, url, scheme="dark")
    page.set_input_files("#file-picker", [IMAGES / name for name in PROCESSED_IMAGES])
    page.locator("#go").click()
    page.locator("[data-status=Processed]").nth(len(PROCESSED_IMAGES) - 1).wait_for()
    held: list[Route] = []  # These requests wait until the screenshot is taken.

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/v1/jobs?filename=*", hold)
    page.set_input_files("#file-picker", [IMAGES / name for name in UPLOADING_IMAGES])
    page.locator("#go").click()
    page.locator("[data-phase=sending]").nth(len(UPLOADING_IMAGES) - 1).wait_for()
    page.evaluate("scrollTo(0, 0)")
    save_screenshot(page, "process")
    for route in held:
        route.abort()
    page.unroute_all()
    page.locator("[data-name='rocket-progressive.jpg'] button").click()
    page.locator(".pane-after img[style]").evaluate("each => each.decode()")
    page.locator(".plan-from", has_text="rocket").wait_for()
    page.mouse.move(0, 0)
    save_screenshot(page, "compare")
    page.context.close()


def take_crop(browser: Browser, url: str) -> None:
    """Take a screenshot of the crop on the stage, before anything is sent."""
    page = open_page(browser, url, scheme="dark")
    page.set_input_files("#file-picker", [IMAGES / name for name in PROCESSED_IMAGES])
    page.locator("[data-name='rocket-progressive.jpg'] button").click()
    page.locator(".viewer-actions [data-tool=crop]").click()
    page.locator(".crop-box").wait_for()
    page.get_by_role("button", name="4:3").click()
    page.locator(".step-tools output", has_text="at 79").wait_for()
    page.locator(".plan-outputs", has_text="483").wait_for()
    save_screenshot(page, "crop")
    page.context.close()


def take_start(browser: Browser, url: str) -> None:
    """Take screenshots of the start page in the light theme, and on a phone in the dark theme."""
    page = open_page(browser, url, scheme="light")
    page.locator(".plan-outputs").wait_for()
    save_screenshot(page, "start")
    page.context.close()
    page = open_page(browser, url, scheme="dark", size=PHONE, touch=True)
    save_screenshot(page, "phone")
    page.context.close()


def take_history(browser: Browser, url: str) -> None:
    """Take screenshots of the history in the light theme, on a wide screen and on a phone."""
    for name, size, touch in (("history", WIDE, False), ("phone-history", PHONE, True)):
        page = open_page(browser, f"{url}#/history", scheme="light", size=size, touch=touch)
        page.locator(".tile").first.wait_for()
        save_screenshot(page, name)
        page.context.close()


def take_list(browser: Browser, url: str, folder: Path) -> None:
    """Take a screenshot of the list while many images are processed. One of them is not an image."""
    folder.mkdir()
    make_many(folder)
    page = open_page(browser, url, scheme="dark")
    page.set_input_files("#file-picker", sorted(folder.iterdir()))
    page.locator(".list tbody tr[data-name]").first.wait_for()
    page.locator("#go").click()
    page.locator(".summary .bar-bad").wait_for(state="attached", timeout=PROCESSING_MILLISECONDS)
    page.locator(".list [data-status=Processed]").nth(3).wait_for(timeout=PROCESSING_MILLISECONDS)
    save_screenshot(page, "list")
    page.context.close()


def make_many(folder: Path) -> None:
    """Write parts of a large demo image, and a file that only starts like an image."""
    with Image.open(IMAGES / "contact-sheet.jpg") as sheet:
        columns = (sheet.width - SMALL[0]) // 20
        for index in range(MANY - 1):
            left, upper = (index % 20) * columns, (index // 20) * 180
            part = sheet.crop((left, upper, left + SMALL[0], upper + SMALL[1]))
            part.save(folder / f"photo-{index + 1:03}.jpg", quality=92)
    shutil.copy(IMAGES / "not-an-image.png", folder / "photo-000.png")


def open_page(
    browser: Browser, url: str, *, scheme: str, size: dict[str, int] | None = None, touch: bool = False
) -> Page:
    """Open the page with reduced motion, so that no screenshot shows a transition."""
    context = browser.new_context(
        viewport={"width": (size or WIDE)["width"], "height": (size or WIDE)["height"]},
        color_scheme="dark" if scheme == "dark" else "light",
        reduced_motion="reduce",
        has_touch=touch,
        is_mobile=touch,
        device_scale_factor=2 if touch else 1,
    )
    page = context.new_page()
    page.goto(url)
    page.locator("html[data-ready]").wait_for(state="attached")
    return page


def save_screenshot(page: Page, name: str) -> None:
    """Save a screenshot as WebP, which has a tenth of the size of a PNG. Wait until all visible images are shown."""
    page.wait_for_function(ARE_IMAGES_SHOWN)
    with Image.open(io.BytesIO(page.screenshot())) as screenshot:
        screenshot.convert("RGB").save(TARGET / f"{name}.webp", quality=QUALITY, method=6)


if __name__ == "__main__":
    main()
