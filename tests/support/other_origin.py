"""A web server for the page on another origin than the API's, as on AWS."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from support.running_stack import Site

from infra.deployment import page


@contextmanager
def serve_page(
    site: Site, port: int, auth: str = "none", extra_outputs: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Serve the page on a local port, configured for a site's API. Yield its URL."""
    outputs = {
        "ApiUrl": site.stack.api_url,
        "ImageBucketUrl": f"{site.stack.endpoint_url}/{site.stack.bucket}",
        **(extra_outputs or {}),
    }
    files = page.build_files(outputs, auth)

    class Handler(BaseHTTPRequestHandler):
        """Serves the page's files."""

        def do_GET(self) -> None:
            """Serve one file."""
            found = files.get(self.path.partition("?")[0].lstrip("/"))
            self.send_response(HTTPStatus.OK if found else HTTPStatus.NOT_FOUND)
            if found:
                self.send_header("Content-Type", found.media_type)
                self.send_header("Cache-Control", found.cache)
            self.end_headers()
            self.wfile.write(found.data if found else b"")

        def log_message(self, *_: object) -> None:
            """Suppress the log."""

    with ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{port}/index.html"
        finally:
            server.shutdown()
