"""A person in front of the page: what they do, and what a browser complained of meanwhile."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Locator, Page, expect
from support.running_stack import Site

PICTURES = Path(__file__).parents[2] / "safelight" / "demo_images"
HOSTILE_NAME = "<img src=x onerror=alert(1)>.png"
PATIENCE_MILLISECONDS = 60_000
REFUSED_LOAD = re.compile(r"Failed to load resource: (the server responded with a status of (\d+)|net::)")
LOUD = "document.addEventListener('securitypolicyviolation', e => console.error('policy: ' + e.violatedDirective))"
DROP = """(files) => {
  const carried = new DataTransfer();
  for (const {name, type, data} of files) {
    const bytes = Uint8Array.from(atob(data), (each) => each.charCodeAt(0));
    carried.items.add(new File([bytes], name, {type}));
  }
  return carried;
}"""


@dataclass
class Visit:
    """One tab, with what the browser said in it."""

    page: Page
    context: BrowserContext
    url: str
    said: list[str] = field(default_factory=list)
    #: Statuses that the test provokes (``net`` for no network): a browser logs each as an error.
    refusals_expected: set[str] = field(default_factory=set)

    def hear(self, message: ConsoleMessage) -> None:
        """Keep what is an error or a warning."""
        if message.type in {"error", "warning"}:
            self.said.append(message.text)

    def refuse(self, dialog: Dialog) -> None:
        """Dismiss a dialog that the page itself never opens."""
        self.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def complaints(self) -> list[str]:
        """Return what was said and not provoked."""
        return [each for each in self.said if not self._is_expected(each)]

    def _is_expected(self, text: str) -> bool:
        found = REFUSED_LOAD.search(text)
        return found is not None and (found[2] or "net") in self.refusals_expected

    def open(self, place: str = "") -> None:
        """Go to a place of the page and wait until it is drawn."""
        self.page.goto(f"{self.url}{place}")
        self.page.locator("html[data-ready]").wait_for(state="attached")

    def drop(self, files: Mapping[str, bytes]) -> None:
        """Drop files onto the page."""
        carried = [
            {"name": name, "type": media_type(name), "data": base64.b64encode(data).decode()}
            for name, data in files.items()
        ]
        transfer = self.page.evaluate_handle(DROP, carried)
        self.page.dispatch_event("body", "drop", {"dataTransfer": transfer})

    def print_of(self, name: str) -> Locator:
        """Return the image of that name in the tray or in a list."""
        return self.page.locator(".print").filter(has=self.page.locator(".name", has_text=name))

    def expect_state(self, name: str, state: str) -> None:
        """Wait until an image is in a state."""
        shown = self.print_of(name).locator(".status")
        expect(shown).to_have_text(state, timeout=PATIENCE_MILLISECONDS)

    def develop(self) -> None:
        """Send off what lies in the tray."""
        self.page.locator("#go").click()

    def tab_to(self, name: str, *, back: bool = False) -> None:
        """Press Tab until a control has the focus, as somebody does who has no mouse."""
        for _ in range(80):
            self.page.keyboard.press("Shift+Tab" if back else "Tab")
            active = self.page.evaluate("(document.activeElement.ariaLabel || document.activeElement.innerText || '')")
            if str(active).strip() == name:
                return
        raise AssertionError(f"Tab never came to {name!r}")

    def job_id(self, name: str) -> str:
        """Return the ID of a developed image's job."""
        link = self.print_of(name).get_by_role("link", name="Compare").first
        return str(link.get_attribute("href")).rsplit("/", 1)[-1]


@dataclass
class Desk:
    """Opens visits to the page of a site."""

    browser: Browser
    site: Site
    visits: list[Visit] = field(default_factory=list)

    def visit(self, url: str | None = None, **context: Any) -> Visit:
        """Open a tab of its own, without storage; nothing is loaded yet."""
        settings = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **context}
        made = self.browser.new_context(**settings)
        page = made.new_page()
        page.set_default_timeout(PATIENCE_MILLISECONDS)
        visit = Visit(page, made, url or self.site.stack.ui_url)
        page.add_init_script(LOUD)
        page.on("console", visit.hear)
        page.on("pageerror", lambda error: visit.said.append(str(error)))
        page.on("dialog", visit.refuse)
        self.visits.append(visit)
        return visit

    def close(self) -> None:
        """Close all tabs."""
        for visit in self.visits:
            visit.context.close()


def picture(name: str) -> bytes:
    """Read one of the bundled images."""
    return (PICTURES / name).read_bytes()


def large_picture(folder: Path) -> bytes:
    """Make a real photograph of over eight megabytes: more than the body of a request may hold."""
    path = folder / "large.bmp"
    with Image.open(PICTURES / "contact-sheet.jpg") as sheet:
        sheet.convert("RGB").crop((0, 0, 2000, 1500)).save(path)
    return path.read_bytes()


def media_type(name: str) -> str:
    """Return what a browser makes of a name."""
    endings = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "bmp": "image/bmp", "gif": "image/gif"}
    return endings.get(name.rsplit(".", 1)[-1], "")
