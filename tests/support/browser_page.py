"""Visits to the web page: user actions, and the errors that the browser logged."""

import base64
import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Locator, Page, Route, expect
from support.running_stack import BUSY, Site

IMAGES = Path(__file__).parents[2] / "safelight" / "demo_images"
HOSTILE_NAME = "<img src=x onerror=alert(1)>.png"
#: Longer than the time after which SQS delivers a message again whose worker has ended: six minutes and a half.
TIMEOUT_MILLISECONDS = 600_000
REFUSED_LOAD = re.compile(r"Failed to load resource: (the server responded with a status of (\d+)|net::)")
REPORT_VIOLATIONS = (
    "document.addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.violatedDirective))"
)
#: Headless browsers have no window in which a file can be chosen, so the page downloads instead.
WITHOUT_FILE_PICKER = "delete window.showSaveFilePicker"
DROP = """(files) => {
  const transfer = new DataTransfer();
  for (const {name, type, data} of files) {
    const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
    transfer.items.add(new File([bytes], name, {type}));
  }
  return transfer;
}"""
#: Dispatches a drop of a folder, where the browser's protocol has none. The entries are like those of the browser.
DROP_FOLDER = """(files) => {
  const createFolder = (name) => ({name, isFile: false, isDirectory: true, children: new Map(), createReader() {
    const parts = [[...this.children.values()], []];
    return {readEntries: (resolve) => resolve(parts.shift())};
  }});
  const root = createFolder('');
  for (const {path, data} of files) {
    const names = path.split('/');
    const name = names.pop();
    let folder = root;
    for (const each of names) {
      if (!folder.children.has(each)) folder.children.set(each, createFolder(each));
      folder = folder.children.get(each);
    }
    const file = new File([Uint8Array.from(atob(data), (each) => each.charCodeAt(0))], name, {lastModified: 1});
    folder.children.set(name, {name, isFile: true, isDirectory: false, file: (resolve) => resolve(file)});
  }
  const items = [...root.children.values()].map((each) => ({webkitGetAsEntry: () => each}));
  const drop = new Event('drop', {bubbles: true, cancelable: true});
  document.body.dispatchEvent(Object.assign(drop, {dataTransfer: {types: ['Files'], files: [], items}}));
}"""
#: Waits until the browser has drawn what was changed before.
DRAW = "() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve())))"
#: Reads how both sides of the comparison are zoomed and moved.
READ_TRANSFORMS = "() => [...document.querySelectorAll('.pane img')].map((each) => each.style.transform)"
#: Lets so many files be sent to S3, until the page is loaded again.
HOLD_UPLOADS = """(count) => {
  const {send} = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.send = function (body) {
    if (!(body instanceof FormData) || count-- > 0) send.call(this, body);
  };
}"""


#: Runs a test in Chromium, and with ``--thorough`` in Firefox too.
in_both_browsers = pytest.mark.parametrize(
    "browser", ["chromium", pytest.param("firefox", marks=pytest.mark.thorough)], indirect=True
)


@dataclass
class HeldRequests:
    """Requests of the page that are sent only when they are released."""

    page: Page
    routes: list[Route] = field(default_factory=list)
    is_released: bool = False

    def wait(self) -> None:
        """Wait until the page sends a request."""
        while not self.routes:
            self.page.wait_for_timeout(20)  # Playwright calls `handle` meanwhile

    def release(self) -> None:
        """Let all requests be sent, also later ones: a busy engine can let the page send a request again."""
        self.is_released = True
        for route in self.routes:
            route.continue_()

    def handle(self, route: Route) -> None:
        """Hold a request, or let it be sent."""
        if self.is_released:
            route.continue_()
        else:
            self.routes.append(route)


