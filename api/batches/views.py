"""Views of batches and their members."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, Self

from pydantic import Field

from api.http.links import Links
from api.http.schemas import FieldErrorView, Timestamp, View
from api.jobs.schemas import JobView, PresetRefView
from api.uploads.schemas import Instructions
from shared.errors import SafelightError
from shared.jobs.backfill import Backfill
from shared.jobs.batch import Batch, BatchState
from shared.jobs.job import Job, JobStatus
from shared.jobs.prefix_import import PrefixImport
from shared.pipeline.pipeline import Pipeline


class CountsView(View):
    """Number of members with each status."""

    open: int = Field(description="Members that are AWAITING_UPLOAD, PENDING or PROCESSING.")
    completed: int
    failed: int
    cancelled: int
    expired: int


class BackfillView(View):
    """The filter of a backfill and its progress."""

    status: JobStatus | None
    batch: str | None
    since: Timestamp | None
    until: Timestamp | None
    preset: str | None
    preset_version: int | None
    format: str | None
    copies: bool
    complete: bool = Field(description="True if all members are created.")
    skipped: int = Field(description="Number of matching jobs whose raw image is no longer stored.")

    @classmethod
    def of(cls, backfill: Backfill | None) -> Self | None:
        """Return the view of a backfill, or None if ``backfill`` is None."""
        if backfill is None:
            return None
        query = backfill.filter
        return cls(
            status=query.status,
            batch=query.batch_id,
            since=query.since,
            until=query.until,
            preset=query.preset,
            preset_version=query.preset_version,
            format=query.format,
            copies=query.copies,
            complete=backfill.complete,
            skipped=backfill.skipped,
        )


class SkippedObjectView(View):
    """An object that can't become a job."""

    key: str
    code: str


class PrefixView(View):
    """The objects of an import and its progress."""

    source: str
    include: list[str]
    examined: int = Field(description="Number of objects that were examined.")
    skipped: int = Field(description="Number of matching objects that are too large or archived.")
    examples: list[SkippedObjectView] = Field(description="The first skipped objects.")
    complete: bool = Field(description="True if all members are created.")

    @classmethod
    def of(cls, fill: PrefixImport | None) -> Self | None:
        """Return the view of an import, or None if ``fill`` is None."""
        if fill is None:
            return None
        return cls(
            source=fill.uri,
            include=list(fill.include),
            examined=fill.examined,
            skipped=fill.skipped,
            examples=[SkippedObjectView(key=each.key, code=each.code) for each in fill.examples],
            complete=fill.complete,
        )


class WalkErrorView(View):
    """Why the server has given up."""

    code: str
    detail: str


class WalkView(View):
    """What the server still does for the batch, without a client."""

    state: Literal["running", "paused", "failed", "over"] = Field(
        description="`failed`: the server has given up. `POST …/resume` lets it try again."
    )
    creating: bool = Field(description="True while the server creates members.")
    retrying: bool = Field(description="True while the server retries failed members.")
    cancelling: bool = Field(description="True while the server cancels open members.")
    error: WalkErrorView | None

    @classmethod
    def of(cls, batch: Batch) -> Self:
        """Return the view of the operations on a batch."""
        error, is_open = batch.walk_error, batch.is_filling or batch.retrying is not None
        if batch.cancelling is not None:
            state: Literal["running", "paused", "failed", "over"] = "running"
        elif is_open and batch.paused_at is not None:
            state = "paused"
        elif is_open:
            state = "failed" if error is not None else "running"
        else:
            state = "over"
        return cls(
            state=state,
            creating=batch.is_filling,
            retrying=batch.retrying is not None,
            cancelling=batch.cancelling is not None,
            error=WalkErrorView(code=error.code, detail=error.message) if error is not None else None,
        )


class BatchLinksView(View):
    """Links to the batch and its members."""

    self: str
    items: str


