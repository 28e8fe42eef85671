"""Every way to go wrong becomes one of the client's own errors, with its facts and its cause."""

import json
from typing import Any

import httpx
import pytest

from safelight.client import Safelight
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

EXPECTED: dict[type[Exception], type[ClientError]] = {
    httpx.ConnectError: Unreachable,
    httpx.ConnectTimeout: Unreachable,
    httpx.PoolTimeout: Unreachable,
    httpx.ProxyError: Unreachable,
    httpx.ReadTimeout: NoAnswerInTime,
    httpx.WriteTimeout: NoAnswerInTime,
    httpx.TimeoutException: NoAnswerInTime,
    httpx.ReadError: ConnectionLost,
    httpx.WriteError: ConnectionLost,
    httpx.CloseError: ConnectionLost,
    httpx.NetworkError: ConnectionLost,
    httpx.ProtocolError: ConnectionLost,
    httpx.RemoteProtocolError: ConnectionLost,
    httpx.TransportError: ConnectionLost,
    httpx.RequestError: ConnectionLost,
    httpx.LocalProtocolError: RequestNotSent,
    httpx.UnsupportedProtocol: RequestNotSent,
    httpx.InvalidURL: RequestNotSent,
    httpx.DecodingError: UnexpectedAnswer,
    httpx.TooManyRedirects: UnexpectedAnswer,
}
# HTTPError and HTTPStatusError are raised by calls that the client does not make; streams and cookies
# go wrong through bugs alone, and a bug should look like one.
UNUSED = {
    httpx.HTTPError,
    httpx.HTTPStatusError,
    httpx.StreamError,
    httpx.StreamConsumed,
    httpx.StreamClosed,
    httpx.ResponseNotRead,
    httpx.RequestNotRead,
    httpx.CookieConflict,
}


def no_patience(api: Any) -> Safelight:
    """Make a client that tries once."""
    return Safelight("http://api.test/v1", retries=0, transport=httpx.MockTransport(api))


def test_every_httpx_exception_is_translated() -> None:
    """Whatever httpx can raise is either translated or known not to occur."""
    raised = {each for each in vars(httpx).values() if isinstance(each, type) and issubclass(each, Exception)}
    assert raised == EXPECTED.keys() | UNUSED


@pytest.mark.parametrize(("foreign", "own"), EXPECTED.items())
def test_translated_error_chains_its_cause(api: Any, foreign: type[Exception], own: type[ClientError]) -> None:
    """The error is ours, names the API and keeps its cause."""
    api.answers = [foreign("[Errno 111] because.")]
    with no_patience(api) as client, pytest.raises(own, match=r"http://api\.test/v1") as caught:
        client.health()
    assert type(caught.value) is own
    assert isinstance(caught.value.__cause__, foreign)
    assert "Errno" not in str(caught.value)


def test_api_error_has_all_fields_of_the_problem(api: Any) -> None:
    """All public facts of the API's error are there."""
    problem = {
        "title": "The request is not valid.",
        "detail": "Two fields are wrong.",
        "code": "INVALID_PIPELINE",
        "retriable": False,
        "request_id": "abc",
        "errors": [{"pointer": "/width", "detail": "must be at least 1"}, {"pointer": "/fit"}, "junk"],
    }
    api.answers = [httpx.Response(422, content=json.dumps(problem), headers={"Retry-After": "3"})]
    with no_patience(api) as client, pytest.raises(ApiError, match="Two fields") as caught:
        client.status("x")
    error = caught.value
    assert (error.code, error.status, error.title) == ("INVALID_PIPELINE", 422, "The request is not valid.")
    assert (error.retriable, error.request_id, error.retry_after_seconds) == (False, "abc", 3)
    assert error.pointers == (Pointer("/width", "must be at least 1"), Pointer("/fit", ""))


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b'{"message": "Forbidden"}', "Forbidden"),
        (b"<html>busy</html>", "Bad Gateway"),
        (b"[1]", "Bad Gateway"),
        (b"\xff\xfe", "Bad Gateway"),
        (b'{"errors": 5, "code": null}', "Bad Gateway"),
    ],
)
def test_gateway_error_has_status_and_message(api: Any, body: bytes, detail: str) -> None:
    """Between client and API there are others, who don't speak the contract."""
    api.answers = [httpx.Response(502, content=body)]
    with no_patience(api) as client, pytest.raises(ApiError) as caught:
        client.health()
    assert (caught.value.detail, caught.value.code, caught.value.retriable) == (detail, "HTTP_502", True)


@pytest.mark.parametrize("body", [b"<html>welcome</html>", b"", b"[]", b'{"id": 1}', b'{"id": "x", "done": "perhaps"}'])
def test_success_without_a_job_is_unexpected(api: Any, body: bytes) -> None:
    """A response of another service raises UnexpectedAnswer."""
    api.answers = [httpx.Response(200, content=body)]
    with no_patience(api) as client, pytest.raises(UnexpectedAnswer, match=r"Check the API address"):
        client.status("x")


def test_redirect_is_not_followed(api: Any) -> None:
    """Bytes and credentials go to the address that was given, and nowhere else."""
    api.answers = [httpx.Response(301, headers={"Location": "https://other.test/"})]
    with no_patience(api) as client, pytest.raises(UnexpectedAnswer, match=r"https://other\.test/"):
        client.health()
    assert len(api.requests) == 1


@pytest.mark.parametrize("job_id", ["../health", "a/b", "x?limit=1", "x#y", "..", "é", "\udcff"])
def test_job_id_is_escaped_in_paths(client: Safelight, api: Any, job_id: str) -> None:
    """Whatever is taken for an ID stays one part of the path."""
    with pytest.raises(ApiError, match="does not exist"):
        client.status(job_id)
    assert api.requests[0].url.raw_path.count(b"/") == 3
    assert b"?" not in api.requests[0].url.raw_path


def test_empty_id_sends_no_request(client: Safelight, api: Any) -> None:
    """No ID is no job, not the list of all of them."""
    with pytest.raises(RequestNotSent):
        client.status("")
    assert api.requests == []
