"""Conversion of HTTP responses to models, and of HTTP errors to ClientError."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import BaseModel, ValidationError

from safelight.errors import (
    ApiError,
    ClientError,
    ConnectionLost,
    NoAnswerInTime,
    Pointer,
    RequestNotSent,
    UnexpectedAnswer,
    Unreachable,
)

_Model = TypeVar("_Model", bound=BaseModel)

_RETRYABLE = frozenset({429, 502, 503, 504})
_LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
#: Statuses with which gateways and other servers answer requests for a path that they do not have.
_NO_SUCH_PATH = frozenset({403, 404, 405})
#: Codes of API Gateway's refusals.
_REFUSED_CREDENTIALS = frozenset({"FORBIDDEN", "UNAUTHENTICATED"})


@contextmanager
def translate_errors(address: str) -> Iterator[None]:
    """Translate httpx errors. Raises ClientError, whose message contains ``address``, for each of them.

    ``address`` is a host or URL without secrets.
    """
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _translate(error, address) from error


def check(response: httpx.Response, access_advice: str = "") -> None:
    """Check the status of a response. Raises ApiError if it is 4xx or 5xx, and UnexpectedAnswer if it is 1xx or 3xx.

    ``access_advice`` is what to do if API Gateway refuses the credentials of the request.
    """
    if response.is_error:
        raise _api_error(response, access_advice)
    if not response.is_success:
        location = response.headers.get("Location", "an unnamed location")
        raise UnexpectedAnswer(f"{_address(response)} redirects to {location}. Check the API address.")


def read(response: httpx.Response, model: type[_Model]) -> _Model:
    """Return the content of a successful response as a model.

    Raises UnexpectedAnswer if it does not match the model.
    """
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise UnexpectedAnswer(
            f"{_address(response)} did not respond like a Safelight API. Check the API address."
        ) from error


def retry_after_seconds(response: httpx.Response) -> float | None:
    """Return the value of ``Retry-After``, in seconds, or None if the header is missing or malformed.

    The header contains a number of seconds or a date.
    """
    text = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", text):
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _translate(error: httpx.HTTPError | httpx.InvalidURL, address: str) -> ClientError:
    match error:
        case httpx.ConnectTimeout() | httpx.ConnectError() | httpx.PoolTimeout() | httpx.ProxyError():
            return _explain_unreachable(error, address)
        case httpx.TimeoutException():
            return NoAnswerInTime(f"{address} did not respond in time.")
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return RequestNotSent(f"The request to {address} can't be sent ({_reason(error)}).")
        case httpx.DecodingError() | httpx.TooManyRedirects():
            return UnexpectedAnswer(f"The response of {address} can't be read ({_reason(error)}).")
        case _:
            return ConnectionLost(f"The connection to {address} broke ({_reason(error)}).")


def _explain_unreachable(error: httpx.HTTPError, address: str) -> Unreachable:
    """Return an error that says what to do."""
    reason = _reason(error)
    is_refused = isinstance(error, httpx.ConnectError) and "refused" in reason.lower()
    if is_refused and _get_host(address) in _LOCAL_HOSTS:
        closed = Unreachable(
            f"{address} can't be reached ({reason}). Nothing listens at this port. "
            "To start the local stack, run: safelight up. For another API, set SAFELIGHT_API_URL or pass --api-url."
        )
        closed.is_closed_port = True
        return closed
    if isinstance(error, httpx.ProxyError):
        return Unreachable(f"{address} can't be reached ({reason}). Check HTTPS_PROXY and NO_PROXY.")
    if isinstance(error, httpx.ConnectTimeout):
        return Unreachable(f"{address} can't be reached ({reason}). Check the address and your network.")
    if "WRONG_VERSION_NUMBER" in reason:
        return Unreachable(f"{address} can't be reached: the server does not use TLS at this port. Use http://.")
    return Unreachable(f"{address} can't be reached ({reason}). Check the address: SAFELIGHT_API_URL or --api-url.")


def _get_host(address: str) -> str:
    """Return the host of a URL, or the address itself if it is a host."""
    return (urlsplit(address).hostname if "://" in address else address) or ""


def _reason(error: Exception) -> str:
    # Remove the error number of the operating system, which does not help the user.
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error).strip()).rstrip(".") or type(error).__name__


def _api_error(response: httpx.Response, access_advice: str) -> ApiError:
    problem = _problem(response)
    status = response.status_code
    # Errors that API Gateway itself returns have only a message.
    detail = problem.get("detail") or problem.get("message") or problem.get("title") or response.reason_phrase
    detail = str(detail or f"The API responded with status {status}.")
    if problem.get("code", "ROUTE_NOT_FOUND") == "ROUTE_NOT_FOUND" and status in _NO_SUCH_PATH:
        # This response is not one of Safelight, or the URL is incomplete.
        detail = f"{detail.rstrip('.')}. Check the address {_address(response)}: the URL of an API ends in /v1."
    # The routes that only operators can use explain their refusal.
    if access_advice and problem.get("code") in _REFUSED_CREDENTIALS and detail == problem.get("title"):
        detail = f"{detail} {access_advice}"
    return ApiError(
        detail,
        code=str(problem.get("code") or f"HTTP_{status}"),
        status=status,
        title=str(problem.get("title") or ""),
        retriable=bool(problem.get("retriable", status in _RETRYABLE)),
        request_id=problem.get("request_id") or response.headers.get("x-amzn-requestid"),
        pointers=_pointers(problem.get("errors")),
        retry_after_seconds=retry_after_seconds(response),
    )


def _problem(response: httpx.Response) -> dict[str, Any]:
    try:
        document = json.loads(response.content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _pointers(errors: object) -> tuple[Pointer, ...]:
    if not isinstance(errors, list):
        return ()
    return tuple(
        Pointer(pointer=str(each.get("pointer", "")), detail=str(each.get("detail", "")))
        for each in errors
        if isinstance(each, dict)
    )


def _address(response: httpx.Response) -> str:
    """Return the scheme and host of the URL. The path and query of a signed link must not appear in messages."""
    url = response.url
    return f"{url.scheme}://{url.netloc.decode()}"
