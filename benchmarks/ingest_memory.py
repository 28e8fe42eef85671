"""Measure the peak memory of ``safelight ingest``, which does not grow with the number of files.

``python benchmarks/ingest_memory.py 1000 10000`` runs the real command in a separate process. The command sends HTTP
requests to the fake API of the tests, which renders no images and is faster than every local engine.
"""

import multiprocessing
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
from process_usage import ROOT, measure

sys.path.append(str(ROOT / "tests"))
from support.fake_bulk_api import BulkApi

PNG = b"\x89PNG\r\n\x1a\n"
FILE_BYTES = 2000


def main() -> None:
    """Measure once for each number of files in the arguments."""
    numbers = [int(each) for each in sys.argv[1:]] or [1000, 10_000]
    for number in numbers:
        with tempfile.TemporaryDirectory(prefix="safelight-ingest-") as name:
            folder = Path(name)
            make_files(folder / "photos", number)
            receiver, sender = multiprocessing.Pipe()
            server = multiprocessing.get_context("spawn").Process(target=serve, args=(sender,), daemon=True)
            server.start()
            url = f"http://127.0.0.1:{receiver.recv()}/v1"
            arguments = ["ingest", str(folder / "photos"), "--out", str(folder / "out"), "--api-url", url]
            usage = measure(
                [sys.executable, "-m", "safelight", *arguments, "--checkpoint", str(folder / "checkpoint.sqlite")]
            )
            server.terminate()
            results = sum(1 for _ in (folder / "out").iterdir())
        print(
            f"{number:,} files, {results:,} results: peak {usage.peak / 1024 / 1024:.1f} MiB,"
            f" {1000 * usage.cpu / number:.2f} ms of CPU time and {1000 * usage.wall / number:.2f} ms per file",
            flush=True,
        )


def make_files(folder: Path, number: int) -> None:
    """Write different files to one folder."""
    folder.mkdir()
    for index in range(number):
        (folder / f"{index:07}.png").write_bytes(PNG + f"raw {index} ".encode() + bytes(FILE_BYTES))


def serve(port: "multiprocessing.connection.Connection") -> None:
    """Send the port, then serve the fake API until the process ends."""
    api = BulkApi()

    class Handler(BaseHTTPRequestHandler):
        """Passes HTTP requests to the fake API."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Handle a request."""
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = httpx.Request(self.command, f"http://x{self.path}", headers=dict(self.headers), content=body)
            response = api(request)
            self.send_response_only(response.status_code)
            self.send_header("Content-Type", response.headers.get("Content-Type", "application/json"))
            self.send_header("Content-Length", str(len(response.content)))
            self.end_headers()
            self.wfile.write(response.content)

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_: object) -> None:
            """Do not log requests."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.store_url = f"http://127.0.0.1:{server.server_port}"
    port.send(server.server_port)
    server.serve_forever()


if __name__ == "__main__":
    main()
