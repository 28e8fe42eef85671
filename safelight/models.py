"""The answers of the API as typed values.

Fields that this client does not know are kept and not complained about, so that an older client goes
on working with a newer API; a status may be one that it has never heard of.
"""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer


def _to_iso(moment: datetime) -> str:
    """Write a moment as the API does: UTC, milliseconds, ``Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(_to_iso, return_type=str, when_used="json")]


class _Answer(BaseModel):
    # Names are worth keeping, values are not: every ID and digest is another one.
    model_config = ConfigDict(frozen=True, extra="allow", cache_strings="keys")

    def document(self) -> dict[str, Any]:
        """Return the answer as JSON values, unknown fields included."""
        return self.model_dump(mode="json")


class RawImage(_Answer):
    """Facts of the uploaded bytes."""

    #: Bytes.
    size: int | None = None
    format: str | None = None
    #: Pixels; known once the job has been looked at.
    width: int | None = None
    height: int | None = None
    #: SHA-256, hexadecimal.
    digest: str | None = None
    #: ``s3://bucket/key`` that it is copied from.
    source: str | None = None


class Output(_Answer):
    """Facts of one processed image."""

    name: str
    key: str | None = None
    s3_path: str | None = None
    #: Bytes.
    size: int | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    media_type: str | None = None
    #: SHA-256, hexadecimal.
    digest: str | None = None

    @property
    def url(self) -> str | None:
        """Return the time-limited link to it, where the API was asked for one along with the job."""
        link = (self.model_extra or {}).get("url")
        return link if isinstance(link, str) else None


class Result(_Answer):
    """What a completed job made; the facts are those of its first output."""

    key: str | None = None
    s3_path: str | None = None
    size: int | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    media_type: str | None = None
    digest: str | None = None
    outputs: tuple[Output, ...] = ()


class JobFailure(_Answer):
    """Why a job failed."""

    code: str
    message: str
    retriable: bool = False


class Transition(_Answer):
    """One line of a job's history."""

    status: str
    at: Moment
    code: str | None = None


class Job(_Answer):
    """One image, one pipeline, one status."""

    id: str
    status: str
    #: Whether nothing more happens by itself.
    done: bool
    filename: str | None = None
    #: Moment of processing; until then, of the last transition.
    timestamp: Moment | None = None
    uploaded_at: Moment | None = None
    s3_path: str | None = None
    key: str | None = None
    #: Bytes of the processed image.
    size: int | None = None
    format: str | None = None
    raw: RawImage = RawImage()
    pipeline: dict[str, Any] = Field(default_factory=dict)
    result: Result | None = None
    error: JobFailure | None = None
    warnings: tuple[str, ...] = ()
    attempts: int = 0
    generation: int = 1
    history: tuple[Transition, ...] = ()
    batch_id: str | None = None
    expires_at: Moment | None = None
    links: dict[str, Any] = Field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """Tell whether the job ended with a result."""
        return self.done and self.error is None and self.result is not None


class ReceiptAnswer(_Answer):
    """What a job was made of and by what, and the digest that names it."""

    #: SHA-256, hexadecimal, of the receipt in canonical form (RFC 8785).
    digest: str
    receipt: dict[str, Any]


class GoneObject(_Answer):
    """An object that was deleted."""

    key: str
    #: Bytes.
    size: int | None = None
    #: SHA-256, hexadecimal.
    digest: str | None = None


class Staying(_Answer):
    """What is still there of a deleted job."""

    what: str
    holds: str = ""
    until: Moment | None = None


class Deletion(_Answer):
    """What a deletion has removed."""

    id: str
    deleted_at: Moment | None = None
    objects: tuple[GoneObject, ...] = ()
    object_count: int = 0
    #: Of all objects.
    bytes: int = 0
    stays: tuple[Staying, ...] = ()
    #: Until when the statement can be read.
    expires_at: Moment | None = None


class Link(_Answer):
    """A time-limited link to one processed image."""

    url: str
    expires_at: Moment | None = None
    #: Bytes.
    size: int | None = None


class Form(_Answer):
    """What S3 takes the bytes of one job with, for a limited time."""

    url: str
    #: To be sent in this order, before the file.
    fields: dict[str, str]
    max_bytes: int | None = None
    expires_at: Moment | None = None


class FormAnswer(_Answer):
    """A fresh form."""

    upload: Form


class Announced(Job):
    """A job whose bytes are still to come, and the form for them; None where it has them."""

    upload: Form | None = None


class JobPage(_Answer):
    """One page of a listing."""

    jobs: tuple[Job, ...] = ()
    next_cursor: str | None = None


class DeadLetter(_Answer):
    """A job that failed by something that may pass, or a message that nobody could read."""

    kind: str
    id: str
    reason: str
    since: Moment | None = None
    owner: str | None = None
    attempts: int | None = None
    redrives: int | None = None
    key: str | None = None
    size: int | None = None


class DeadLetterPage(_Answer):
    """One page of dead letters."""

    dead_letters: tuple[DeadLetter, ...] = ()
    next_cursor: str | None = None


class Refusal(_Answer):
    """A job that was not redriven."""

    id: str
    code: str


