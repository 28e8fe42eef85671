"""Measure the web page: sizes, loading, results, and sessions with many images.

``python benchmarks/web.py [PART...]`` needs Chromium and starts an embedded engine. Without parts, it prints all of
them, each figure with its target, if it has one. The browser, the engine and the functions share the CPU cores of the
machine, so times depend on the machine. Numbers of requests, sizes and memory do not.
"""

import argparse
import gzip
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
from chromium import chromium, open_window
from lighthouse import METRICS, run_lighthouse
from PIL import Image
from playwright.sync_api import Browser, Page, ViewportSize

from infra import local_stack
from infra.stack import Stack

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "safelight" / "demo_images"
ROUNDS = 5
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
READY = "performance.now()"
TRANSFERRED_BYTES = "performance.getEntries().reduce((sum, each) => sum + (each.transferSize || 0), 0)"
#: Records layout shifts, and the time from each input to the next paint.
OBSERVE = """
window.shift = 0;
window.delays = [];
const observe = (type, add) => {
  const observer = new PerformanceObserver((list) => list.getEntries().forEach(add));
  observer.observe({type, buffered: true, durationThreshold: 16});
};
observe('layout-shift', (each) => { if (!each.hadRecentInput) shift += each.value; });
observe('event', (each) => { if (each.name === 'click') delays.push(each.duration); });
"""
MANY = 300
MAX_PAINT_MILLISECONDS = 200
MAX_SHIFT = 0.05
LIGHTHOUSE_ROUNDS = 3
MIN_PERFORMANCE = 95
VIEWPORT: ViewportSize = {"width": 1360, "height": 900}
PHOTOS = 80
PHOTO_SIZE = (4000, 3000)
MAX_MEGABYTES = 150
FOLDER_IMAGES = 60
MAX_REQUESTS = 120
#: tests/structure/test_web.py has the same limit.
MAX_START_KILOBYTES = 100
SETTLE_SECONDS = 5


def main() -> None:
    """Measure the parts that the command line names."""
    parts: dict[str, Callable[[Browser, Stack, Path], None]] = {
        "sizes": print_sizes,
        "loads": print_loads,
        "lighthouse": print_lighthouse,
        "results": print_results,
        "requests": print_requests,
        "paint": print_paint,
        "memory": print_memory,
    }
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(parts))
    names = parser.parse_args().parts or list(parts)
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        stack = local_stack.up(Path(folder) / "engine")
        try:
            for name in names:
                parts[name](browser, stack, Path(folder))
        finally:
            local_stack.down(Path(folder) / "engine", wipe=True)


def print_sizes(*_: object) -> None:
    """Print the size of the page's files, compressed with gzip."""
    start = (ROOT / "web" / "index.html").read_text("utf-8")
    loaded = [ROOT / "web" / name for name in re.findall(r'(?:href|src)="(app/[^"]+\.(?:css|js))"', start)]
    print("Files of the page, each compressed with gzip")
    print_target("start page", measure_gzip([ROOT / "web" / "index.html", *loaded]) / 1000, MAX_START_KILOBYTES, "KB")
    for kind in ("html", "css", "js"):
        paths = sorted((ROOT / "web").rglob(f"*.{kind}"))
        print(f"  {f'all {len(paths)} {kind} files':<24}{measure_gzip(paths) / 1000:7.0f} KB")


def measure_gzip(paths: Iterable[Path]) -> int:
    """Return the bytes of files, each compressed with gzip."""
    return sum(len(gzip.compress(path.read_bytes())) for path in paths)


def print_loads(browser: Browser, stack: Stack, __: Path) -> None:
    """Print the time and size of a page load."""
    first_paints, ready_times, sizes, shifts = [], [], [], []
    for _ in range(ROUNDS):
        with browser.new_context() as context:
            page = context.new_page()
            page.add_init_script(OBSERVE)
            open_page(page, stack)
            ready_times.append(float(page.evaluate(READY)))
            first_paints.append(float(page.evaluate(FIRST_PAINT)))
            sizes.append(int(page.evaluate(TRANSFERRED_BYTES)))
            shifts.append(float(page.evaluate("shift")))
    print(f"Loading the page with an empty cache, median of {ROUNDS}")
    print(f"  first contentful paint  {statistics.median(first_paints):7.0f} ms")
    print(f"  ready to use            {statistics.median(ready_times):7.0f} ms")
    print(f"  transferred             {statistics.median(sizes) / 1000:7.0f} KB")
    print_target("layout shift", max(shifts), MAX_SHIFT, "")


