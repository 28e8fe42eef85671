"""The caller's watches of S3 prefixes."""

from collections.abc import Mapping, Sequence
from typing import Any

from safelight.connection import Connection, Option, drop_none, quote_path
from safelight.models import Watch, WatchList
from safelight.transport import responses


class Watches:
    """The caller's watches. Every method raises ClientError if its request fails."""

    def __init__(self, connection: Connection) -> None:
        """Use the connection of a client."""
        self._connection = connection

    def create(  # noqa: PLR0913 - what a watch does, all but the source optional
        self,
        source: str,
        *,
        include: Sequence[str] = (),
        batch: str | None = None,
        existing: bool = False,
        pipeline: Mapping[str, Any] | None = None,
        preset: str | None = None,
        options: Mapping[str, Option] | None = None,
        webhook: str | None = None,
        tags: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
    ) -> Watch:
        """Let each object that appears under a prefix, such as ``s3://bucket/prefix/``, become a job.

        ``pipeline``, ``preset`` and ``options`` are those of :meth:`safelight.Safelight.submit`. ``include`` has
        patterns of the objects. ``batch`` is ``day`` or ``prefix``. With ``existing``, the objects that exist already
        become jobs too. Each job has the ``tags``.
        """
        given = drop_none(
            {
                "prefix": {"source": source, "include": list(include)},
                "batch": batch,
                "existing": existing or None,
                "pipeline": pipeline,
                "preset": preset,
                "webhook": webhook,
                "tags": dict(tags) if tags else None,
            }
        )
        response = self._connection.post("watches", {**(options or {}), **given}, key=idempotency_key)
        return responses.read(response, Watch)

    def list(self) -> Sequence[Watch]:
        """Return all watches, newest first."""
        return responses.read(self._connection.request("GET", "watches"), WatchList).watches

    def get(self, watch_id: str) -> Watch:
        """Return a watch with its counts."""
        return responses.read(self._connection.request("GET", f"watches/{quote_path(watch_id)}"), Watch)

    def pause(self, watch_id: str) -> Watch:
        """Let a watch create no more jobs, and return it. Idempotent."""
        return responses.read(self._connection.post(f"watches/{quote_path(watch_id)}/pause"), Watch)

    def resume(self, watch_id: str) -> Watch:
        """Let a watch create jobs, also for the objects of the pause, and return it. Idempotent."""
        return responses.read(self._connection.post(f"watches/{quote_path(watch_id)}/resume"), Watch)

    def delete(self, watch_id: str) -> None:
        """Delete a watch. Its jobs and batches stay."""
        self._connection.request("DELETE", f"watches/{quote_path(watch_id)}")
