"""Signatures, checked by the reference implementation of Standard Webhooks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from notifier.signature import build_signature_headers
from shared.webhooks.webhook import SigningSecrets, new_secret


def now() -> int:
    """Return the current time."""
    return int(datetime.now(UTC).timestamp())


@given(st.text())
def test_any_body_can_be_verified(text: str) -> None:
    """A receiver with the secret accepts every body."""
    secret = new_secret()
    body = text.encode("utf-8", "replace")
    headers = build_signature_headers(SigningSecrets(secret), message_id="evt_1", timestamp=now(), body=body)
    Webhook(secret).verify(body, headers, json_parse=False)


def test_signatures_equal_the_reference() -> None:
    """With the same characters."""
    secret, moment = new_secret(), datetime(2026, 11, 22, tzinfo=UTC)
    headers = build_signature_headers(
        SigningSecrets(secret), message_id="evt_1", timestamp=int(moment.timestamp()), body=b"{}"
    )
    assert headers["webhook-signature"] == Webhook(secret).sign("evt_1", moment, "{}")
    assert headers["webhook-id"] == "evt_1"


def test_both_secrets_are_valid_during_a_rotation() -> None:
    """A receiver can change to the new secret at any time."""
    new, old = new_secret(), new_secret()
    headers = build_signature_headers(SigningSecrets(new, old), message_id="evt_1", timestamp=now(), body=b"{}")
    for secret in (new, old):
        Webhook(secret).verify(b"{}", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(b"{}", headers)


@pytest.mark.parametrize(
    "change",
    [{"body": b"{ }"}, {"webhook-id": "evt_2"}, {"webhook-timestamp": -10}],
    ids=["body", "id", "time"],
)
def test_a_changed_webhook_is_rejected(change: dict[str, str | bytes | int]) -> None:
    """Body, ID and time are signed."""
    secret, signed_at = new_secret(), now()
    headers = build_signature_headers(SigningSecrets(secret), message_id="evt_1", timestamp=signed_at, body=b"{}")
    body = change.get("body", b"{}")
    assert isinstance(body, bytes)
    Webhook(secret).verify(b"{}", headers)
    for name in change.keys() & headers.keys():
        value = change[name]
        headers[name] = str(signed_at + value if isinstance(value, int) else value)
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(secret).verify(body, headers)


def test_an_old_webhook_is_rejected() -> None:
    """A recorded webhook cannot be replayed later."""
    secret = new_secret()
    old = now() - int(timedelta(minutes=6).total_seconds())
    headers = build_signature_headers(SigningSecrets(secret), message_id="evt_1", timestamp=old, body=b"{}")
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(secret).verify(b"{}", headers)
