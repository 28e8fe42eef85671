"""Batches: groups of jobs with counts, made in pieces and looked at in pages."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from safelight.models import Added, Batch, BatchPage, Cancelling, Job, MemberPage, Retried
from safelight.presets_and_assets import Call, path_part
from safelight.transport import responses

PAGE_SIZE = 100


class Batches:
    """The caller's batches. Every method raises ClientError; what changes something is safe to repeat."""

    def __init__(self, call: Call) -> None:
        """Work through ``call``."""
        self._call = call

    def create(
        self,
        items: Sequence[Mapping[str, Any]] = (),
        *,
        name: str | None = None,
        options: Mapping[str, Any] | None = None,
        close: bool = False,
        idempotency_key: str | None = None,
    ) -> Added:
        """Make a batch, with up to 100 members.

        ``options`` holds for every member that has none of its own: ``pipeline``, ``preset`` or the short ones.
        A member has ``filename`` and ``content_type``, better also ``size`` and ``digest``, and gets a form for its
        bytes, see :meth:`safelight.uploads.DirectUploads.send`.
        """
        named = {} if name is None else {"name": name}
        document = {**(options or {}), **named, "items": list(items), "close": close}
        return self.add_body(None, json.dumps(document).encode(), idempotency_key=idempotency_key)

    def backfill(
        self,
        query: Mapping[str, Any],
        *,
        options: Mapping[str, Any],
        name: str | None = None,
        idempotency_key: str | None = None,
    ) -> Batch:
        """Make a batch of images that are stored already; :meth:`go_on` makes its members.

        ``query`` says which: ``status``, ``batch``, ``since``, ``until``, ``preset``, ``preset_version``, ``format``,
        ``copies``. ``options`` says what is to be done with them.
        """
        named = {} if name is None else {"name": name}
        # A status that is None means any, which is not what is meant by leaving it out.
        asked = {key: each for key, each in query.items() if each or key == "status"}
        document = {**options, **named, "backfill": asked}
        return self.add_body(None, json.dumps(document).encode(), idempotency_key=idempotency_key).batch

    def go_on(self, batch_id: str) -> Batch:
        """Make some more members of a backfill; ask again until ``is_filled``."""
        return responses.read(self._post(f"batches/{path_part(batch_id)}/backfill"), Batch)

    def add(
        self,
        batch_id: str,
        items: Sequence[Mapping[str, Any]],
        *,
        close: bool = False,
        idempotency_key: str | None = None,
    ) -> Added:
        """Add up to 100 members to a batch that is not closed."""
        body = json.dumps({"items": list(items), "close": close}).encode()
        return self.add_body(batch_id, body, idempotency_key=idempotency_key)

    def add_body(self, batch_id: str | None, body: bytes, *, idempotency_key: str | None = None) -> Added:
        """Send a request for members as it is; ``batch_id`` None makes a batch."""
        path = "batches" if batch_id is None else f"batches/{path_part(batch_id)}/items"
        return responses.read(self._post(path, body, idempotency_key), Added)

    def get(self, batch_id: str) -> Batch:
        """Return a batch as it stands."""
        return responses.read(self._call("GET", f"batches/{path_part(batch_id)}", repeatable=True), Batch)

    def list(self) -> Iterator[Batch]:
        """Yield the caller's batches, newest first."""
        cursor: str | None = None
        while True:
            query = {"limit": PAGE_SIZE} | ({} if cursor is None else {"cursor": cursor})
            page = responses.read(self._call("GET", "batches", query=query, repeatable=True), BatchPage)
            yield from page.batches
            cursor = page.next_cursor
            if cursor is None:
                return

    def page(  # noqa: PLR0913 - what the API can be asked for
        self,
        batch_id: str,
        *,
        after: str | None = None,
        cursor: str | None = None,
        status: str | None = None,
        links: bool = False,
        limit: int = PAGE_SIZE,
    ) -> MemberPage:
        """Return one page of members in the order of their IDs.

        ``after`` leaves out the members up to that ID. With ``links`` each output has a time-limited ``url``.
        """
        asked = {"after": after, "cursor": cursor, "status": status, "links": links or None, "limit": limit}
        query = {name: value for name, value in asked.items() if value is not None}
        path = f"batches/{path_part(batch_id)}/items"
        return responses.read(self._call("GET", path, query=query, repeatable=True), MemberPage)

    def items(self, batch_id: str, *, status: str | None = None, links: bool = False) -> Iterator[Job]:
        """Yield all members, page after page as they are consumed."""
        cursor: str | None = None
        while True:
            page = self.page(batch_id, cursor=cursor, status=status, links=links)
            yield from page.items
            cursor = page.next_cursor
            if cursor is None:
                return

    def close(self, batch_id: str) -> Batch:
        """Let a batch take no more members; it is done when they are."""
        return responses.read(self._post(f"batches/{path_part(batch_id)}/close"), Batch)

    def cancel(self, batch_id: str) -> Batch:
        """Close a batch and end every member that has not ended."""
        while True:
            left = responses.read(self._post(f"batches/{path_part(batch_id)}/cancel"), Cancelling)
            if left.remaining <= 0:
                return left

    def retry_failed(self, batch_id: str) -> Retried:
        """Begin the failed members again; ``retried`` counts them."""
        count = 0
        while True:
            some = responses.read(self._post(f"batches/{path_part(batch_id)}/retry-failed"), Retried)
            count += some.retried
            if some.remaining <= 0 or not some.retried:
                return some.model_copy(update={"retried": count})

    def _post(self, path: str, body: bytes | None = None, key: str | None = None) -> Any:  # noqa: ANN401 - httpx's
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        if body is not None:
            headers["Content-Type"] = "application/json"
        content = None if body is None else (lambda: body)
        return self._call("POST", path, headers=headers, content=content, repeatable=True)
