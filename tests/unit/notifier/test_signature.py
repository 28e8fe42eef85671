"""Signatures, checked by the reference implementation of Standard Webhooks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from notifier.signature import build_signature_headers
from shared.webhooks.webhook import SigningSecrets, new_secret


def now() -> int:
    """Return this second."""
    return int(datetime.now(UTC).timestamp())


@given(st.text())
def test_any_body_is_verified(text: str) -> None:
    """Whatever the body is, a receiver with the secret takes it for ours."""
    secret = new_secret()
    body = text.encode("utf-8", "replace")
    headers = build_signature_headers(SigningSecrets(secret), message_id="evt_1", timestamp=now(), body=body)
    Webhook(secret).verify(body, headers, json_parse=False)


def test_it_is_the_signature_of_the_reference() -> None:
    """Not only taken for valid: the same characters."""
    secret, moment = new_secret(), datetime(2026, 11, 22, tzinfo=UTC)
    headers = build_signature_headers(
        SigningSecrets(secret), message_id="evt_1", timestamp=int(moment.timestamp()), body=b"{}"
    )
    assert headers["webhook-signature"] == Webhook(secret).sign("evt_1", moment, "{}")
    assert headers["webhook-id"] == "evt_1"


def test_during_a_rotation_both_secrets_are_taken() -> None:
    """A receiver may change to the new secret at any moment of the rotation."""
    new, old = new_secret(), new_secret()
    headers = build_signature_headers(SigningSecrets(new, old), message_id="evt_1", timestamp=now(), body=b"{}")
    for secret in (new, old):
        Webhook(secret).verify(b"{}", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(b"{}", headers)


@pytest.mark.parametrize(
    "change",
    [{"body": b"{ }"}, {"webhook-id": "evt_2"}, {"webhook-timestamp": str(now() - 10)}],
    ids=["body", "id", "time"],
)
def test_what_was_changed_on_the_way_is_found_out(change: dict[str, str | bytes]) -> None:
    """Body, ID and moment are all signed."""
    secret = new_secret()
    headers = build_signature_headers(SigningSecrets(secret), message_id="evt_1", timestamp=now(), body=b"{}")
    body = change.pop("body", b"{}")
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body, {**headers, **{name: str(value) for name, value in change.items()}})


def test_an_old_message_is_found_out() -> None:
    """Whoever records a message can't play it again much later."""
    secret = new_secret()
    old = now() - int(timedelta(minutes=6).total_seconds())
    headers = build_signature_headers(SigningSecrets(secret), message_id="evt_1", timestamp=old, body=b"{}")
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(b"{}", headers)
