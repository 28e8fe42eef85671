"""Conversion of HTTP responses to models, and of HTTP errors to ClientError."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

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


@contextmanager
def translate_errors(address: str) -> Iterator[None]:
    """Translate httpx errors. Raises ClientError, whose message contains ``address``, for each of them.

    ``address`` is a host or URL without secrets.
    """
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _translate(error, address) from error


def check(response: httpx.Response) -> None:
    """Check the status of a response. Raises ApiError if it is 4xx or 5xx, and UnexpectedAnswer if it is 1xx or 3xx."""
    if response.is_error:
        raise _api_error(response)
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
            return Unreachable(f"{address} can't be reached ({_reason(error)}).")
        case httpx.TimeoutException():
            return NoAnswerInTime(f"{address} did not respond in time.")
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return RequestNotSent(f"The request to {address} can't be sent ({_reason(error)}).")
        case httpx.DecodingError() | httpx.TooManyRedirects():
            return UnexpectedAnswer(f"The response of {address} can't be read ({_reason(error)}).")
        case _:
            return ConnectionLost(f"The connection to {address} broke ({_reason(error)}).")


def _reason(error: Exception) -> str:
    # Remove the error number of the operating system, which does not help the user.
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error).strip()).rstrip(".") or type(error).__name__


def _api_error(response: httpx.Response) -> ApiError:
    problem = _problem(response)
    status = response.status_code
    # Errors that API Gateway itself returns have only a message.
    detail = problem.get("detail") or problem.get("message") or problem.get("title") or response.reason_phrase
    return ApiError(
        str(detail or f"The API responded with status {status}."),
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
