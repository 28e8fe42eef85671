"""Prints how long the page takes: until something is seen, until it can be used, from an image to its result.

Run it as ``python benchmarks/web.py``; it needs Chromium and starts an engine of its own. Each load has an empty
cache. Absolute times belong to the machine, on which browser, engine and functions share the processors.
"""

import statistics
import tempfile
import time
from pathlib import Path

from chromium import chromium
from PIL import Image
from playwright.sync_api import Browser

from infra import local

PICTURES = Path(__file__).parents[1] / "safelight" / "demo_images"
ROUNDS = 5
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
READY = "performance.now()"
CARRIED = "performance.getEntries().reduce((sum, each) => sum + (each.transferSize || 0), 0)"


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        stack = local.up(Path(folder) / "engine")
        try:
            print_loads(browser, stack.ui_url)
            print_results(browser, stack.ui_url, Path(folder))
        finally:
            local.down(Path(folder) / "engine", wipe=True)


def print_loads(browser: Browser, url: str) -> None:
    """Print what a load costs."""
    paints, readies, sizes = [], [], []
    for _ in range(ROUNDS):
        with browser.new_context() as context:
            page = context.new_page()
            page.goto(url)
            page.locator("html[data-ready]").wait_for(state="attached")
            readies.append(float(page.evaluate(READY)))
            paints.append(float(page.evaluate(FIRST_PAINT)))
            sizes.append(int(page.evaluate(CARRIED)))
    print(f"Loading the page with an empty cache, median of {ROUNDS}")
    print(f"  first contentful paint  {statistics.median(paints):7.0f} ms")
    print(f"  ready to use            {statistics.median(readies):7.0f} ms")
    print(f"  carried                 {statistics.median(sizes) / 1000:7.0f} KB")


def print_results(browser: Browser, url: str, folder: Path) -> None:
    """Print the time from the click to the result on the page; the first round, with cold functions, is left out."""
    large = folder / "large.bmp"
    with Image.open(PICTURES / "contact-sheet.jpg") as sheet:
        sheet.convert("RGB").crop((0, 0, 2000, 1500)).save(large)
    print(f"From the click to the result on the page, median of {ROUNDS}, default recipe")
    for path, way in ((PICTURES / "astronaut.jpg", "in the body"), (large, "by a signed form")):
        times = [from_click_to_result(browser, url, path) for _ in range(ROUNDS + 1)][1:]
        name = f"{path.stat().st_size / 1e6:.1f} MB {way}"
        print(f"  {name:<24}{statistics.median(times):7.0f} ms")


def from_click_to_result(browser: Browser, url: str, path: Path) -> float:
    """Return milliseconds until the result is drawn."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(url)
        page.locator("html[data-ready]").wait_for(state="attached")
        page.set_input_files("#file-picker", path)
        started = time.perf_counter()
        page.locator("#go").click()
        page.locator(".print-result[data-shown]").wait_for()
        return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
