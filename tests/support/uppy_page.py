"""A page on another origin that runs the JavaScript of docs/upload-from-a-web-page.md, with Uppy's own bundles."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Request, Response, Route

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "upload-from-a-web-page.md"
BUNDLE = "node_modules/uppy.js"
#: Names that the imports of the guide bind, from the global of the bundle.
BINDINGS = "const {Uppy, AwsS3, GoldenRetriever, XHRUpload} = globalThis.Bundle ?? {};"
#: Lists the rows of all databases of the page.
LIST_ROWS = """async () => {
  const found = [];
  for (const {name} of await indexedDB.databases()) {
    const database = await new Promise((resolve, reject) => {
      const request = indexedDB.open(name);
      request.onsuccess = () => resolve(request.result);
      request.onerror = reject;
    });
    for (const store of database.objectStoreNames) {
      const rows = await new Promise((resolve, reject) => {
        const request = database.transaction(store).objectStore(store).getAll();
        request.onsuccess = () => resolve(request.result);
        request.onerror = reject;
      });
      found.push(...rows);
    }
    database.close();
  }
  return found;
}"""
#: Returns True if the browser has stored a text in localStorage or IndexedDB.
IS_STORED = f"""async (text) => Object.values(localStorage).some((each) => each.includes(text))
  || (await ({LIST_ROWS})()).some((each) => JSON.stringify(each).includes(text))"""
#: Returns True if IndexedDB has a file of so many bytes.
IS_FILE_STORED = f"""async (size) => (await ({LIST_ROWS})())
  .some((each) => Object.values(each).some((value) => value instanceof Blob && value.size === size))"""


def read_script(*headings: str) -> str:
    """Return the JavaScript of sections of the guide, without imports. The first section is always included."""
    sections = re.split(r"^## ", GUIDE.read_text("utf-8"), flags=re.MULTILINE)
    wanted = ("Before you start", *headings)
    found = {each.partition("\n")[0]: each for each in sections}
    blocks = [
        block
        for heading in wanted
        for block in re.findall(r"^```js\n(.*?)^```", found[heading], flags=re.MULTILINE | re.DOTALL)
    ]
    return re.sub(r"^import .*\n", "", "\n".join(blocks), flags=re.MULTILINE)


@contextmanager
def serve(
    port: int, api_url: str, data: bytes, *headings: str, uppy: str | None = None, token: str | None = None
) -> Iterator[str]:
    """Serve a page with the script of ``headings``, and a file to upload. Yield its URL.

    ``uppy`` is the version whose bundle the page loads. With ``token``, the page uses this upload token, and does not
    choose a preset, as the guide says.
    """
    script = re.sub(
        r"^const API = .*$", f"const API = {json.dumps(api_url)};", read_script(*headings), flags=re.MULTILINE
    )
    if token is not None:
        header = json.dumps({"Authorization": f"Bearer {token}"})
        line = f"const AUTHORIZATION = {header};"
        script, found = re.subn(r"^const AUTHORIZATION = .*$", line, script, flags=re.MULTILINE)
        script, presets = re.subn(r'^.*preset(: |", )"web".*\n', "", script, flags=re.MULTILINE)
        assert (found, presets) == (1, 2), "the guide has changed"
    body = f"<!doctype html><title>Upload</title><script src='/uppy.js'></script><script>{BINDINGS}\n{script}</script>"
    bundle = (ROOT / "tests" / "uppy" / uppy / BUNDLE).read_bytes() if uppy else b""
    files = {
        "/": ("text/html; charset=utf-8", body.encode()),
        "/uppy.js": ("text/javascript", bundle),
        "/file": ("image/jpeg", data),
        "/favicon.ico": ("image/x-icon", b""),
    }

    class Handler(BaseHTTPRequestHandler):
        """Serves the files."""

        def do_GET(self) -> None:
            """Serve one file."""
            media_type, content = files.get(urlsplit(self.path).path, ("", b""))
            self.send_response(HTTPStatus.OK if media_type else HTTPStatus.NOT_FOUND)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Suppress the log."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.shutdown()


@dataclass
class SentParts:
    """Counts the parts that the browser has sent to S3, and holds one of them back."""

    #: Numbers of the parts that the browser began to send, in order.
    started: list[int] = field(default_factory=list)
    #: Numbers of the parts whose request S3 has answered, in order.
    answered: list[int] = field(default_factory=list)
    #: Number of the part that is held, until the page is left.
    held: int | None = None
    is_held: Event = field(default_factory=Event)

    def watch(self, page: Page) -> None:
        """Watch the requests of a page."""
        page.route(re.compile(r"partNumber="), self._handle)
        page.on("response", self._count)

    def _handle(self, route: Route) -> None:
        if route.request.method == "PUT":
            self.started.append(_number(route.request))
        if route.request.method == "PUT" and _number(route.request) == self.held:
            self.is_held.set()  # never answered: the reload of the page ends it
        else:
            route.continue_()

    def _count(self, response: Response) -> None:
        if response.request.method == "PUT" and response.ok and _number(response.request):
            self.answered.append(_number(response.request))


def _number(request: Request) -> int:
    return int(parse_qs(urlsplit(request.url).query).get("partNumber", ["0"])[0])
