"""The one translation of httpx's exceptions into the client's error tree."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from safelight.errors import ClientError, ConnectionLost, NoAnswerInTime, RequestNotSent, UnexpectedAnswer, Unreachable


@contextmanager
def translated(address: str) -> Iterator[None]:
    """Turn every fault of httpx into a ClientError that names ``address``, a host or URL without secrets."""
    try:
        yield
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise _translate(error, address) from error


def _translate(error: httpx.HTTPError | httpx.InvalidURL, address: str) -> ClientError:
    match error:
        case httpx.ConnectTimeout() | httpx.ConnectError() | httpx.PoolTimeout() | httpx.ProxyError():
            return Unreachable(f"{address} can't be reached ({_reason(error)}).")
        case httpx.TimeoutException():
            return NoAnswerInTime(f"{address} did not answer in time.")
        case httpx.LocalProtocolError() | httpx.UnsupportedProtocol() | httpx.InvalidURL():
            return RequestNotSent(f"The request to {address} can't be sent ({_reason(error)}).")
        case httpx.DecodingError() | httpx.TooManyRedirects():
            return UnexpectedAnswer(f"{address} gave an answer that can't be read ({_reason(error)}).")
        case _:
            return ConnectionLost(f"The connection to {address} broke ({_reason(error)}).")


def _reason(error: Exception) -> str:
    # The system's number for the error says nothing to a person.
    return re.sub(r"^\[Errno -?\d+\] ", "", str(error).strip()).rstrip(".") or type(error).__name__
