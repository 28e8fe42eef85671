"""HTTP connections to one API and to S3, with retries."""

import copy
import json
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, BinaryIO, Protocol, Self, TypeVar
from urllib.parse import quote, urlencode

import httpx

from safelight.auth import explain_refusal
from safelight.errors import RequestNotSent
from safelight.transport import responses
from safelight.transport.responses import translate_errors
from safelight.transport.retries import with_retries
from safelight.transport.timing import Timing

#: Entries per request of a listing.
PAGE_SIZE = 100
MAX_CONNECTIONS = 100

#: The value of an option of a job. A mapping is sent as JSON.
Option = str | int | bool | Sequence[str | int] | Mapping[str, bool]
#: A request body: bytes, or a function that opens the content again for each try.
Body = bytes | Callable[[], AbstractContextManager[BinaryIO | bytes]]
_T = TypeVar("_T")


class Page(Protocol):
    """One page of a listing."""

    @property
    def next_cursor(self) -> str | None:
        """Return the cursor of the next page, or None on the last page."""


_Page = TypeVar("_Page", bound=Page)


class Connection:
    """Two connection pools: one for the API, with authentication, and one for signed links, without credentials.

    Threads can share a connection.
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
        """Prepare the pools without connecting. ``timeout`` is in seconds and applies to each step of a request."""
        self.api_url = api_url
        self.timeout = timeout
        self.timing = timing
        self._retries = retries
        self._access_advice = explain_refusal(auth)
        headers = {"User-Agent": "safelight-client"}
        # Threads that share the client keep their connections.
        limits = httpx.Limits(max_connections=MAX_CONNECTIONS, max_keepalive_connections=MAX_CONNECTIONS)
        common: Any = {"transport": transport, "timeout": timeout, "headers": headers, "limits": limits}
        # Reading the certificates takes 20 ms, so both pools share them.
        common["verify"] = True if transport is not None else httpx.create_ssl_context()
        self._api = httpx.Client(auth=auth, **common)
        self.store = httpx.Client(**common)

    def with_retries(self, retries: int) -> Self:
        """Return a connection with another number of retries that uses the same pools."""
        other = copy.copy(self)
        other._retries = retries  # noqa: SLF001 - the same class
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
        """Send a request without retries and return the response. Raises ClientError if the request fails.

        ``document`` is sent as JSON, and ``body`` is sent unchanged.
        """
        more = dict(headers or {})
        if document is not None:
            # JSON in ASCII, because a file name can contain bytes that are not Unicode.
            body = json.dumps(document).encode()
        if document is not None or isinstance(body, bytes):
            more.setdefault("Content-Type", "application/json")
        url = self._url(path, query or {})
        with body() if callable(body) else nullcontext(body) as content, translate_errors(self.api_url):
            response = self._api.request(method, url, headers=more, content=content, timeout=timeout or self.timeout)
        responses.check(response, self._access_advice)
        return response

    def request(self, method: str, path: str, *, repeatable: bool = True, **parts: Any) -> httpx.Response:  # noqa: ANN401 - those of send
        """Send a request with retries and return the response. ``parts`` are the arguments of :meth:`send`.

        If ``repeatable`` is false, the request is retried only if the API did not process it.
        """
        return self.retry(partial(self.send, method, path, **parts), repeatable=repeatable)

    def post(
        self,
        path: str,
        document: Mapping[str, Any] | None = None,
        *,
        body: bytes | None = None,
        key: str | None = None,
    ) -> httpx.Response:
        """Send a POST with ``key`` or a new Idempotency-Key, so that retries are safe, and return the response."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return self.request("POST", path, headers=headers, document=document, body=body)

    def retry(self, call: Callable[[], _T], *, repeatable: bool = True) -> _T:
        """Return the result of a function, which is called again after retryable errors.

        Raises its last ClientError.
        """
        return with_retries(call, retries=self._retries, repeatable=repeatable, timing=self.timing)

    def _url(self, path: str, query: Mapping[str, Option]) -> str:
        texts = {key: format_option(each) for key, each in query.items()}
        # quote, not quote_plus: gateways do not agree on the meaning of "+". A name can contain undecodable bytes.
        encoded = urlencode(texts, quote_via=quote, safe="", errors="replace")
        return f"{self.api_url}/{path}" + (f"?{encoded}" if encoded else "")


def format_option(value: Option) -> str:
    """Return a value as text: ``true`` or ``false``, the items of a list separated by commas, a mapping as JSON."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return json.dumps(value)
    return str(value) if isinstance(value, str | int) else ",".join(map(str, value))


def quote_path(text: str) -> str:
    """Return a path segment quoted, so that it can't lead to another route. Raises RequestNotSent if it is empty."""
    if not text:
        raise RequestNotSent("A name is missing.")
    # A segment that consists only of dots would lead to another path.
    return quote(text, safe="", errors="replace").replace(".", "%2E")


def drop_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries whose value is not None."""
    return {name: value for name, value in values.items() if value is not None}


def iterate_pages(
    fetch: Callable[[Mapping[str, Any]], _Page],
    entries: Callable[[_Page], Sequence[_T]],
    limit: int | None = None,
) -> Iterator[_T]:
    """Yield the entries of all pages, at most ``limit`` entries. Pages are requested when they are needed.

    ``fetch`` is called with the query parameters ``limit`` and ``cursor``, and returns a page.
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
