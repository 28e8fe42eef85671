"""Prints that the memory of ``safelight ingest`` does not grow with the number of files.

``python benchmarks/ingest_memory.py 1000 10000``: the real command, in a process of its own, over real HTTP on
loopback, against the double of the API that the tests use, which makes no pixels; so what is measured is the client
alone, at a rate that an engine on the same machine would not let it reach.
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
    """Measure with as many files as each argument says."""
    numbers = [int(each) for each in sys.argv[1:]] or [1000, 10_000]
    for number in numbers:
        with tempfile.TemporaryDirectory(prefix="safelight-ingest-") as name:
            folder = Path(name)
            make_files(folder / "photos", number)
            ours, theirs = multiprocessing.Pipe()
            server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
            server.start()
            url = f"http://127.0.0.1:{ours.recv()}/v1"
            arguments = ["ingest", str(folder / "photos"), "--out", str(folder / "out"), "--api-url", url]
            used = measure(
                [sys.executable, "-m", "safelight", *arguments, "--checkpoint", str(folder / "checkpoint.sqlite")]
            )
            server.terminate()
            results = sum(1 for _ in (folder / "out").iterdir())
        print(
            f"{number:,} files, {results:,} results: peak {used.peak / 1024 / 1024:.1f} MiB,"
            f" {1000 * used.cpu / number:.2f} ms of processor and {1000 * used.wall / number:.2f} ms a file",
            flush=True,
        )


def make_files(folder: Path, number: int) -> None:
    """Make files that differ, all in one folder."""
    folder.mkdir()
    for index in range(number):
        (folder / f"{index:07}.png").write_bytes(PNG + f"raw {index} ".encode() + bytes(FILE_BYTES))


def serve(port: "multiprocessing.connection.Connection") -> None:
    """Serve the double until the process ends; tell the port."""
    api = BulkApi()

    class Handler(BaseHTTPRequestHandler):
        """Turns requests of the socket into those of the double."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answer."""
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            request = httpx.Request(self.command, f"http://x{self.path}", headers=dict(self.headers), content=body)
            answer = api(request)
            self.send_response_only(answer.status_code)
            self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_POST = do_GET  # noqa: N815 - http.server's name

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.store_url = f"http://127.0.0.1:{server.server_port}"
    port.send(server.server_port)
    server.serve_forever()


if __name__ == "__main__":
    main()
