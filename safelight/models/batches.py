"""Batches and their members."""

from typing import Any

from pydantic import Field

from safelight.models.catalog import PresetReference
from safelight.models.jobs import Job
from safelight.models.response import Response, Timestamp
from safelight.models.uploads import MultipartUpload, SignedPut, UploadForm


class Backfill(Response):
    """Which jobs a backfill selects, and its progress. A filter that was not given is None."""

    status: str | None = None
    preset: str | None = None
    preset_version: int | None = None
    #: Format of the raw image.
    format: str | None = None
    #: ID of a batch.
    batch: str | None = None
    since: str | None = None
    until: str | None = None
    #: True if jobs that are copies of others are selected, too.
    copies: bool = False
    #: True if all members have been created.
    complete: bool = False
    #: Number of selected jobs whose image is no longer stored.
    skipped: int = 0


class PrefixImport(Response):
    """The progress of an import of a prefix."""

    source: str = ""
    #: Patterns, one of which each object's key matches; empty for all objects.
    include: tuple[str, ...] = ()
    #: True if all members have been created.
    complete: bool = False
    #: Number of objects that were examined.
    examined: int = 0
    #: Number of matching objects that are too large or archived.
    skipped: int = 0
    #: The first skipped objects, each with its ``key`` and the ``code`` of the error.
    examples: tuple[dict[str, str], ...] = ()


class Walk(Response):
    """What the server still does for a batch, without a client."""

    #: ``running``, ``paused``, ``failed`` or ``over``.
    state: str = "over"
    creating: bool = False
    retrying: bool = False
    cancelling: bool = False
    #: ``code`` and ``detail``, if the server has given up.
    error: dict[str, str] | None = None


class Batch(Response):
    """A group of jobs and their counts by status."""

    id: str
    name: str | None = None
    created_at: Timestamp | None = None
    expires_at: Timestamp | None = None
    #: Of the members that name no other; None if the batch has none.
    pipeline: dict[str, Any] | None = None
    preset: PresetReference | None = None
    #: True if the batch accepts no more members.
    closed: bool = False
    #: True if the batch is closed and all members have ended.
    done: bool = False
    finished_at: Timestamp | None = None
    total: int = 0
    #: Number of members that are ``open``, ``completed``, ``failed``, ``cancelled`` and ``expired``.
    counts: dict[str, int] = Field(default_factory=dict)
    #: Share of the members that have ended, from 0 to 1.
    progress: float | None = None
    #: Number of members that have ended, per second since the batch was created.
    rate: float | None = None
    #: None if the batch is not a backfill.
    backfill: Backfill | None = None
    #: None if the batch is not an import of a prefix.
    prefix: PrefixImport | None = None
    walk: Walk = Field(default_factory=Walk)
    links: dict[str, Any] = Field(default_factory=dict)

    @property
    def is_filled(self) -> bool:
        """Return True if no members of a backfill or an import remain to be created."""
        fill = self.backfill or self.prefix
        return fill is None or fill.complete


class BatchPage(Response):
    """One page of batches."""

    batches: tuple[Batch, ...] = ()
    next_cursor: str | None = None


class MemberPage(Response):
    """One page of a batch's jobs."""

    items: tuple[Job, ...] = ()
    next_cursor: str | None = None


class MemberJob(Response):
    """The job of a new member."""

    id: str
    status: str
    filename: str | None = None
    links: dict[str, str] = Field(default_factory=dict)


class FieldError(Response):
    """An invalid field of a member."""

    pointer: str = ""
    detail: str = ""


class MemberError(Response):
    """Why a member was rejected."""

    code: str
    title: str = ""
    detail: str | None = None
    retriable: bool = False
    errors: tuple[FieldError, ...] = ()

    def describe(self) -> str:
        """Return the error and its invalid fields in one line."""
        fields = "".join(f" {each.pointer}: {each.detail}." for each in self.errors)
        return (self.detail or self.title) + fields


class MemberResult(Response):
    """The outcome for one member of a request: a job, with how to send its file, or an error."""

    index: int
    job: MemberJob | None = None
    upload: UploadForm | None = None
    put: SignedPut | None = None
    multipart: MultipartUpload | None = None
    error: MemberError | None = None


class AddedMembers(Response):
    """The response to a request that adds members to a batch."""

    batch: Batch
    items: tuple[MemberResult, ...] = ()


class BatchCancellation(Batch):
    """A batch whose open members are being cancelled."""

    #: Number of members that are still open.
    remaining: int = 0


class BatchRetry(Response):
    """A retry of the failed members of a batch."""

    batch: Batch
    #: Number of members that were retried.
    retried: int = 0
    #: Is 0 if no failed members remain.
    remaining: int = 0
