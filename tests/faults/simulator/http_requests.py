"""Requests through the whole API function, and clients that repeat a request until it is answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from faults.simulator.functions import Functions
from faults.simulator.invocations import End, Invocation, Kind
from faults.simulator.lambda_platform import LambdaPlatform
from support import events

import api.app

#: A client repeats a request this long after the API function must have ended.
PAUSE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request with an Idempotency-Key, which makes repetitions safe. ``DELETE`` needs none."""

    method: str
    path: str
    body: str | None = None
    key: str = "key-of-the-client"

    @property
    def headers(self) -> Mapping[str, str]:
        """Return the headers."""
        own = {} if self.method == "DELETE" else {"Idempotency-Key": self.key}
        return own | ({"Content-Type": "application/json"} if self.body is not None else {})


def send_request(functions: Functions, request: HttpRequest) -> str:
    """Send a request to the API function; return the status.

    Only one request at a time: the function keeps the current one in a global, as Lambda allows.
    """
    event = events.http(request.method, request.path, request.body, headers=request.headers)
    return str(api.app.handler(event, functions.make_context())["statusCode"])


def start_request(platform: LambdaPlatform, request: HttpRequest) -> Invocation:
    """Let a client send a request, and repeat it once if there is no response or a 5xx response."""
    functions = platform.functions
    ask = partial(send_request, functions, request)
    limit = functions.limit(Kind.API)
    first = functions.world.start(Kind.API, ask, limit=limit)

    def ask_again() -> None:
        status = ask()
        if not status.startswith("2"):
            functions.world.watch.breaches.append(f"I5 a repeated request got {status}: {request}")

    def repeat() -> None:
        if first.end is not End.RETURNED or first.result.startswith("5"):
            functions.world.start(Kind.API, ask_again, limit=limit)

    functions.world.later(limit + PAUSE, repeat)
    return first


def require_success(platform: LambdaPlatform, request: HttpRequest) -> None:
    """Send a request without a fault, and require its success."""
    client = platform.client(partial(send_request, platform.functions, request))
    while client.end is None:
        platform.functions.world.advance(next(a for a in platform.functions.world.ready() if a.root is client))
    assert client.end is End.RETURNED
    assert client.result.startswith("2"), client.result