def print_lighthouse(_: Browser, stack: Stack, __: Path) -> None:
    """Print Lighthouse's scores and measurements of the start page on a slow phone."""
    audit = run_lighthouse(stack.ui_url, LIGHTHOUSE_ROUNDS)
    print(f"Lighthouse, mobile, median of {LIGHTHOUSE_ROUNDS}")
    for name, score in audit.scores.items():
        target = MIN_PERFORMANCE if name == "performance" else 100
        print(f"  {name:<24}{score:7.0f}     target: at least {target}{'' if score >= target else ', MISSED'}")
    for name, label in METRICS.items():
        value = audit.metrics[name]
        if name == "cumulative-layout-shift":
            print_target(label, value, MAX_SHIFT, "")
        else:
            print(f"  {label:<24}{value:7.0f} ms")
    for name, title in audit.failed.items():
        print(f"  below 100: {name} ({title})")


def print_results(browser: Browser, stack: Stack, folder: Path) -> None:
    """Print the time from the click to the displayed result. The first round, with cold functions, is not counted."""
    large = folder / "large.bmp"
    with Image.open(IMAGES / "contact-sheet.jpg") as sheet:
        sheet.convert("RGB").crop((0, 0, 2000, 1500)).save(large)
    print(f"From the click to the result on the page, median of {ROUNDS}, preset web")
    for path, upload in ((IMAGES / "astronaut.jpg", "in the body"), (large, "by a presigned form")):
        times = [measure_result(browser, stack, path) for _ in range(ROUNDS + 1)][1:]
        name = f"{path.stat().st_size / 1e6:.1f} MB {upload}"
        print(f"  {name:<24}{statistics.median(times):7.0f} ms")


def measure_result(browser: Browser, stack: Stack, path: Path) -> float:
    """Return the milliseconds until the result is displayed."""
    with browser.new_context() as context:
        page = context.new_page()
        open_page(page, stack)
        page.set_input_files("#file-picker", path)
        started = time.perf_counter()
        page.locator("#go").click()
        page.locator(".pane-after img[style]").wait_for()
        return (time.perf_counter() - started) * 1000


def print_requests(browser: Browser, stack: Stack, folder: Path) -> None:
    """Print the number of requests from the click until all images are processed, without preflight requests."""
    paths = create_images(folder / "requests", FOLDER_IMAGES, (64, 48))
    print(f"Requests for {FOLDER_IMAGES} images")
    for is_batch in (True, False):
        with browser.new_context() as context:
            page = context.new_page()
            open_page(page, stack)
            page.set_input_files("#file-picker", paths)
            page.locator("#together").set_checked(is_batch)
            count = count_requests(page)
            print_target("as one batch" if is_batch else "one by one", count, MAX_REQUESTS, "")


def count_requests(page: Page) -> int:
    """Process the images that the page has. Return the number of requests until all are processed."""
    urls: list[str] = []
    page.on("request", lambda request: urls.append(request.url))
    page.locator("#go").click()
    wait_for_end(page, FOLDER_IMAGES)
    return len(urls)


