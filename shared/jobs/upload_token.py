"""Upload tokens: what a caller without credentials, such as a web page, may do for an owner.

A token is text of the form ``slt_ID_SECRET``. Only the SHA-256 digest of the secret is stored. A secret has 256 random
bits, so a slow hash would add nothing.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from shared.errors import SafelightError, TokenExpired, TokenRevoked, TokenUsedUp
from shared.jobs.job_spec import JobSpec

PREFIX: Final = "slt_"
#: Bytes.
SECRET_BYTES: Final = 32
_SHAPE: Final = re.compile(PREFIX + r"([0-7][0-9A-HJKMNP-TV-Z]{25})_([A-Za-z0-9_-]{43})")


class TokenState(StrEnum):
    """Whether a token can be used."""

    ACTIVE = "ACTIVE"
    #: All files or bytes are used. The token can still read its jobs.
    USED_UP = "USED_UP"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadToken:
    """An upload token, without its secret."""

    id: str
    owner: str
    #: SHA-256 of the secret, hexadecimal.
    digest: str
    #: What happens to each file. It contains the ID of the token.
    spec: JobSpec
    created_at: datetime
    expires_at: datetime
    #: Jobs that the token can create.
    max_files: int
    #: Bytes of all files together.
    max_bytes: int
    #: Only requests of web pages of this origin are accepted; None to accept all requests.
    origin: str | None = None
    #: Jobs that the token has created. This number never decreases.
    files: int = 0
    #: Bytes of these jobs.
    bytes: int = 0
    revoked_at: datetime | None = None

    def has_secret(self, secret: str) -> bool:
        """Return True if a secret is the one of this token. The time does not depend on the secret."""
        return hmac.compare_digest(hash_secret(secret), self.digest)

    def get_state(self, now: datetime) -> TokenState:
        """Return whether the token can be used."""
        if self.revoked_at is not None:
            return TokenState.REVOKED
        if self.expires_at <= now:
            return TokenState.EXPIRED
        return TokenState.USED_UP if self.files >= self.max_files or self.bytes >= self.max_bytes else TokenState.ACTIVE

    def find_problem(self, now: datetime) -> SafelightError | None:
        """Return TokenRevoked or TokenExpired if the token can no longer be used, otherwise None."""
        state = self.get_state(now)
        if state is TokenState.REVOKED:
            return TokenRevoked()
        return TokenExpired() if state is TokenState.EXPIRED else None

    def require_room(self, size: int, now: datetime) -> None:
        """Check that the token allows another file of ``size`` bytes.

        Raises TokenRevoked, TokenExpired or TokenUsedUp.
        """
        if (problem := self.find_problem(now)) is not None:
            raise problem
        if self.files >= self.max_files:
            raise TokenUsedUp(f"The upload token allows {self.max_files:,} files, which exist.")
        if self.bytes + size > self.max_bytes:
            left = self.max_bytes - self.bytes
            raise TokenUsedUp(f"The upload token allows {left:,} more bytes; the file counts {size:,}.")


def new_secret() -> str:
    """Return the secret of a new token: 43 characters that are safe in URLs."""
    return secrets.token_urlsafe(SECRET_BYTES)


def hash_secret(secret: str) -> str:
    """Return the digest of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def format_token(token_id: str, secret: str) -> str:
    """Return the text of a token."""
    return f"{PREFIX}{token_id}_{secret}"


def parse_token(text: str) -> tuple[str, str] | None:
    """Return the ID and the secret of a token, or None if the text is not a token."""
    found = _SHAPE.fullmatch(text)
    return (found[1], found[2]) if found else None
