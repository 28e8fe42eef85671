"""A web server that sends exactly the bytes that a test chooses, also invalid, slow or endless ones."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

NAME = "127.0.0.1"
#: The first byte of a TLS connection.
TLS_HANDSHAKE = b"\x16"
#: Sends a response: bytes to send at once, or a function that sends what it wants.
Answer = bytes | Callable[[socket.socket], None]


@dataclass
class SourceServer:
    """A server with one response for each path."""

    port: int
    answers: dict[str, Answer] = field(default_factory=dict)
    #: Request heads, in order.
    got: list[str] = field(default_factory=list)

    def url(self, path: str = "/a.jpg", host: str = NAME) -> str:
        """Return the URL of a path."""
        return f"http://{host}:{self.port}{path}"

    def paths(self) -> list[str]:
        """Return the targets of all requests."""
        return [head.split(" ")[1] for head in self.got]


def make_response(body: bytes = b"", status: int = 200, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a response with the length of its body, unless ``headers`` have another one."""
    given = {"Content-Length": str(len(body)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items() if value)
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + body


@contextmanager
def serving(answers: Mapping[str, Answer] | None = None) -> Iterator[SourceServer]:
    """Run a server on a free port. It closes each connection after its response."""
    with socket.create_server((NAME, 0)) as listener:
        server = SourceServer(listener.getsockname()[1], dict(answers or {}))

        def answer(line: socket.socket) -> None:
            with line, suppress(OSError, LookupError):  # the caller has gone, or speaks another protocol
                head = b""
                while b"\r\n\r\n" not in head and (more := line.recv(4096)):
                    head += more
                    if head.startswith(TLS_HANDSHAKE):
                        return  # a client waits for the handshake of the server, which has none
                text = head.decode("latin-1")
                server.got.append(text)
                found = server.answers[text.split(" ")[1]]
                if isinstance(found, bytes):
                    line.sendall(found)
                else:
                    found(line)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    line, _ = listener.accept()
                    threading.Thread(target=answer, args=(line,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield server
        finally:
            listener.shutdown(socket.SHUT_RDWR)
