"""One HTTP request to a URL that a caller has chosen: a checked address, a verified certificate, a limit on the time.

The proxy settings of the environment are ignored, and redirects are not followed.
"""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from io import BufferedReader
from threading import Timer
from urllib.parse import SplitResult, urlsplit

from shared.network.safe_connect import Resolve, connect, resolve

#: Default time limit for each IP address of a host.
CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Network:
    """The hosts to which this deployment connects, and how."""

    #: True if plain HTTP and internal IP addresses are allowed, for use on a developer's machine.
    allow_internal: bool
    resolve: Resolve = resolve
    #: TLS settings; None for the system's certificates.
    tls: ssl.SSLContext | None = None


@contextmanager
def open_exchange(
    url: str, network: Network, *, seconds: float, connect_seconds: float = CONNECT_SECONDS
) -> Iterator[HTTPConnection]:
    """Yield a connection for one request to a URL. Everything after connecting must end within ``seconds``.

    ``connect_seconds`` is the time limit for each IP address of the host.

    Raises HostNotFound or AddressNotAllowed, TimeoutError if the time is over, ssl.SSLError if the certificate is not
    valid for the host, and OSError or HTTPException if the connection fails.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    raw = connect(host, port, seconds=connect_seconds, allow_internal=network.allow_internal, resolve=network.resolve)
    timed = _TimedConnection(raw)
    timer = Timer(seconds, timed.abort)
    timer.daemon = True
    connection: HTTPConnection = HTTPSConnection(host, port) if secure else HTTPConnection(host, port)
    connection.response_class = _BoundedResponse
    try:
        timer.start()
        raw.settimeout(seconds)
        if secure:
            context = network.tls or _load_system_certificates()
            wrapped = context.wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)
            timed.socket = wrapped
            wrapped.do_handshake()
        connection.sock = timed.socket
        yield connection
        if timed.is_late:  # http.client accepts headers, and bodies without a length, that the abort has cut
            raise TimeoutError
    except (OSError, HTTPException) as error:
        if timed.is_late:
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()
        connection.close()
        timed.socket.close()


def get_target(url: str) -> str:
    """Return the path and the query of a URL, as a request sends them."""
    parts: SplitResult = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


class _BoundedReader(BufferedReader):
    """The bytes that a server sends. It never reads without a limit."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to ``size`` bytes. Raises HTTPException if there is no limit."""
        if size is None or size < 0:
            raise HTTPException("The size of a chunk is negative.")
        return super().read(size)


class _BoundedResponse(HTTPResponse):
    """A response whose body can't exceed the size that the caller reads.

    http.client reads a chunk of -1 bytes to the end of the connection, and raises ValueError for one of -2 bytes.
    """

    def __init__(
        self, sock: socket.socket, debuglevel: int = 0, method: str | None = None, url: str | None = None
    ) -> None:
        super().__init__(sock, debuglevel, method, url)
        # Nothing was read yet, so the buffer of the old reader is empty.
        self.fp = _BoundedReader(self.fp.detach())


@dataclass(slots=True)
class _TimedConnection:
    """A connection with a total time limit. A socket timeout alone restarts with each byte received."""

    socket: socket.socket
    is_late: bool = False

    def abort(self) -> None:
        self.is_late = True
        with suppress(OSError):  # already closed
            self.socket.shutdown(socket.SHUT_RDWR)


@cache
def _load_system_certificates() -> ssl.SSLContext:
    """Return a TLS context with the system's certificates.

    The context is cached, because loading takes milliseconds.
    """
    return ssl.create_default_context()
