"""Watches of prefixes."""

from typing import Any

from pydantic import Field

from safelight.models.catalog import PresetReference
from safelight.models.jobs import JobFailure
from safelight.models.response import Response, Timestamp


class WatchedPrefix(Response):
    """The objects that a watch is responsible for."""

    source: str = ""
    include: tuple[str, ...] = ()


class WatchCounts(Response):
    """Numbers of objects."""

    #: Jobs that were created.
    jobs: int = 0
    #: Objects that can't become a job.
    skipped: int = 0


class Watch(Response):
    """A rule that turns each object that appears under a prefix into a job."""

    id: str
    #: A newer API can return a state that this client does not know.
    state: str
    created_at: Timestamp | None = None
    paused_at: Timestamp | None = None
    prefix: WatchedPrefix = WatchedPrefix()
    #: ``day`` or ``prefix``: how the jobs are grouped into batches.
    batch: str = "day"
    existing: bool = False
    pipeline: dict[str, Any] | None = None
    preset: PresetReference | None = None
    webhook: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    counts: WatchCounts = WatchCounts()
    #: Some of the skipped objects, each with its ``key`` and the ``code`` of the error.
    examples: tuple[dict[str, str], ...] = ()
    #: True while the server lists the objects of the prefix.
    catching_up: bool = False
    #: All objects that existed at this time have their job.
    caught_up_at: Timestamp | None = None
    #: Why the server can't list the objects at present.
    error: JobFailure | None = None


class WatchList(Response):
    """The caller's watches."""

    watches: tuple[Watch, ...] = ()
