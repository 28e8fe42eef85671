"""Receiving webhooks: what is verified, and the command that prints it."""

import base64
import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from safelight.cli.commands import webhooks
from safelight.webhooks import MAX_BODY, Listener, WebhookNotVerified, verify

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
EVENT = {"id": "evt_1", "type": "image.job.completed", "subject": "J"}
BODY = json.dumps(EVENT).encode()


def signed(body: bytes = BODY, secret: str = SECRET, at: datetime | None = None) -> dict[str, str]:
    """Sign a message with the reference implementation."""
    moment = at or datetime.now(UTC)
    signature = Webhook(secret).sign("evt_1", moment, body.decode())
    stamp = str(int(moment.timestamp()))
    return {"Webhook-Id": "evt_1", "Webhook-Timestamp": stamp, "Webhook-Signature": signature}


def test_signature_of_the_reference_is_accepted() -> None:
    """Header names are case-insensitive, and a second signature from a rotation is ignored."""
    headers = signed()
    assert verify(SECRET, headers, BODY) == EVENT
    assert verify(SECRET, headers | {"Webhook-Signature": f"v1,AAAA {headers['Webhook-Signature']}"}, BODY) == EVENT


#: Headers and body of each message. They are made during the test, because a signature is valid for minutes only.
INVALID: Mapping[str, Callable[[], tuple[dict[str, str], bytes]]] = {
    "nothing": lambda: ({}, BODY),
    "body": lambda: (signed(), b"{}"),
    "secret": lambda: (signed(secret="whsec_" + base64.b64encode(b"x" * 32).decode()), BODY),
    "old": lambda: (signed(at=datetime.now(UTC) - timedelta(minutes=6)), BODY),
    "future": lambda: (signed(at=datetime.now(UTC) + timedelta(minutes=10)), BODY),
    "time": lambda: (signed() | {"Webhook-Timestamp": "soon"}, BODY),
    "overflow": lambda: (signed() | {"Webhook-Timestamp": "9" * 30}, BODY),
    "letters": lambda: (signed() | {"Webhook-Signature": "v1,ä"}, BODY),
    "version": lambda: (signed() | {"Webhook-Signature": signed()["Webhook-Signature"].replace("v1", "v2")}, BODY),
    "json": lambda: (signed(b"no json"), b"no json"),
}


@pytest.mark.parametrize("make", INVALID.values(), ids=list(INVALID))
def test_invalid_messages_are_rejected(make: Callable[[], tuple[dict[str, str], bytes]]) -> None:
    """Changed, foreign, old and malformed messages raise WebhookNotVerified."""
    headers, body = make()
    with pytest.raises(WebhookNotVerified):
        verify(SECRET, headers, body)


def test_malformed_secret_is_rejected() -> None:
    """A mistyped secret is an error of that name, not a crash."""
    with pytest.raises(WebhookNotVerified):
        verify("whsec_!!", signed(), BODY)


def test_listener_status_depends_on_the_verification() -> None:
    """Signed messages get 204, others 401, and oversized ones 413."""
    events: list[object] = []
    refusals: list[object] = []
    with Listener(0, SECRET, events.append, refusals.append) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.server_port}/"
        with httpx.Client(trust_env=False, timeout=600) as client:
            assert client.post(url, content=BODY, headers=signed()).status_code == 204
            assert client.post(url, content=b"{}", headers=signed()).status_code == 401
        line = HTTPConnection("127.0.0.1", listener.server_port)
        line.putrequest("POST", "/")
        line.putheader("Content-Length", str(MAX_BODY + 1))
        line.endheaders()
        assert line.getresponse().status == 413
        line.close()
        listener.shutdown()
        thread.join()
    assert events == [EVENT]
    assert len(refusals) == 1


@pytest.mark.parametrize(("is_terminal", "separator"), [(True, "  "), (False, "\t")])
def test_event_is_one_line(is_terminal: bool, separator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time, type, job and error code. Control characters in them are escaped, the separators are not."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal)
    event = {"time": "T", "type": "image.job.failed", "subject": "J\x1b", "data": {"error": {"code": "TIMEOUT"}}}
    assert webhooks._format_event(event) == separator.join(["T", "image.job.failed", "J\\x1b", "TIMEOUT"])
    assert webhooks._format_event({"time": "T", "type": "t", "subject": "J"}).split(separator) == ["T", "t", "J", "-"]
