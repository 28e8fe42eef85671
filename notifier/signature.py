"""Webhook signatures as defined by Standard Webhooks (https://github.com/standard-webhooks/standard-webhooks)."""

import base64
import hashlib
import hmac

from shared.webhooks.webhook import SECRET_PREFIX, SigningSecrets


def build_signature_headers(secrets: SigningSecrets, *, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers with which a receiver verifies the sender and the age of an event.

    ``timestamp`` is in seconds since 1970. While a secret is being replaced, there are two signatures, one for each
    secret.
    """
    content = b".".join((message_id.encode(), str(timestamp).encode(), body))
    keys = [secret for secret in (secrets.current, secrets.previous) if secret is not None]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_sign(secret, content)}" for secret in keys),
    }


def _sign(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
