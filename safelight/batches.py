"""Batches: groups of jobs. A request adds up to 100 members, and members are listed in pages."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from safelight.connection import PAGE_SIZE, Connection, drop_none, iterate_pages, quote_path
from safelight.models import AddedMembers, Batch, BatchCancellation, BatchPage, BatchRetry, Job, MemberPage
from safelight.transport import responses


class Batches:
    """The caller's batches. Every method raises ClientError if its request fails, and is safe to repeat."""

    def __init__(self, connection: Connection) -> None:
        """Use the connection of a client."""
        self._connection = connection

    def create(
        self,
        items: Sequence[Mapping[str, Any]] = (),
        *,
        name: str | None = None,
        options: Mapping[str, Any] | None = None,
        close: bool = False,
        idempotency_key: str | None = None,
    ) -> AddedMembers:
        """Create a batch with up to 100 members. Return the batch, and a job or an error for each member.

        ``options`` (``pipeline``, ``preset`` or shorthand options) applies to each member that has no options itself.
        A member in ``items`` has ``filename`` and ``content_type``, and should have ``size`` and ``digest``. Send its
        file with its upload form and :meth:`safelight.uploads.DirectUploads.send`.
        """
        document = {**(options or {}), **drop_none({"name": name}), "items": list(items), "close": close}
        return self.add_body(None, json.dumps(document).encode(), idempotency_key=idempotency_key)

    def backfill(
        self,
        query: Mapping[str, Any],
        *,
        options: Mapping[str, Any],
        name: str | None = None,
        idempotency_key: str | None = None,
    ) -> Batch:
        """Create a batch for stored images, without members. :meth:`continue_backfill` creates the members.

        ``query`` selects the jobs whose images are processed again, by ``status``, ``batch``, ``since``, ``until``,
        ``preset``, ``preset_version``, ``format`` and ``copies``. ``options`` contains the new pipeline or preset.
        """
        # The API's default status is COMPLETED, and None selects every status.
        given = {key: value for key, value in query.items() if value or key == "status"}
        document = {**options, **drop_none({"name": name}), "backfill": given}
        return self.add_body(None, json.dumps(document).encode(), idempotency_key=idempotency_key).batch

    def import_prefix(
        self,
        source: str,
        *,
        include: Sequence[str] = (),
        options: Mapping[str, Any] | None = None,
        name: str | None = None,
        idempotency_key: str | None = None,
    ) -> Batch:
        """Create a batch for the objects under ``s3://bucket/prefix/``. The server creates its members.

        ``include`` has patterns of file names, such as ``*.jpg``. By default, all files with the suffix of an image are
        imported. The server starts within a minute and continues without this client.
        """
        prefix = {"source": source, "include": list(include)}
        document = {**(options or {}), **drop_none({"name": name}), "prefix": prefix}
        return self.add_body(None, json.dumps(document).encode(), idempotency_key=idempotency_key).batch

    def pause(self, batch_id: str) -> Batch:
        """Let the server create and retry no more members, and return the batch."""
        return responses.read(self._connection.post(f"batches/{quote_path(batch_id)}/pause"), Batch)

    def resume(self, batch_id: str) -> Batch:
        """Let the server continue what was paused, or what it has given up, and return the batch."""
        return responses.read(self._connection.post(f"batches/{quote_path(batch_id)}/resume"), Batch)

    def continue_backfill(self, batch_id: str) -> Batch:
        """Create more members of a backfill or an import now, and return the batch.

        Repeat the call until ``is_filled`` is true, or let the server continue.
        """
        return responses.read(self._connection.post(f"batches/{quote_path(batch_id)}/backfill"), Batch)

    def add(
        self,
        batch_id: str,
        items: Sequence[Mapping[str, Any]],
        *,
        close: bool = False,
        idempotency_key: str | None = None,
    ) -> AddedMembers:
        """Add up to 100 members to a batch that is not closed."""
        body = json.dumps({"items": list(items), "close": close}).encode()
        return self.add_body(batch_id, body, idempotency_key=idempotency_key)

    def add_body(self, batch_id: str | None, body: bytes, *, idempotency_key: str | None = None) -> AddedMembers:
        """Send an encoded request that adds members to a batch, or creates a batch if ``batch_id`` is None."""
        path = "batches" if batch_id is None else f"batches/{quote_path(batch_id)}/items"
        return responses.read(self._connection.post(path, body=body, key=idempotency_key), AddedMembers)

    def get(self, batch_id: str) -> Batch:
        """Return a batch with its current counts."""
        return responses.read(self._connection.request("GET", f"batches/{quote_path(batch_id)}"), Batch)

    def list(self) -> Iterator[Batch]:
        """Yield the caller's batches, newest first."""
        return iterate_pages(
            lambda query: responses.read(self._connection.request("GET", "batches", query=query), BatchPage),
            lambda page: page.batches,
        )

    def page(  # noqa: PLR0913 - the API's parameters
        self,
        batch_id: str,
        *,
        after: str | None = None,
        cursor: str | None = None,
        status: str | None = None,
        links: bool = False,
        limit: int = PAGE_SIZE,
    ) -> MemberPage:
        """Return one page of members, in the order of their IDs. With ``after``, the page starts after this ID.

        With ``links``, each output has a time-limited ``url``.
        """
        query = drop_none({"after": after, "cursor": cursor, "status": status, "links": links or None, "limit": limit})
        path = f"batches/{quote_path(batch_id)}/items"
        return responses.read(self._connection.request("GET", path, query=query), MemberPage)

    def items(self, batch_id: str, *, status: str | None = None, links: bool = False) -> Iterator[Job]:
        """Yield all members. Pages are requested when they are needed."""
        return iterate_pages(
            lambda query: self.page(batch_id, status=status, links=links, **query), lambda page: page.items
        )

    def close(self, batch_id: str) -> Batch:
        """Close a batch and return it.

        A closed batch accepts no more members, and is done when all members have ended.
        """
        return responses.read(self._connection.post(f"batches/{quote_path(batch_id)}/close"), Batch)

    def cancel(self, batch_id: str) -> Batch:
        """Close a batch, cancel every open member, and return the batch."""
        while True:
            batch = responses.read(self._connection.post(f"batches/{quote_path(batch_id)}/cancel"), BatchCancellation)
            if batch.remaining <= 0:
                return batch

    def retry_failed(self, batch_id: str) -> BatchRetry:
        """Retry the failed members of a batch. Return the batch, and their number in ``retried``."""
        count = 0
        while True:
            response = responses.read(self._connection.post(f"batches/{quote_path(batch_id)}/retry-failed"), BatchRetry)
            count += response.retried
            if response.remaining <= 0:
                return response.model_copy(update={"retried": count})