@dataclass
class Visit:
    """One browser tab, with its logged messages."""

    page: Page
    context: BrowserContext
    url: str
    #: Folder in which Firefox saves downloads.
    downloads: Path
    messages: list[str] = field(default_factory=list)
    #: Statuses that the test provokes (``net`` for no network). The browser logs each as an error.
    expected_failures: set[str] = field(default_factory=set)
    #: Texts in other messages that the test provokes.
    expected_texts: set[str] = field(default_factory=set)

    #: True to leave the page although it asks for confirmation. Otherwise, a question is an error.
    confirms_leaving: bool = False

    def record_message(self, message: ConsoleMessage) -> None:
        """Record an error or a warning."""
        if message.type in {"error", "warning"}:
            self.messages.append(message.text)

    def dismiss_dialog(self, dialog: Dialog) -> None:
        """Record and dismiss a browser dialog. The page opens none, apart from the question before leaving it."""
        if dialog.type == "beforeunload" and self.confirms_leaving:
            dialog.accept()
            return
        self.messages.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def list_errors(self) -> list[str]:
        """Return the messages that the test did not provoke."""
        return [each for each in self.messages if not self._is_expected(each)]

    def _is_expected(self, text: str) -> bool:
        found = REFUSED_LOAD.search(text)
        # The page sends a request again that a busy engine refuses.
        if found is not None and ((found[2] or "net") in self.expected_failures or int(found[2] or 0) in BUSY):
            return True
        return any(each in text for each in self.expected_texts)

    def open(self, fragment: str = "") -> None:
        """Open an address of the page and wait until it is ready."""
        self.page.goto(f"{self.url}{fragment}")
        self.page.locator("html[data-ready]").wait_for(state="attached")

    def follow(self, link: str, heading: str) -> None:
        """Follow a link to another page, and wait for the heading of this page.

        Without the heading, the page before could meet the next expectation of the test.
        """
        self.page.get_by_role("link", name=link, exact=True).click()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)

    def go_to(self, address: str, heading: str) -> None:
        """Go to another page as ``follow`` does, by its address."""
        self.page.evaluate("(address) => { location.hash = address; }", address)
        expect(self.page.get_by_role("heading", level=1)).to_have_text(heading)

    def drop(self, files: Mapping[str, bytes]) -> None:
        """Drop files onto the page."""
        payload = [
            {"name": name, "type": guess_media_type(name), "data": base64.b64encode(data).decode()}
            for name, data in files.items()
        ]
        transfer = self.page.evaluate_handle(DROP, payload)
        self.page.dispatch_event("body", "drop", {"dataTransfer": transfer})

    def is_chromium(self) -> bool:
        """Return True if the browser is Chromium."""
        return self.context.browser is not None and self.context.browser.browser_type.name == "chromium"

    def drop_folder(self, folder: Path) -> None:
        """Drop a folder with its subfolders onto the page. In Chromium, the browser does it as for a user."""
        if self.is_chromium():
            session = self.context.new_cdp_session(self.page)
            data = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
            for kind in ("dragEnter", "dragOver", "drop"):
                session.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})
            return
        files = [
            {"path": path.relative_to(folder.parent).as_posix(), "data": base64.b64encode(path.read_bytes()).decode()}
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ]
        self.page.evaluate(DROP_FOLDER, files)

    def find_card(self, name: str) -> Locator:
        """Return what shows an image by its file name: a frame of the film strip, a row or a tile."""
        return self.page.locator(f"[data-name={json.dumps(name, ensure_ascii=False)}]")

    def expect_status(self, name: str, status: str) -> None:
        """Wait until an image has a status."""
        expect(self.find_card(name)).to_have_attribute("data-status", status, timeout=TIMEOUT_MILLISECONDS)

    def select(self, name: str) -> Locator:
        """Select an image in the film strip. Return the part of the page that shows it."""
        self.find_card(name).get_by_role("button").click()
        viewer = self.page.get_by_role("region", name="Selected image")
        expect(viewer.get_by_role("heading", name=name)).to_be_visible()
        return viewer

    def save(self, button: Locator) -> tuple[str, bytes]:
        """Click a button that saves what the page has created. Return the name of the file and its bytes.

        Playwright reports such a download only in Chromium. Firefox saves it in a folder.
        """
        if self.is_chromium():
            with self.page.expect_download() as waiting:
                button.click()
            return waiting.value.suggested_filename, waiting.value.path().read_bytes()
        for each in self.downloads.iterdir():
            each.unlink()
        button.click()
        while not (saved := _list_complete(self.downloads)):
            self.page.wait_for_timeout(100)
        return saved[0].name, saved[0].read_bytes()

    def open_from_list(self, name: str) -> Locator:
        """Show an image of the list in the large view. The list draws only visible rows, so scroll to it first."""
        self.page.get_by_role("button", name="List", exact=True).click()
        rows, row = self.page.locator("tbody tr[data-name]"), self.find_card(name)
        expect(rows.first).to_be_visible()
        rows.first.scroll_into_view_if_needed()
        for _ in range(1000):
            if row.count():
                break
            rows.last.scroll_into_view_if_needed()
            self.page.wait_for_timeout(50)
        row.get_by_role("button").click()
        viewer = self.page.get_by_role("region", name="Selected image")
        expect(viewer.get_by_role("heading", name=name)).to_be_visible()
        return viewer

    def delete_and_keep_note(self, name: str) -> None:
        """Delete an image. Its note stays, because the pointer is on it. Needs ``control_clock``."""
        button = self.page.get_by_role("button", name=f"Delete {name}")
        with self.stop_timers(button):
            button.click()
            self.page.get_by_role("button", name="Undo", exact=True).hover()

    @contextmanager
    def stop_timers(self, control: Locator) -> Iterator[None]:
        """Let no timer of the page end meanwhile: what is shown for some seconds stays. Needs ``control_clock``.

        A new page cannot load its data meanwhile, so wait before until it shows a control.
        """
        expect(control).to_be_visible()
        self.page.clock.pause_at(self.page.evaluate("Date.now()") / 1000 + 600)
        yield
        self.page.clock.resume()

    def control_clock(self) -> None:
        """Let ``stop_timers`` stop the page's clock. Call it before ``open``."""
        self.page.clock.install()

    def wait_until_drawn(self) -> None:
        """Wait until the browser has drawn what was changed before."""
        self.page.evaluate(DRAW)

    def hold_requests(self, pattern: str) -> HeldRequests:
        """Hold the requests whose URL matches a pattern."""
        held = HeldRequests(self.page)
        self.page.route(pattern, held.handle)
        return held

    def process(self) -> None:
        """Start processing the images."""
        self.page.locator("#go").click()

    def use_default_recipe(self) -> None:
        """Choose the preset that is the default of the API."""
        self.page.get_by_label("Other presets").select_option("default")

    def tab_to(self, name: str, *, back: bool = False) -> None:
        """Press Tab until a control has the focus, which the page may not show yet."""
        end = time.monotonic() + TIMEOUT_MILLISECONDS / 1000
        while time.monotonic() < end:
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            active = self.page.evaluate("(document.activeElement.ariaLabel || document.activeElement.innerText || '')")
            if str(active).strip() == name:
                return
        raise AssertionError(f"Tab never reached {name!r}")

    def get_job_id(self, name: str) -> str:
        """Return the job ID of an image."""
        return str(self.find_card(name).get_attribute("data-id"))


