"""Signatures as Standard Webhooks prescribes them (https://github.com/standard-webhooks/standard-webhooks)."""

import base64
import hashlib
import hmac

from shared.webhooks.webhook import SECRET_PREFIX, Secrets


def signed_headers(secrets: Secrets, *, identifier: str, timestamp: int, body: bytes) -> dict[str, str]:
    """Return the three headers by which a receiver knows a message as ours, and as new.

    ``timestamp`` is in seconds since 1970. During a rotation there are two signatures, one by each secret.
    """
    content = b".".join((identifier.encode(), str(timestamp).encode(), body))
    keys = [secret for secret in (secrets.current, secrets.previous) if secret is not None]
    return {
        "webhook-id": identifier,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{_signature(secret, content)}" for secret in keys),
    }


def _signature(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