class Redriven(_Answer):
    """What became of dead letters that were to begin again."""

    redriven: int = 0
    refused: int = 0
    jobs: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    next_cursor: str | None = None

    def joined(self, later: "Redriven") -> "Redriven":
        """Return this and a later answer as one."""
        return Redriven(
            redriven=self.redriven + later.redriven,
            refused=self.refused + later.refused,
            jobs=self.jobs + later.jobs,
            refusals=self.refusals + later.refusals,
            next_cursor=later.next_cursor,
        )


class Health(_Answer):
    """What the API says of itself."""

    status: str = "ok"


class Named(_Answer):
    """A name and a version: the preset that a pipeline came from."""

    name: str
    version: int


class Preset(_Answer):
    """One version of a named pipeline."""

    name: str
    version: int
    description: str = ""
    built_in: bool = False
    created_at: Moment | None = None
    pipeline: dict[str, Any] = Field(default_factory=dict)


class WebhookSecret(_Answer):
    """What a webhook signs with, where the answer shows it."""

    secret: str = ""


class PresetPage(_Answer):
    """One page of presets."""

    presets: tuple[Preset, ...] = ()
    next_cursor: str | None = None


class Asset(_Answer):
    """The facts of an image that the caller keeps for watermarks."""

    name: str
    format: str | None = None
    #: Bytes.
    size: int | None = None
    #: Pixels.
    width: int | None = None
    height: int | None = None
    #: SHA-256, hexadecimal.
    digest: str | None = None
    uploaded_at: Moment | None = None


class AssetPage(_Answer):
    """One page of assets."""

    assets: tuple[Asset, ...] = ()
    next_cursor: str | None = None


class PlanStep(_Answer):
    """One operation and the size that it leads to."""

    op: str
    width: int | None = None
    height: int | None = None


class PlanWarning(_Answer):
    """One thing to know before."""

    code: str
    message: str
    pointer: str = ""
    certain: bool = True


class PlannedPicture(_Answer):
    """The image that a plan is for."""

    format: str | None = None
    width: int | None = None
    height: int | None = None
    size: int | None = None


class Estimate(_Answer):
    """Orders of magnitude."""

    milliseconds: int | None = None
    memory_bytes: int | None = None


class Plan(_Answer):
    """What a job would do and how it would end."""

    ok: bool
    failure: JobFailure | None = None
    picture: PlannedPicture = PlannedPicture()
    pipeline: dict[str, Any] = Field(default_factory=dict)
    preset: Named | None = None
    steps: tuple[PlanStep, ...] = ()
    outputs: tuple[Output, ...] = ()
    warnings: tuple[PlanWarning, ...] = ()
    estimate: Estimate = Estimate()


class Backfill(_Answer):
    """Which stored images the members of a batch are made of, and how far that is."""

    #: Whether all members are made.
    complete: bool = False
    #: Jobs that were wanted and whose image is no longer stored.
    skipped: int = 0


class Batch(_Answer):
    """A group of jobs, and how many of them are how far."""

    id: str
    name: str | None = None
    created_at: Moment | None = None
    #: Whether it takes no more members.
    closed: bool = False
    #: Whether it is closed and nothing more happens to any member by itself.
    done: bool = False
    finished_at: Moment | None = None
    total: int = 0
    #: Members that are ``open``, ``completed``, ``failed``, ``cancelled``, ``expired``.
    counts: dict[str, int] = Field(default_factory=dict)
    #: From 0 to 1.
    progress: float | None = None
    #: Jobs ended per second since the batch was made.
    rate: float | None = None
    #: Where members are made of stored images.
    backfill: Backfill | None = None
    links: dict[str, Any] = Field(default_factory=dict)

    @property
    def is_filled(self) -> bool:
        """Tell whether no more members are to be made of stored images."""
        return self.backfill is None or self.backfill.complete


class BatchPage(_Answer):
    """One page of batches."""

    batches: tuple[Batch, ...] = ()
    next_cursor: str | None = None


class MemberPage(_Answer):
    """One page of a batch's jobs."""

    items: tuple[Job, ...] = ()
    next_cursor: str | None = None


class MemberJob(_Answer):
    """The job of a new member."""

    id: str
    status: str
    filename: str | None = None


class WrongField(_Answer):
    """One field of a member that is wrong."""

    pointer: str = ""
    detail: str = ""


class MemberProblem(_Answer):
    """Why a member was not taken."""

    code: str
    title: str = ""
    detail: str | None = None
    retriable: bool = False
    errors: tuple[WrongField, ...] = ()

    def sentence(self) -> str:
        """Return what is wrong as one line."""
        fields = "".join(f" {each.pointer}: {each.detail}." for each in self.errors)
        return (self.detail or self.title) + fields


class AddedMember(_Answer):
    """What became of one member of a request: a job, with a form unless it needs no bytes, or an error."""

    index: int
    job: MemberJob | None = None
    upload: Form | None = None
    error: MemberProblem | None = None


class Added(_Answer):
    """What became of the members of a request."""

    batch: Batch
    items: tuple[AddedMember, ...] = ()


class Cancelling(Batch):
    """A batch whose open members are being cancelled."""

    remaining: int = 0


class Retried(_Answer):
    """Failed members of a batch that begin again."""

    batch: Batch
    retried: int = 0
    remaining: int = 0
