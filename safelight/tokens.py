"""The caller's upload tokens."""

from collections.abc import Iterator, Mapping
from typing import Any

from safelight.connection import Connection, Option, drop_none, iterate_pages, quote_path
from safelight.models import NewUploadToken, UploadToken, UploadTokenPage
from safelight.transport import responses


class UploadTokens:
    """The caller's upload tokens. Every method raises ClientError if its request fails."""

    def __init__(self, connection: Connection) -> None:
        """Use the connection of a client."""
        self._connection = connection

    def create(  # noqa: PLR0913 - what a token allows, all optional
        self,
        *,
        pipeline: Mapping[str, Any] | None = None,
        preset: str | None = None,
        options: Mapping[str, Option] | None = None,
        webhook: str | None = None,
        max_files: int | None = None,
        max_bytes: int | None = None,
        expires_in: int | None = None,
        origin: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> NewUploadToken:
        """Create a token with which a web page can upload files and read their jobs, and nothing else.

        ``pipeline``, ``preset`` and ``options`` are those of :meth:`safelight.Safelight.submit`. ``expires_in`` is in
        seconds. Only requests of web pages of ``origin`` are accepted. Each job has the ``tags``.
        """
        given = drop_none(
            {
                "pipeline": pipeline,
                "preset": preset,
                "webhook": webhook,
                "max_files": max_files,
                "max_bytes": max_bytes,
                "expires_in": expires_in,
                "origin": origin,
                "tags": dict(tags) if tags else None,
            }
        )
        # A retry after a lost response creates another token. The first one is unknown to all, and expires.
        response = self._connection.request("POST", "tokens", document={**(options or {}), **given})
        return responses.read(response, NewUploadToken)

    def list(self, limit: int | None = None) -> Iterator[UploadToken]:
        """Yield at most ``limit`` tokens, newest first. Expired ones are listed for a day."""
        return iterate_pages(
            lambda query: responses.read(self._connection.request("GET", "tokens", query=query), UploadTokenPage),
            lambda page: page.tokens,
            limit,
        )

    def get(self, token_id: str) -> UploadToken:
        """Return a token with its counts."""
        return responses.read(self._connection.request("GET", f"tokens/{quote_path(token_id)}"), UploadToken)

    def revoke(self, token_id: str) -> UploadToken:
        """Revoke a token and return it. The next request with it is refused. Idempotent."""
        return responses.read(self._connection.request("DELETE", f"tokens/{quote_path(token_id)}"), UploadToken)
