"""Request bodies and views of watches."""

from typing import Any, Literal, Self

from pydantic import Field, StrictBool

from api.batches.schemas import PrefixRequest
from api.batches.views import SkippedObjectView
from api.http.schemas import Timestamp, View
from api.jobs.options import Options, read_as
from api.jobs.schemas import FailureView, PresetRefView
from api.jobs.tags import MAX_TAGS, Tags
from shared.errors import FieldError, InvalidRequest
from shared.jobs.prefix_import import SkippedObject
from shared.jobs.watch import Grouping, Watch
from shared.pipeline.pipeline import Pipeline


class WatchRequest(Options):
    """A new watch: which objects become jobs, and what happens to each."""

    prefix: PrefixRequest = Field(description="The objects to watch.")
    batch: Grouping = Field(
        default=Grouping.DAY,
        description="`day`: one batch for each day (UTC). `prefix`: one batch for each folder, that is, for the "
        "objects that have the same key up to the last slash.",
    )
    existing: StrictBool = Field(default=False, description="Create jobs also for the objects that exist already.")
    tags: Tags = Field(
        default_factory=dict, max_length=MAX_TAGS, description="Names and values that each job shows, and its events."
    )


def read_watch_request(query: dict[str, Any], fields: dict[str, Any]) -> WatchRequest:
    """Return the validated request for a watch. Raises InvalidRequest or InvalidPipeline if a field is invalid."""
    request = read_as(WatchRequest, query, fields)
    if request.filename is not None:
        raise InvalidRequest(errors=(FieldError("/filename", "is allowed only for a job"),))
    return request


class WatchedPrefixView(View):
    """The objects that a watch is responsible for."""

    source: str
    include: list[str]


class WatchCountsView(View):
    """Numbers of objects."""

    jobs: int = Field(description="Jobs that were created. Deleted jobs count too.")
    skipped: int = Field(description="Objects that can't become a job, because they are too large or archived.")


class WatchView(View):
    """A watch and its counts."""

    id: str
    state: Literal["active", "paused"]
    created_at: Timestamp
    paused_at: Timestamp | None
    prefix: WatchedPrefixView
    batch: Grouping
    existing: bool
    pipeline: Pipeline | None
    preset: PresetRefView | None
    webhook: str | None
    tags: dict[str, str]
    counts: WatchCountsView
    examples: list[SkippedObjectView] = Field(description="Some of the skipped objects.")
    catching_up: bool = Field(description="True while the server lists the objects of the prefix.")
    caught_up_at: Timestamp | None = Field(
        description="All objects that existed at this time have their job. Null before the first catch-up is over."
    )
    error: FailureView | None = Field(description="Why the objects can't be listed at present.")

    @classmethod
    def of(cls, watch: Watch, examples: tuple[SkippedObject, ...]) -> Self:
        """Return the view of a watch."""
        return cls(
            id=watch.id,
            state="active" if watch.paused_at is None else "paused",
            created_at=watch.created_at,
            paused_at=watch.paused_at,
            prefix=WatchedPrefixView(source=watch.uri, include=list(watch.include)),
            batch=watch.grouping,
            existing=watch.since is None,
            pipeline=watch.pipeline,
            preset=PresetRefView.of(watch.preset),
            webhook=watch.webhook,
            tags=dict(watch.tags),
            counts=WatchCountsView(jobs=watch.jobs, skipped=watch.skipped),
            examples=[SkippedObjectView(key=each.key, code=each.code) for each in examples],
            catching_up=watch.paused_at is None and (watch.catch_up is not None or watch.fully_caught_up_at is None),
            caught_up_at=watch.caught_up_at,
            error=FailureView.of(watch.error),
        )


class WatchListView(View):
    """The caller's watches, newest first."""

    watches: list[WatchView]
