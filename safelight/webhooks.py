"""The receiver's side of webhooks: verify what came, and a small server that prints it.

Verification is as Standard Webhooks prescribes it; a receiver of one's own may use :func:`verify` too.
"""

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

#: How far the moment in a message may be from ours: older ones may have been recorded.
TOLERANCE: Final = timedelta(minutes=5)
#: Bytes; events are a few kilobytes.
MAX_BODY: Final = 1024 * 1024
_PREFIX: Final = "whsec_"


class WebhookNotVerified(ClientError):
    """A message that is not from whom it should be, was changed on its way, or is too old."""

    code = "WEBHOOK_NOT_VERIFIED"


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: datetime | None = None) -> dict[str, Any]:
    """Return the event that a message brings. Raises WebhookNotVerified."""
    given = {name.lower(): value for name, value in headers.items()}
    identifier, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    try:
        age = (now or datetime.now(UTC)) - datetime.fromtimestamp(int(timestamp), UTC)
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (ValueError, OverflowError, OSError, binascii.Error) as error:
        raise WebhookNotVerified("The message has no moment, or the secret is none.") from error
    if abs(age) > TOLERANCE:
        raise WebhookNotVerified("The message is too old, or one of the two clocks is wrong.")
    content = b".".join((identifier.encode(), timestamp.encode(), body))
    expected = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
    signatures = (each.partition(",") for each in given.get("webhook-signature", "").split(" "))
    # Compared as bytes: a header may hold what is not ASCII.
    if not any(
        version == "v1" and hmac.compare_digest(signature.encode(), expected.encode())
        for version, _, signature in signatures
    ):
        raise WebhookNotVerified("No signature of the message is by this secret.")
    try:
        event: dict[str, Any] = json.loads(body)
    except ValueError as error:
        raise WebhookNotVerified("The message is signed, but no JSON.") from error
    return event


class Listener(ThreadingHTTPServer):
    """A server on this machine that answers 204 to what it can verify and 401 to the rest."""

    daemon_threads = True

    def __init__(
        self,
        port: int,
        secret: str,
        heard: Callable[[dict[str, Any]], None],
        refused: Callable[[WebhookNotVerified], None],
    ) -> None:
        """Listen on ``port``, 0 for a free one; ``secret`` may be set later. Raises OSError where it is taken."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.secret = secret
        self.heard = heard
        self.refused = refused


class _Handler(BaseHTTPRequestHandler):
    server: Listener
    timeout = 10

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MAX_BODY:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return
        try:
            event = verify(self.server.secret, dict(self.headers), self.rfile.read(int(length)))
        except WebhookNotVerified as error:
            self._answer(HTTPStatus.UNAUTHORIZED)
            self.server.refused(error)
            return
        self._answer(HTTPStatus.NO_CONTENT)
        self.server.heard(event)

    def _answer(self, status: HTTPStatus) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing: what is to be said is printed by whoever listens."""
