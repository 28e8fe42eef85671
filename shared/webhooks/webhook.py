"""Webhooks: URLs that receive events, and the secrets that sign them."""

import base64
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the prefix of every secret in Standard Webhooks
#: Standard Webhooks requires 24 to 64.
SECRET_BYTES: Final = 32
#: How long the previous secret also signs after a rotation.
SECRET_OVERLAP: Final = timedelta(hours=24)
#: Reason for disabling a webhook.
GONE: Final = "the receiver answered 410 Gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A URL of one owner and the event types that it receives."""

    owner: str
    name: str
    url: str
    #: Event types to send.
    events: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    #: Why the webhook is disabled; None while it is enabled.
    disabled: str | None = None
    #: Failed tries since the last success.
    failures: int = 0
    #: Pauses since the last success (``shared.webhooks.circuit``).
    pauses: int = 0
    #: End of the current pause. After it, one delivery is tried.
    paused_until: datetime | None = None
    #: Until this time, the table can contain deferred deliveries of the webhook.
    may_defer_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class SigningSecrets:
    """The current secret, and the previous secret as long as events are also signed with it."""

    current: str
    previous: str | None = None


def new_secret() -> str:
    """Return a new secret in the format of Standard Webhooks."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
