"""A POST request to a URL that a caller has chosen, with limits on time and size.

The request does not follow redirects, ignores the proxy settings of the environment and does not read the response
body.
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
from threading import Timer
from urllib.parse import urlsplit

from notifier.safe_connect import Resolve, connect, resolve
from shared.errors import SafelightError

CONNECT_SECONDS = 5.0
#: From the first byte sent to the end of the response headers.
TOTAL_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """The status of a response, or the reason why there is no response."""

    status: int | None
    #: A stable code for why there is no response.
    reason: str | None = None
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class HttpPost:
    """A function that sends a POST request with the settings of this deployment."""

    #: True if plain HTTP and internal IP addresses are allowed, for use on a developer's machine.
    allow_internal: bool
    resolve: Resolve = resolve
    #: TLS settings; None for the system's certificates.
    tls: ssl.SSLContext | None = None
    seconds: float = TOTAL_SECONDS

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        """Send a request. Return the status of the response, or the reason why there is no response."""
        try:
            return self._send(url, headers, body)
        except SafelightError as error:
            return HttpResponse(None, error.code)
        except ssl.SSLError:
            return HttpResponse(None, "TLS_FAILED")
        except TimeoutError:
            return HttpResponse(None, "TIMED_OUT")
        except (OSError, HTTPException):
            return HttpResponse(None, "CONNECTION_FAILED")

    def _send(self, url: str, headers: Mapping[str, str], body: bytes) -> HttpResponse:
        parts = urlsplit(url)
        host = parts.hostname or ""
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        raw = connect(host, port, seconds=CONNECT_SECONDS, allow_internal=self.allow_internal, resolve=self.resolve)
        timed = _TimedConnection(raw)
        timer = Timer(self.seconds, timed.abort)
        timer.daemon = True
        connection: HTTPConnection = HTTPSConnection(host, port) if secure else HTTPConnection(host, port)
        try:
            timer.start()
            raw.settimeout(self.seconds)
            if secure:
                context = self.tls or _load_system_certificates()
                wrapped = context.wrap_socket(raw, server_hostname=host, do_handshake_on_connect=False)
                timed.socket = wrapped
                wrapped.do_handshake()
            connection.sock = timed.socket
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, dict(headers))
            response = connection.getresponse()
            response.close()
            if timed.is_late:  # http.client accepts headers that are incomplete because of the abort
                raise TimeoutError
            return HttpResponse(response.status, retry_after=_parse_retry_after(response.getheader("Retry-After")))
        except (OSError, HTTPException) as error:
            if timed.is_late:
                raise TimeoutError from error
            raise
        finally:
            timer.cancel()
            connection.close()
            timed.socket.close()


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


def _parse_retry_after(text: str | None) -> timedelta | None:
    """Parse ``Retry-After``, in seconds or as a date. Return None if it is malformed."""
    if text is None:
        return None
    with suppress(ValueError, OverflowError):
        if text.strip().isdecimal():
            return timedelta(seconds=int(text[:9]))
        moment = parsedate_to_datetime(text)
        return max((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime.now(UTC), timedelta(0))
    return None
