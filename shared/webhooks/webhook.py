"""Webhooks: URLs that receive events, and the secrets that sign them."""

import base64
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import SplitResult, urlsplit

from shared.webhooks.public_addresses import is_internal_literal

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - the prefix of every secret in Standard Webhooks
#: Standard Webhooks requires 24 to 64.
SECRET_BYTES: Final = 32
#: How long the previous secret also signs after a rotation.
SECRET_OVERLAP: Final = timedelta(hours=24)
MAX_URL: Final = 2048
#: Reason for disabling a webhook.
GONE: Final = "the receiver answered 410 Gone"
_HOST = re.compile(r"^[A-Za-z0-9.:_-]+$")


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


def find_url_problem(url: str, *, allow_internal: bool) -> str | None:
    """Return what is wrong with a webhook URL, or None if it may be used.

    ``allow_internal`` permits plain HTTP, any port and internal addresses, for local development. The address that a
    host name resolves to is not checked here: it may change, so every connection checks it.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "is not a URL"
    if problem := _malformed(url, parts):
        return problem
    if allow_internal:
        return None if parts.scheme in {"http", "https"} else "must begin with http:// or https://"
    if parts.scheme != "https":
        return "must begin with https://"
    if port not in {None, 443}:
        return "must use port 443"
    return "has an internal address" if is_internal_literal(parts.hostname or "") else None


def _malformed(url: str, parts: SplitResult) -> str | None:
    if not url.isascii() or not url.isprintable() or " " in url:
        return "must be printable ASCII without spaces"
    if len(url) > MAX_URL:
        return f"must have at most {MAX_URL} characters"
    if not parts.hostname or not _HOST.match(parts.hostname):
        return "has no host"
    if parts.username is not None or parts.password is not None:
        return "must not contain credentials"
    return "must not have a fragment" if parts.fragment else None