def print_paint(browser: Browser, stack: Stack, folder: Path) -> None:
    """Print how long the page takes to show that many images are being sent, and the layout shifts meanwhile."""
    paths = create_images(folder / "paint", MANY, (64, 48))
    with browser.new_context(viewport=VIEWPORT) as context:
        page = context.new_page()
        page.add_init_script(OBSERVE)
        open_page(page, stack)
        page.set_input_files("#file-picker", paths)
        page.locator("tbody tr").nth(0).wait_for()
        page.wait_for_timeout(SETTLE_SECONDS * 1000)
        page.evaluate("() => { delays.length = 0; shift = 0; }")
        page.locator("#go").click()
        while not page.evaluate("delays.length"):  # the policy of the page forbids wait_for_function
            page.wait_for_timeout(100)
        delay = float(page.evaluate("Math.max(...delays)"))
        wait_for_end(page, MANY)
        print(f"Session with {MANY} images")
        print_target("click to next paint", delay, MAX_PAINT_MILLISECONDS, "ms")
        print_target("layout shift", float(page.evaluate("shift")), MAX_SHIFT, "")


def print_memory(browser: Browser, stack: Stack, folder: Path) -> None:
    """Print the memory that large photographs add to all processes of the browser, at most and in the end."""
    photos = create_images(folder / "photos", PHOTOS, PHOTO_SIZE)
    [small] = create_images(folder / "small", 1, (64, 48))
    print(f"Memory that {PHOTOS} images of 12 megapixels add to the browser")
    with open_window(browser, folder / "profile", VIEWPORT) as context:
        most, last = sample_memory(context.new_page(), stack, small, photos)
        print(f"  at most                 {most:7.0f} MB")
        print_target("then", last, MAX_MEGABYTES, "MB")
    with browser.new_context(viewport=VIEWPORT) as context:
        # A private window keeps the files that a reload restores in memory instead of on disk.
        _, last = sample_memory(context.new_page(), stack, small, photos)
        size = sum(path.stat().st_size for path in photos) / 1e6
        print(f"  in a private window     {last:7.0f} MB, of which {size:.0f} MB are the files")


def sample_memory(page: Page, stack: Stack, small: Path, photos: list[Path]) -> tuple[float, float]:
    """Add photographs and show their thumbnails. Return the megabytes that they add, at most and in the end."""
    open_page(page, stack)
    # The first image loads the decoders and the canvas.
    page.set_input_files("#file-picker", small)
    page.wait_for_timeout(SETTLE_SECONDS * 1000)
    before = measure_memory()
    page.set_input_files("#file-picker", photos)
    page.mouse.move(VIEWPORT["width"] / 3, VIEWPORT["height"] / 2)
    samples = []
    for _ in range(4 * SETTLE_SECONDS):
        page.mouse.wheel(0, 600)  # so that thumbnails are drawn
        page.wait_for_timeout(500)
        samples.append((measure_memory() - before) / 1e6)
    return max(samples), samples[-1]


def measure_memory() -> int:
    """Return the bytes that only the browser's processes use."""
    total = 0
    for process in psutil.Process().children(recursive=True):
        try:
            if "chrom" in process.name():
                total += process.memory_full_info().uss
        except psutil.NoSuchProcess:
            continue
    return total


def print_target(name: str, value: float, target: float, unit: str) -> None:
    """Print a figure with its target: the first value that is too large."""
    text = f"{value:7.0f}" if target >= 1 else f"{value:7.3f}"
    print(f"  {name:<24}{text} {unit:<3} target: less than {target} {unit}{'' if value < target else ', MISSED'}")


def open_page(page: Page, stack: Stack) -> None:
    """Open the page and wait until it is ready."""
    page.goto(stack.ui_url)
    page.locator("html[data-ready]").wait_for(state="attached")


def wait_for_end(page: Page, count: int) -> None:
    """Wait until all images are processed."""
    page.locator(".summary-count", has_text=f"{count} of {count} processed").wait_for(timeout=600_000)


def create_images(folder: Path, count: int, size: tuple[int, int]) -> list[Path]:
    """Create different photographs of one size."""
    folder.mkdir()
    with Image.open(IMAGES / "contact-sheet.jpg") as sheet:
        photo = sheet.convert("RGB").resize(size)
    photo.save(folder / "0.jpg", quality=85)
    data = (folder / "0.jpg").read_bytes()
    for number in range(1, count):
        (folder / f"{number}.jpg").write_bytes(data + str(number).encode())  # decoders ignore what follows the image
    return [folder / f"{number}.jpg" for number in range(count)]


if __name__ == "__main__":
    main()