class BatchView(View):
    """A batch. It is ``done`` once it is closed and every member has ended."""

    id: str
    name: str | None
    created_at: Timestamp
    closed: bool
    done: bool
    finished_at: Timestamp | None
    total: int
    counts: CountsView
    progress: float = Field(description="Fraction of the members that have ended, from 0 to 1.")
    rate: float | None = Field(
        description="Members that ended per second, on average from the creation of the batch until now or its end."
    )
    pipeline: Pipeline | None
    preset: PresetRefView | None
    backfill: BackfillView | None = Field(description="Null if the batch is not a backfill.")
    prefix: PrefixView | None = Field(description="Null if the batch is not an import of a prefix.")
    walk: WalkView
    expires_at: Timestamp
    links: BatchLinksView

    @classmethod
    def of(cls, state: BatchState, links: Links, now: datetime, **more: Any) -> Self:  # noqa: ANN401 - a subclass's own
        """Return the view of a batch."""
        batch, counts = state.batch, state.counts
        finished = state.finished_at
        seconds = ((finished or now) - batch.created_at).total_seconds()
        empty = 1.0 if batch.closed_at is not None else 0.0
        return cls(
            id=batch.id,
            name=batch.name,
            created_at=batch.created_at,
            closed=batch.closed_at is not None,
            done=state.is_done,
            finished_at=finished,
            total=state.total,
            counts=CountsView(
                open=state.open,
                completed=counts.completed,
                failed=counts.failed,
                cancelled=counts.cancelled,
                expired=counts.expired,
            ),
            progress=counts.ended / state.total if state.total else empty,
            rate=round(counts.ended / seconds, 3) if counts.ended and seconds > 0 else None,
            pipeline=batch.pipeline,
            preset=PresetRefView.of(batch.preset),
            backfill=BackfillView.of(batch.backfill),
            prefix=PrefixView.of(batch.prefix_import),
            walk=WalkView.of(batch),
            expires_at=batch.expires_at,
            links=BatchLinksView(self=links.batch(batch.id), items=links.batch(batch.id) + "/items"),
            **more,
        )


class BatchPageView(View):
    """A page of batches, newest first."""

    batches: list[BatchView]
    next_cursor: str | None


class CancelledBatchView(BatchView):
    """A batch whose members are being cancelled."""

    remaining: int = Field(description="Number of open members. The server cancels them without further calls.")


class RetriedBatchView(View):
    """A batch and how many members were retried."""

    batch: BatchView
    retried: int
    remaining: int = Field(
        description="Estimated number of failed members still to retry. The server retries them without further calls."
    )


class MemberJobView(View):
    """Summary of a new member's job."""

    id: str
    status: JobStatus
    filename: str
    links: dict[str, str]

    @classmethod
    def of(cls, job: Job, links: Links) -> Self:
        """Return the view of a new member."""
        return cls(id=job.id, status=job.status, filename=job.filename, links={"self": links.job(job.id)})


class MemberProblemView(View):
    """The error because of which a member was not created."""

    code: str
    title: str
    detail: str
    retriable: bool
    errors: list[FieldErrorView]

    @classmethod
    def of(cls, error: SafelightError) -> Self:
        """Return the view of an error."""
        return cls(
            code=error.code,
            title=error.title,
            detail=error.detail,
            retriable=error.retriable,
            errors=[FieldErrorView(pointer=each.pointer, detail=each.detail) for each in error.errors],
        )


class MemberResultView(Instructions):
    """Outcome for one requested member: a job or an error."""

    index: int
    job: MemberJobView | None = None
    error: MemberProblemView | None = None

    @classmethod
    def created(cls, index: int, job: Job, instructions: Instructions, links: Links) -> Self:
        """Return the view of a member that was created."""
        return cls(index=index, job=MemberJobView.of(job, links), **instructions.model_dump())

    @classmethod
    def refused(cls, index: int, problem: Mapping[str, Any]) -> Self:
        """Return the view of a member that was not created."""
        return cls(index=index, error=MemberProblemView.model_validate(problem))


class AddedMembersView(View):
    """A batch, and the outcome for each requested member."""

    batch: BatchView
    items: list[MemberResultView]


class MemberPageView(View):
    """A page of members in the order of their IDs."""

    items: list[JobView]
    next_cursor: str | None
