"""Takes the images of the page for README and docs/web.md: wide, on a phone, dark and light.

Run it as ``python benchmarks/screenshots.py``; it needs Chromium and starts an engine of its own.
"""

import io
import tempfile
from pathlib import Path

from chromium import chromium
from PIL import Image
from playwright.sync_api import Browser, Page, Route

from infra import local_stack

ROOT = Path(__file__).parents[1]
PICTURES = ROOT / "safelight" / "demo_images"
TARGET = ROOT / "docs" / "screenshots"
FIRST = ("astronaut.jpg", "coffee-sideways.jpg", "cat.webp", "rocket-progressive.jpg")
#: Held while they are sent, to show what that looks like.
UNDER_THE_LAMP = ("hubble-deep-field.jpg", "horse-transparent.png")
WIDE = {"width": 1360, "height": 900}
PHONE = {"width": 390, "height": 844}
QUALITY = 82


def main() -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        stack = local_stack.up(Path(folder))
        try:
            take_develop(browser, stack.ui_url)
            take_start(browser, stack.ui_url)
            take_history(browser, stack.ui_url)
        finally:
            local_stack.down(Path(folder), wipe=True)


def take_develop(browser: Browser, url: str) -> None:
    """Some images done, others on their way; then one before and after."""
    page = opened(browser, url, scheme="dark")
    page.get_by_role("button", name="web", exact=True).click()
    page.set_input_files("#file-picker", [PICTURES / name for name in FIRST])
    page.locator("#go").click()
    page.locator("[data-phase=done] .print-result[data-shown]").nth(len(FIRST) - 1).wait_for()
    held: list[Route] = []  # neither answered nor dropped, until the image is taken

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/v1/jobs?filename=*", hold)
    page.set_input_files("#file-picker", [PICTURES / name for name in UNDER_THE_LAMP])
    page.locator("#go").click()
    page.locator("[data-phase=sending]").nth(1).wait_for()
    page.evaluate("scrollTo(0, 0)")
    keep(page, "develop")
    for route in held:
        route.abort()
    page.unroute_all()
    page.get_by_role("link", name="Compare coffee-sideways.jpg").click()
    page.get_by_role("slider").wait_for()
    page.locator(".compare-after img").evaluate("each => each.decode()")
    page.mouse.move(0, 0)
    keep(page, "compare")
    page.context.close()


def take_start(browser: Browser, url: str) -> None:
    """The start page by day, and on a phone by night."""
    page = opened(browser, url, scheme="light")
    page.get_by_text("512").or_(page.get_by_text("1024 × 768")).first.wait_for()
    keep(page, "start")
    page.context.close()
    page = opened(browser, url, scheme="dark", size=PHONE, touch=True)
    keep(page, "phone")
    page.context.close()


def take_history(browser: Browser, url: str) -> None:
    """The history by day, wide and on a phone."""
    for name, size, touch in (("history", WIDE, False), ("phone-history", PHONE, True)):
        page = opened(browser, f"{url}#/history", scheme="light", size=size, touch=touch)
        page.locator(".print-frame[data-shown]").first.wait_for()
        keep(page, name)
        page.context.close()


def opened(browser: Browser, url: str, *, scheme: str, size: dict[str, int] | None = None, touch: bool = False) -> Page:
    """Open the page, without motion, so that nothing is taken half-way."""
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


def keep(page: Page, name: str) -> None:
    """Write what is shown as WebP, a tenth of the PNG."""
    with Image.open(io.BytesIO(page.screenshot())) as shown:
        shown.convert("RGB").save(TARGET / f"{name}.webp", quality=QUALITY, method=6)


if __name__ == "__main__":
    main()
