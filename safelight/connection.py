"""HTTP connections to one API and its image store, with retries."""

import copy
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, BinaryIO, Protocol, Self, TypeVar
from urllib.parse import quote, urlencode

import httpx

from safelight.errors import RequestNotSent
from safelight.transport import responses
from safelight.transport.responses import translate_errors
from safelight.transport.retries import with_retries
from safelight.transport.timing import Timing

#: Entries per request when listing.
PAGE_SIZE = 100
MAX_CONNECTIONS = 100

Option = str | int | bool
#: A request body: bytes, or a function that opens the content again for each attempt.
Body = bytes | Callable[[], AbstractContextManager[BinaryIO | bytes]]
_T = TypeVar("_T")


class Page(Protocol):
    """One page of a listing."""

    @property
    def next_cursor(self) -> str | None:
        """Return the cursor of the next page, None on the last one."""


_Page = TypeVar("_Page", bound=Page)


class Connection:
    """Two connection pools: one that authenticates to the API, one for signed links, which must carry no credentials.

    Threads may share a connection.
    """

    def __init__(  # noqa: PLR0913 - the settings of a client
        self,
        api_url: str,
        *,
        timeout: float,
        retries: int,
        transport: httpx.BaseTransport | None,
        auth: httpx.Auth | None,
        timing: Timing,
    ) -> None:
        """Prepare the pools without connecting. ``timeout`` is in seconds, for each step of a request."""
        self.api_url = api_url
        self.timeout = timeout
        self.timing = timing
        self._retries = retries
        headers = {"User-Agent": "safelight-client"}
        # Threads that share the client keep their connections.
        limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
        self._api = httpx.Client(transport=transport, auth=auth, timeout=timeout, headers=headers, limits=limits)
        self.store = httpx.Client(transport=transport, timeout=timeout, headers=headers, limits=limits)

    def without_retries(self) -> Self:
        """Return a connection on the same pools that tries each request once."""
        other = copy.copy(self)
        other._retries = 0  # noqa: SLF001 - the same class
        return other

    def close(self) -> None:
        """Close both pools. Requests of other threads fail."""
        self._api.close()
        self.store.close()

    def send(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Option] | None = None,
        headers: Mapping[str, str] | None = None,
        document: Mapping[str, Any] | None = None,
        body: Body | None = None,
        timeout: float | None = None,
    ) -> httpx.Response:
        """Send one request once and return the successful response. Raises ClientError.

        ``document`` is sent as JSON; ``body`` is sent as it is.
        """
        more = dict(headers or {})
        if document is not None:
            # ASCII: a file name may hold bytes that are not Unicode.
            body = json.dumps(document).encode()
        if document is not None or isinstance(body, bytes):
            more.setdefault("Content-Type", "application/json")
        url = self._url(path, query or {})
        with body() if callable(body) else nullcontext(body) as content, translate_errors(self.api_url):
            response = self._api.request(method, url, headers=more, content=content, timeout=timeout or self.timeout)
        responses.check(response)
        return response

    def request(self, method: str, path: str, *, repeatable: bool = True, **parts: Any) -> httpx.Response:  # noqa: ANN401 - those of send
        """Send a request as :meth:`send` does, with retries. ``repeatable``: sending it twice does no harm."""
        return self.retry(partial(self.send, method, path, **parts), repeatable=repeatable)

    def post(
        self,
        path: str,
        document: Mapping[str, Any] | None = None,
        *,
        body: bytes | None = None,
        key: str | None = None,
    ) -> httpx.Response:
        """Send a POST that is safe to retry, under ``key`` or a new Idempotency-Key."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self.request("POST", path, headers=headers, document=document, body=body)

    def retry(self, call: Callable[[], _T], *, repeatable: bool = True) -> _T:
        """Call a function, again after retryable errors. Raises its last ClientError."""
        return with_retries(call, retries=self._retries, repeatable=repeatable, timing=self.timing)

    def _url(self, path: str, query: Mapping[str, Option]) -> str:
        texts = {key: str(each).lower() if isinstance(each, bool) else str(each) for key, each in query.items()}
        # quote, not quote_plus: gateways differ on what a plus means. A name may hold undecodable bytes.
        encoded = urlencode(texts, quote_via=quote, safe="", errors="replace")
        return f"{self.api_url}/{path}" + (f"?{encoded}" if encoded else "")


def quote_path(text: str) -> str:
    """Quote one path segment so that it can't change the route. Raises RequestNotSent for an empty one."""
    if not text:
        raise RequestNotSent("A name is missing.")
    # A segment of dots alone would lead to another path.
    return quote(text, safe="", errors="replace").replace(".", "%2E")


def drop_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries that have a value."""
    return {name: value for name, value in values.items() if value is not None}


def iterate_pages(
    fetch: Callable[[Mapping[str, Any]], _Page],
    entries: Callable[[_Page], Sequence[_T]],
    limit: int | None = None,
) -> Iterator[_T]:
    """Yield the entries of all pages, at most ``limit``; each page is fetched when it is needed.

    ``fetch`` gets the query parameters ``limit`` and ``cursor``.
    """
    left, cursor = limit, None
    while left is None or left > 0:
        page = fetch(drop_none({"limit": PAGE_SIZE if left is None else min(left, PAGE_SIZE), "cursor": cursor}))
        found = entries(page)
        yield from found[:left]
        cursor = page.next_cursor
        if cursor is None:
            return
        left = None if left is None else left - len(found)
