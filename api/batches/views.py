"""Batches over the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from pydantic import Field

from api.http.links import Links
from api.http.schemas import FieldErrorView, Timestamp, View
from api.jobs.schemas import JobView, PresetRefView
from api.uploads.schemas import UploadView
from shared.aws.s3.upload_forms import UploadForm
from shared.errors import SafelightError
from shared.jobs.backfill import Backfill
from shared.jobs.batch import BatchState
from shared.jobs.job import Job, JobStatus
from shared.pipeline.pipeline import Pipeline


class CountsView(View):
    """Members by what became of them."""

    open: int = Field(description="AWAITING_UPLOAD, PENDING and PROCESSING.")
    completed: int
    failed: int
    cancelled: int
    expired: int


class BackfillView(View):
    """Which stored images the members are made of, and how far that is."""

    status: JobStatus | None
    batch: str | None
    since: Timestamp | None
    until: Timestamp | None
    preset: str | None
    preset_version: int | None
    format: str | None
    copies: bool
    complete: bool = Field(description="Whether all members are made.")
    skipped: int = Field(description="Jobs that were wanted and whose picture is no longer stored.")

    @classmethod
    def of(cls, backfill: Backfill | None) -> Self | None:
        """Show a backfill, where a batch is one."""
        if backfill is None:
            return None
        wanted = backfill.filter
        return cls(
            status=wanted.status,
            batch=wanted.batch_id,
            since=wanted.since,
            until=wanted.until,
            preset=wanted.preset,
            preset_version=wanted.preset_version,
            format=wanted.format,
            copies=wanted.copies,
            complete=backfill.complete,
            skipped=backfill.skipped,
        )


class BatchLinksView(View):
    """Where to go from here."""

    self: str
    items: str


class BatchView(View):
    """A batch. It is ``done`` when it is closed and every member has ended."""

    id: str
    name: str | None
    created_at: Timestamp
    closed: bool
    done: bool
    finished_at: Timestamp | None
    total: int
    counts: CountsView
    progress: float = Field(description="Members that have ended, of all: 0 to 1.")
    rate: float | None = Field(
        description="Members ended per second, from the making of the batch until now or its end."
    )
    pipeline: Pipeline | None
    preset: PresetRefView | None
    backfill: BackfillView | None = Field(description="Null where members were sent.")
    expires_at: Timestamp
    links: BatchLinksView

    @classmethod
    def of(cls, standing: BatchState, links: Links, now: datetime, **more: Any) -> Self:  # noqa: ANN401 - a subclass's own
        """Show a batch."""
        batch, tally = standing.batch, standing.counts
        finished = standing.finished_at
        seconds = ((finished or now) - batch.created_at).total_seconds()
        empty = 1.0 if batch.closed_at is not None else 0.0
        return cls(
            id=batch.id,
            name=batch.name,
            created_at=batch.created_at,
            closed=batch.closed_at is not None,
            done=standing.is_done,
            finished_at=finished,
            total=standing.total,
            counts=CountsView(
                open=standing.open,
                completed=tally.completed,
                failed=tally.failed,
                cancelled=tally.cancelled,
                expired=tally.expired,
            ),
            progress=tally.ended / standing.total if standing.total else empty,
            rate=round(tally.ended / seconds, 3) if tally.ended and seconds > 0 else None,
            pipeline=batch.pipeline,
            preset=PresetRefView.of(batch.preset),
            backfill=BackfillView.of(batch.backfill),
            expires_at=batch.expires_at,
            links=BatchLinksView(self=links.batch(batch.id), items=links.batch(batch.id) + "/items"),
            **more,
        )


class BatchPageView(View):
    """Some batches, newest first."""

    batches: list[BatchView]
    next_cursor: str | None


class CancellingView(BatchView):
    """A batch whose members are being cancelled."""

    remaining: int = Field(description="Members that have not ended; call again until 0.")


class RetryingView(View):
    """What was begun again."""

    batch: BatchView
    retried: int
    remaining: int = Field(description="At least so many failed members are still to be retried; call again until 0.")


class MemberJobView(View):
    """A new member's job, in short."""

    id: str
    status: JobStatus
    filename: str
    links: dict[str, str]

    @classmethod
    def of(cls, job: Job, links: Links) -> Self:
        """Show a new member."""
        return cls(id=job.id, status=job.status, filename=job.filename, links={"self": links.job(job.id)})


class MemberProblemView(View):
    """Why a member was not made."""

    code: str
    title: str
    detail: str
    retriable: bool
    errors: list[FieldErrorView]

    @classmethod
    def of(cls, error: SafelightError) -> Self:
        """Show an error."""
        return cls(
            code=error.code,
            title=error.title,
            detail=error.detail,
            retriable=error.retriable,
            errors=[FieldErrorView(pointer=each.pointer, detail=each.detail) for each in error.errors],
        )


class AddedView(View):
    """What became of one member of a request."""

    index: int
    job: MemberJobView | None = None
    upload: UploadView | None = Field(default=None, description="Null where no bytes are to be sent any more.")
    error: MemberProblemView | None = None

    @classmethod
    def made(cls, index: int, job: Job, form: UploadForm | None, links: Links) -> Self:
        """Show a member that was made."""
        return cls(index=index, job=MemberJobView.of(job, links), upload=UploadView.of(form))

    @classmethod
    def refused(cls, index: int, problem: Mapping[str, Any]) -> Self:
        """Show a member that was not made."""
        return cls(index=index, error=MemberProblemView.model_validate(problem))


class FilledView(View):
    """A batch, and what became of the members of a request."""

    batch: BatchView
    items: list[AddedView]


class MemberPageView(View):
    """Some members in the order of their IDs."""

    items: list[JobView]
    next_cursor: str | None
