"""A webhook receiver: a real HTTP or HTTPS server on this machine with configured responses."""

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook


@dataclass(frozen=True, slots=True)
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Where it is, what it answers (the last answer for good), what it got."""

    url: str = ""
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=lambda: [(204, {})])
    got: list[Got] = field(default_factory=list)

    def answer(self, *statuses: int, **headers: str) -> None:
        """Answer so from now on, one status after the other."""
        self.answers = [(status, headers) for status in statuses]

    def next_answer(self) -> tuple[int, dict[str, str]]:
        """Return what to answer now."""
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def verified(self, secret: str) -> list[dict[str, object]]:
        """Return what was sent, each checked by the reference implementation. Raises WebhookVerificationError."""
        return [Webhook(secret).verify(each.body, each.headers) for each in self.got]


@contextmanager
def receiving(trust: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Receiver]:
    """Run a receiver on a free port; with ``trust``, a server's context, by TLS."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            receiver.got.append(Got(self.path, dict(self.headers), body))
            status, headers = receiver.next_answer()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_GET = do_POST  # noqa: N815 - the name that http.server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer((host, 0), Handler)
    server.daemon_threads = True
    if trust is not None:
        server.socket = trust.wrap_socket(server.socket, server_side=True)
    receiver.url = f"{'https' if trust else 'http'}://{host}:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
