"""Sources of imports on web servers: download a file, with limits on addresses, redirects, time and size.

The worker process downloads it, never a child that decodes images. Each redirect is checked like the first URL: the
scheme, the port, the allowed hosts, and the IP addresses of the host, to one of which the connection then goes. No
message of an error contains a URL, because its query may be a signature.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from string import punctuation
from time import monotonic
from typing import Final
from urllib.parse import quote, urldefrag, urljoin

from shared.errors import (
    AddressNotAllowed,
    HostNotFound,
    SourceForbidden,
    SourceInvalid,
    SourceMissing,
    SourceUnreachable,
    TooManyBytes,
)
from shared.jobs.source import UrlSource, find_source_problem
from shared.network.http_exchange import Network, get_target, open_exchange
from shared.version import VERSION

#: Time limit for a download with all its redirects, without connecting.
FETCH_SECONDS: Final = 10.0
#: Time limit for each IP address of a host.
CONNECT_SECONDS: Final = 2.0
MAX_REDIRECTS: Final = 5
#: Bytes that are read at a time.
CHUNK_BYTES: Final = 256 * 1024
#: The file as it is stored: a compressed response could become far larger than its size.
HEADERS: Final = {
    "Accept": "image/*,application/octet-stream;q=0.9,*/*;q=0.1",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": f"Safelight/{VERSION}",
}
#: Characters of a redirect's location that are not encoded, besides letters and digits.
_URL_CHARACTERS: Final = punctuation
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_FORBIDDEN: Final = frozenset({401, 402, 403, 407, 451})
_MISSING: Final = frozenset({404, 410})
#: Statuses after which the same request may succeed later.
_LATER: Final = frozenset({408, 425, 429})
_SERVER_ERROR: Final = 500


@dataclass(frozen=True, slots=True)
class UrlFetcher:
    """Downloads files from the hosts that this deployment allows. Thread-safe."""

    network: Network
    #: Patterns of hosts (``shared.jobs.source.is_host_allowed``).
    hosts: frozenset[str]
    seconds: float = FETCH_SECONDS
    clock: Callable[[], float] = monotonic

    def fetch(self, source: UrlSource, *, max_bytes: int) -> bytes:
        """Return the file.

        Raises SourceForbidden, SourceMissing, SourceInvalid or TooManyBytes if it can't be imported, and
        SourceUnreachable if a later try may succeed.
        """
        url, deadline = source.url, self.clock() + self.seconds
        for _ in range(MAX_REDIRECTS + 1):
            if problem := find_source_problem(url, self.hosts, allow_internal=self.network.allow_internal):
                raise SourceForbidden(f"The source {problem}.")
            found = self._request(url, deadline, max_bytes)
            if isinstance(found, bytes):
                return found
            url = _resolve_location(url, found.location)
        raise SourceInvalid(f"The source redirects more than {MAX_REDIRECTS} times.")

    def _request(self, url: str, deadline: float, max_bytes: int) -> "bytes | _Redirect":
        """Return the body of a response, or where it redirects to."""
        left = deadline - self.clock()
        if left <= 0:
            raise SourceUnreachable("The server of the source is too slow.")
        try:
            with open_exchange(url, self.network, seconds=left, connect_seconds=CONNECT_SECONDS) as connection:
                connection.request("GET", get_target(url), headers=HEADERS)
                with connection.getresponse() as response:  # an open response would keep the socket open
                    if response.status in _REDIRECTS:
                        return _Redirect(_read_location(response))
                    _check_status(response.status)
                    return _read_body(response, max_bytes)
        except AddressNotAllowed as error:
            raise SourceForbidden("The source has a host with an internal IP address.") from error
        except HostNotFound as error:
            raise SourceUnreachable("The host of the source was not found.") from error
        except TimeoutError as error:
            raise SourceUnreachable("The server of the source is too slow.") from error
        except (OSError, HTTPException) as error:  # ssl.SSLError is an OSError
            raise SourceUnreachable("The connection to the server of the source failed.") from error


@dataclass(frozen=True, slots=True)
class _Redirect:
    location: str


def _read_location(response: HTTPResponse) -> str:
    location = response.getheader("Location")
    if not location:
        raise SourceInvalid("The source redirects without a location.")
    return location


def _resolve_location(url: str, location: str) -> str:
    """Return the URL to which a response of ``url`` redirects, without a fragment, which requests never contain.

    Many servers send blanks and UTF-8 unencoded. Like browsers, encode them. Raises SourceInvalid if it is not a URL.
    """
    # http.client decodes headers as Latin-1.
    encoded = quote(location.strip().encode("latin-1", errors="replace"), safe=_URL_CHARACTERS)
    try:
        return urldefrag(urljoin(url, encoded)).url
    except ValueError as error:
        raise SourceInvalid("The source redirects to an invalid URL.") from error


def _check_status(status: int) -> None:
    """Raise the error for a status other than 200. Partial and empty responses are no files."""
    if status == HTTPStatus.OK:
        return
    text = f"The server of the source responded with status {status}."
    if status in _FORBIDDEN:
        raise SourceForbidden(text)
    if status in _MISSING:
        raise SourceMissing(text)
    if status in _LATER or status >= _SERVER_ERROR:
        raise SourceUnreachable(text)
    raise SourceInvalid(text)


def _read_body(response: HTTPResponse, max_bytes: int) -> bytes:
    """Return the whole body, of at most ``max_bytes``."""
    encoding = (response.getheader("Content-Encoding") or "identity").strip().lower()
    if encoding != "identity":
        raise SourceInvalid("The server of the source sends a compressed response (Content-Encoding).")
    length = _read_length(response)
    if length is not None and length > max_bytes:
        raise TooManyBytes(f"The source has {length:,} bytes. At most {max_bytes:,} are allowed.")
    data = bytearray()
    while chunk := response.read(min(CHUNK_BYTES, max_bytes + 1 - len(data))):
        data += chunk
        if len(data) > max_bytes:
            raise TooManyBytes(f"The source has more than {max_bytes:,} bytes.")
    if length is not None and len(data) != length:
        raise SourceUnreachable(f"The response of the source ended after {len(data):,} of {length:,} bytes.")
    return bytes(data)


def _read_length(response: HTTPResponse) -> int | None:
    """Return the announced length in bytes; None if there is none, or if the body is sent in chunks."""
    transfer = response.getheader("Transfer-Encoding")
    if transfer is not None:
        if transfer.strip().lower() != "chunked":
            raise SourceInvalid("The server of the source sends an encoded response (Transfer-Encoding).")
        return None
    text = response.getheader("Content-Length")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,15}", text.strip()):
        raise SourceInvalid("The source has an invalid Content-Length.")
    return int(text)
