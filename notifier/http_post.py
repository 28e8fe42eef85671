"""A POST request to a URL that a caller has chosen, with limits on time and size.

The request does not follow redirects, ignores the proxy settings of the environment and does not read the response
body.
"""

import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException

from shared.errors import SafelightError
from shared.network.http_exchange import Network, get_target, open_exchange
from shared.network.safe_connect import Resolve, resolve

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
        network = Network(self.allow_internal, self.resolve, self.tls)
        with open_exchange(url, network, seconds=self.seconds) as connection:
            connection.request("POST", get_target(url), body, dict(headers))
            response = connection.getresponse()
            response.close()
            return HttpResponse(response.status, retry_after=_parse_retry_after(response.getheader("Retry-After")))


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
