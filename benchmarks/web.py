"""Measure how long the web page takes to load and to show the result of an image.

``python benchmarks/web.py`` needs Chromium and starts an embedded engine. Each page load starts with an empty cache.
The browser, the engine and the functions share the CPU cores of the machine, so absolute times depend on the machine.
"""

import statistics
import tempfile
import time
from pathlib import Path

from chromium import chromium
from PIL import Image
from playwright.sync_api import Browser

from infra import local_stack

IMAGES = Path(__file__).parents[1] / "safelight" / "demo_images"
ROUNDS = 5
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
READY = "performance.now()"
TRANSFERRED_BYTES = "performance.getEntries().reduce((sum, each) => sum + (each.transferSize || 0), 0)"


def main() -> None:
    """Measure page loads and results."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        stack = local_stack.up(Path(folder) / "engine")
        try:
            print_loads(browser, stack.ui_url)
            print_results(browser, stack.ui_url, Path(folder))
        finally:
            local_stack.down(Path(folder) / "engine", wipe=True)


def print_loads(browser: Browser, url: str) -> None:
    """Print the time and size of a page load."""
    first_paints, ready_times, sizes = [], [], []
    for _ in range(ROUNDS):
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(url)
            page.locator("html[data-ready]").wait_for(state="attached")
            ready_times.append(float(page.evaluate(READY)))
            first_paints.append(float(page.evaluate(FIRST_PAINT)))
            sizes.append(int(page.evaluate(TRANSFERRED_BYTES)))
    print(f"Loading the page with an empty cache, median of {ROUNDS}")
    print(f"  first contentful paint  {statistics.median(first_paints):7.0f} ms")
    print(f"  ready to use            {statistics.median(ready_times):7.0f} ms")
    print(f"  transferred             {statistics.median(sizes) / 1000:7.0f} KB")


def print_results(browser: Browser, url: str, folder: Path) -> None:
    """Print the time from the click to the displayed result. The first round, with cold functions, is not counted."""
    large = folder / "large.bmp"
    with Image.open(IMAGES / "contact-sheet.jpg") as sheet:
        sheet.convert("RGB").crop((0, 0, 2000, 1500)).save(large)
    print(f"From the click to the result on the page, median of {ROUNDS}, preset web")
    for path, upload in ((IMAGES / "astronaut.jpg", "in the body"), (large, "by a presigned form")):
        times = [measure_result(browser, url, path) for _ in range(ROUNDS + 1)][1:]
        name = f"{path.stat().st_size / 1e6:.1f} MB {upload}"
        print(f"  {name:<24}{statistics.median(times):7.0f} ms")


def measure_result(browser: Browser, url: str, path: Path) -> float:
    """Return the milliseconds until the result is displayed."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        page.locator("html[data-ready]").wait_for(state="attached")
        page.set_input_files("#file-picker", path)
        started = time.perf_counter()
        page.locator("#go").click()
        page.locator(".pane-after img[style]").wait_for()
        return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
