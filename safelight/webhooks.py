"""Verification of the events that webhooks receive (Standard Webhooks), and a local server that receives events."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from safelight.errors import ClientError

#: Largest accepted difference between the timestamp of an event and the clock of this machine. An event that someone
#: has recorded can't be sent again after this time.
TOLERANCE: Final = timedelta(minutes=5)
#: Longest accepted body, bytes. Events have only a few kilobytes.
MAX_BODY: Final = 1024 * 1024
_PREFIX: Final = "whsec_"


class WebhookNotVerified(ClientError):
    """An event has no valid signature, or its timestamp is missing, too old or too far in the future."""

    code = "WEBHOOK_NOT_VERIFIED"


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime | None = None) -> dict[str, Any]:
    """Return the event in a request body after checking its signature and age.

    ``headers`` are those of the request. Raises WebhookNotVerified if the signature or the age is not valid.
    """
    lowercase = {name.lower(): value for name, value in headers.items()}
    identifier, timestamp = lowercase.get("webhook-id", ""), lowercase.get("webhook-timestamp", "")
    try:
        age = (now or datetime.now(UTC)) - datetime.fromtimestamp(int(timestamp), UTC)
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (ValueError, OverflowError, OSError, binascii.Error) as error:
        raise WebhookNotVerified("The message has no valid timestamp, or the secret is malformed.") from error
    if abs(age) > TOLERANCE:
        raise WebhookNotVerified("The message is more than 5 minutes old, or a clock is wrong.")
    content = b".".join((identifier.encode(), timestamp.encode(), body))
    expected = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    signatures = (each.partition(",") for each in lowercase.get("webhook-signature", "").split(" "))
    # compare_digest accepts only ASCII strings, and a header can contain other characters.
    if not any(
        version == "v1" and hmac.compare_digest(signature.encode(), expected.encode())
        for version, _, signature in signatures
    ):
        raise WebhookNotVerified("The message has no signature made with this secret.")
    try:
        event: dict[str, Any] = json.loads(body)
    except ValueError as error:
        raise WebhookNotVerified("The message is signed, but its body is not JSON.") from error
    return event


class Listener(ThreadingHTTPServer):
    """A local server that returns 204 for events with a valid signature, and 401 for other requests."""

    daemon_threads = True

    def __init__(
        self,
        port: int,
        secret: str,
        on_event: Callable[[dict[str, Any]], None],
        on_refusal: Callable[[WebhookNotVerified], None],
    ) -> None:
        """Listen on ``port``, or on a free port if it is 0. Raises OSError if the port is in use.

        The attribute ``secret`` can be set later.
        """
        super().__init__(("127.0.0.1", port), _Handler)
        self.secret = secret
        self.on_event = on_event
        self.on_refusal = on_refusal


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    timeout = 10

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            self._respond(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        try:
            event = verify(self.server.secret, dict(self.headers), self.rfile.read(int(length)))
        except WebhookNotVerified as error:
            self._respond(HTTPStatus.UNAUTHORIZED)
            self.server.on_refusal(error)
            return
        self._respond(HTTPStatus.NO_CONTENT)
        self.server.on_event(event)

    def _respond(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Print nothing: the callbacks decide what to print."""
