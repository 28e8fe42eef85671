"""A webhook: an address that its owner wants to be told at, and the secret by which it knows us."""

import base64
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import SplitResult, urlsplit

from shared.webhooks.public_addresses import is_internal_literal

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what Standard Webhooks puts in front of every secret
#: Standard Webhooks asks for 24 to 64.
SECRET_BYTES: Final = 32
#: For so long after a rotation the secret before signs too.
SECRET_OVERLAP: Final = timedelta(hours=24)
MAX_URL: Final = 2048
#: Why a webhook was disabled.
GONE: Final = "the receiver answered 410 Gone"
_HOST = re.compile(r"^[A-Za-z0-9.:_-]+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where one owner wants to be told, and of what."""

    owner: str
    name: str
    url: str
    #: Types of events that it wants.
    events: tuple[str, ...]
    created_at: datetime
    updated_at: datetime
    #: Why nothing is sent any more; None while it is in use.
    disabled: str | None = None


@dataclass(frozen=True, slots=True)
class SigningSecrets:
    """What signs: the newest secret first."""

    current: str
    previous: str | None = None


def new_secret() -> str:
    """Make a secret as Standard Webhooks writes it."""
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
        return "is no URL"
    if problem := _malformed(url, parts):
        return problem
    if allow_internal:
        return None if parts.scheme in {"http", "https"} else "must begin with http:// or https://"
    if parts.scheme != "https":
        return "must begin with https://"
    if port not in {None, 443}:
        return "must use port 443"
    return "leads to an internal address" if is_internal_literal(parts.hostname or "") else None


def _malformed(url: str, parts: SplitResult) -> str | None:
    if not url.isascii() or not url.isprintable() or " " in url:
        return "must be of printable ASCII without spaces"
    if len(url) > MAX_URL:
        return f"must have at most {MAX_URL} characters"
    if not parts.hostname or not _HOST.match(parts.hostname):
        return "names no host"
    if parts.username is not None or parts.password is not None:
        return "must not carry credentials"
    return "must not have a fragment" if parts.fragment else None
