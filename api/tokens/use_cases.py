"""Upload tokens: create, read, list and revoke them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Self

from api.dependencies import Dependencies
from api.tokens.schemas import TokenRequest
from shared.aws.dynamodb.idempotency.token_table import TokenPage, TokenTable
from shared.clock import Clock
from shared.errors import TokenNotFound
from shared.ids import is_id, new_id
from shared.jobs.job_spec import JobSpec
from shared.jobs.upload_token import UploadToken, format_token, hash_secret, new_secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Manages upload tokens."""

    table: TokenTable
    clock: Clock
    #: Largest image, bytes.
    max_raw_bytes: int
    make_secret: Callable[[], str] = new_secret

    @classmethod
    def of(cls, dependencies: Dependencies) -> Self:
        """Return the use case with the API's dependencies."""
        return cls(
            table=dependencies.tokens, clock=dependencies.clock, max_raw_bytes=dependencies.settings.max_raw_bytes
        )

    def create(self, request: TokenRequest, spec: JobSpec, owner: str) -> tuple[UploadToken, str]:
        """Create a token whose jobs have a spec. Return it, and its text, which is not stored."""
        now, secret = self.clock(), self.make_secret()
        token_id = new_id(now)
        token = UploadToken(
            id=token_id,
            owner=owner,
            digest=hash_secret(secret),
            spec=replace(spec, token_id=token_id, tags=tuple(sorted(request.tags.items()))),
            created_at=now,
            expires_at=now + timedelta(seconds=request.expires_in),
            max_files=request.max_files,
            max_bytes=request.max_bytes or request.max_files * self.max_raw_bytes,
            origin=request.origin,
        )
        self.table.create(token)
        return token, format_token(token_id, secret)

    def get(self, token_id: str, owner: str) -> UploadToken:
        """Return one of the owner's tokens. Raises TokenNotFound."""
        return self.table.get(_require_id(token_id), owner)

    def page(self, owner: str, *, limit: int, after: str | None) -> TokenPage:
        """Return a page of the owner's tokens, newest first."""
        return self.table.page(owner, limit=limit, after=after)

    def revoke(self, token_id: str, owner: str) -> UploadToken:
        """Revoke a token, so that the next request with it is refused, and return it. Raises TokenNotFound."""
        return self.table.revoke(_require_id(token_id), owner, now=self.clock())


def _require_id(token_id: str) -> str:
    identifier = token_id.upper()
    if not is_id(identifier):
        raise TokenNotFound
    return identifier
