"""Serves the page from another origin than the API's, as from its own bucket on AWS."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from support.running_stack import Site

from infra import page


@contextmanager
def served(site: Site, port: int, auth: str = "none", more: Mapping[str, str] | None = None) -> Iterator[str]:
    """Serve the page for a site's API on a port of this machine; yield its address."""
    outputs = {
        "ApiUrl": site.stack.api_url,
        "ImageBucketUrl": f"{site.stack.endpoint_url}/{site.stack.bucket}",
        **(more or {}),
    }
    files = page.files(outputs, auth)

    class Handler(BaseHTTPRequestHandler):
        """Answers with the page's files."""

        def do_GET(self) -> None:
            """Answer one request."""
            found = files.get(self.path.partition("?")[0].lstrip("/"))
            self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
            if found:
                self.send_header("Content-Type", found.media_type)
                self.send_header("Cache-Control", found.cache)
            self.end_headers()
            self.wfile.write(found.data if found else b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{port}/index.html"
        finally:
            server.shutdown()