@dataclass
class VisitFactory:
    """Creates visits to the page of a site."""

    browser: Browser
    site: Site
    downloads: Path
    visits: list[Visit] = field(default_factory=list)

    def create_visit(self, url: str | None = None, **context: Any) -> Visit:
        """Open a new tab without storage. It loads nothing yet."""
        settings = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **context}
        browser_context = self.browser.new_context(**settings)
        browser_context.set_default_timeout(TIMEOUT_MILLISECONDS)
        page = browser_context.new_page()
        visit = Visit(page, browser_context, url or self.site.stack.ui_url, self.downloads)
        page.add_init_script(REPORT_VIOLATIONS)
        page.add_init_script(WITHOUT_FILE_PICKER)
        page.on("console", visit.record_message)
        page.on("pageerror", lambda error: visit.messages.append(str(error)))
        page.on("dialog", visit.dismiss_dialog)
        self.visits.append(visit)
        return visit

    def close(self) -> None:
        """Close all tabs."""
        for visit in self.visits:
            visit.context.close()


def _list_complete(folder: Path) -> list[Path]:
    """Return the files of a folder to which Firefox writes no more: their bytes come from files that end in `.part`."""
    files = list(folder.iterdir())
    is_writing = any(each.suffix == ".part" for each in files)
    return [] if is_writing else [each for each in files if each.stat().st_size]


def read_image(name: str) -> bytes:
    """Return the bytes of a demo image."""
    return (IMAGES / name).read_bytes()


def create_large_image(folder: Path) -> bytes:
    """Create a photo of over 8 MB, more than a request body can hold."""
    path = folder / "large.bmp"
    with Image.open(IMAGES / "contact-sheet.jpg") as sheet:
        sheet.convert("RGB").crop((0, 0, 2000, 1500)).save(path)
    return path.read_bytes()


def guess_media_type(name: str) -> str:
    """Return the media type that a browser derives from a file name."""
    media_types = {
        "jpg": "image/jpeg",
        "png": "image/png",
        "webp": "image/webp",
        "bmp": "image/bmp",
        "gif": "image/gif",
    }
    return media_types.get(name.rsplit(".", 1)[-1], "")
