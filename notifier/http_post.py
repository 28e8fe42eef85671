"""One POST to a receiver that a caller has named: bounded in time and size, and never led elsewhere.

No redirect is followed, no proxy of the environment is used, and what is answered is not read beyond its head.
"""

import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from socket import SHUT_RDWR
from threading import Timer
from urllib.parse import urlsplit

from notifier.safe_connect import Resolve, connect, resolve
from shared.errors import SafelightError

CONNECT_SECONDS = 5.0
#: From the first byte sent to the head of the answer, however slowly that trickles in.
TOTAL_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said, or why it said nothing."""

    status: int | None
    #: A stable word for why there is no answer.
    reason: str | None = None
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Post:
    """How this deployment sends."""

    #: Whether plain HTTP and internal addresses are allowed: on one's own machine alone.
    anywhere: bool
    resolve: Resolve = resolve
    #: Certificates that are believed; None for the system's.
    trust: ssl.SSLContext | None = None
    seconds: float = TOTAL_SECONDS

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send; return the answer, or the reason why there is none."""
        try:
            return self._send(url, headers, body)
        except SafelightError as refusal:
            return Answer(None, refusal.code)
        except ssl.SSLError:
            return Answer(None, "TLS_FAILED")
        except TimeoutError:
            return Answer(None, "TIMED_OUT")
        except (OSError, HTTPException):
            return Answer(None, "CONNECTION_FAILED")

    def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        parts = urlsplit(url)
        host = parts.hostname or ""
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        raw = connect(host, port, seconds=CONNECT_SECONDS, anywhere=self.anywhere, resolve=self.resolve)
        line = _Line(raw)
        watch = Timer(self.seconds, line.hang_up)
        watch.daemon = True
        connection: HTTPConnection = HTTPSConnection(host, port) if secure else HTTPConnection(host, port)
        try:
            watch.start()
            raw.settimeout(self.seconds)
            if secure:
                wrapped = (self.trust or _trust()).wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)
                line.socket = wrapped
                wrapped.do_handshake()
            connection.sock = line.socket
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, dict(headers))
            answer = connection.getresponse()
            answer.close()
            if line.is_late:  # half a head counts as one when the line ends there
                raise TimeoutError
            return Answer(answer.status, retry_after=_asked(answer.getheader("Retry-After")))
        except (OSError, HTTPException) as error:
            if line.is_late:
                raise TimeoutError from error
            raise
        finally:
            watch.cancel()
            connection.close()
            line.socket.close()


@dataclass(slots=True)
class _Line:
    """A connection, and whether it took too long: each byte that trickles in would begin a socket's time-out anew."""

    socket: socket.socket
    is_late: bool = False

    def hang_up(self) -> None:
        self.is_late = True
        with suppress(OSError):  # it has ended by itself
            self.socket.shutdown(SHUT_RDWR)


@cache
def _trust() -> ssl.SSLContext:
    """Load the system's certificates, once: it takes milliseconds."""
    return ssl.create_default_context()


def _asked(text: str | None) -> timedelta | None:
    """Read ``Retry-After``, seconds or a date; None for nonsense."""
    if text is None:
        return None
    with suppress(ValueError, OverflowError):
        if text.strip().isdecimal():
            return timedelta(seconds=int(text[:9]))
        moment = parsedate_to_datetime(text)
        return max((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC), timedelta(0))
    return None
