"""What goes over the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from api.http.links import Links
from api.jobs.result_links import Sign
from shared.aws.s3.image_store import Link, StoredDeadLetter
from shared.clock import to_iso
from shared.errors import BadMessage, JobCancelled, SafelightError, UploadExpired
from shared.jobs.job import Job, JobFailure, JobStatus
from shared.jobs.object_keys import DEAD_LETTER_PREFIX, s3_uri
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.preset import PresetRef

REASON_PATTERN = r"^[A-Z][A-Z_]{0,63}$"
Moment = Annotated[datetime, PlainSerializer(to_iso, return_type=str)]


class View(BaseModel):
    """Frozen: what is shown is made once."""

    model_config = ConfigDict(frozen=True)


class RawView(View):
    """The raw image; of a direct upload nothing is known before it has been read."""

    size: int | None = Field(description="Bytes.")
    format: str | None
    width: int | None = Field(description="Pixels, upright; known once processed.")
    height: int | None
    digest: str | None = Field(description="SHA-256 of the bytes, hexadecimal.")
    source: str | None = Field(description="`s3://bucket/key` that it is copied from.")


class OutputView(View):
    """One processed image."""

    name: str
    key: str = Field(description="Object key in the image bucket.")
    s3_path: str
    size: int = Field(description="Bytes.")
    width: int = Field(description="Pixels.")
    height: int
    format: str
    media_type: str
    digest: str = Field(description="SHA-256 of the bytes, hexadecimal.")
    url: str | None = Field(default=None, description="Link that is good for a while; only where links are asked for.")


class ResultView(OutputView):
    """The first output, and all of them."""

    outputs: list[OutputView]


class FailureView(View):
    """Why a job has no result."""

    code: str
    message: str
    retriable: bool

    @classmethod
    def of(cls, failure: JobFailure | None) -> Self | None:
        """Show a failure, if there is one."""
        if failure is None:
            return None
        return cls(code=failure.code, message=failure.message, retriable=failure.retriable)


class PresetRefView(View):
    """The preset that a pipeline came from, and which version of it."""

    name: str
    version: int

    @classmethod
    def of(cls, ref: PresetRef | None) -> Self | None:
        """Show where a pipeline came from, if from a preset."""
        return None if ref is None else cls(name=ref.name, version=ref.version)


class TransitionView(View):
    """One line of a job's history."""

    status: JobStatus
    at: Moment
    code: str | None = None


class LinksView(View):
    """Where to go from here."""

    self: str
    result: str
    outputs: dict[str, str]
    receipt: str | None = Field(default=None, description="Where the job has one.")


class JobView(View):
    """A job. Once ``done``, exactly one of ``result`` and ``error`` is there (AIP-151)."""

    id: str
    filename: str
    status: JobStatus
    done: bool
    timestamp: Moment = Field(description="Moment of processing; until then, of the last transition.")
    uploaded_at: Moment
    key: str | None = Field(description="Object key of the first processed image.")
    s3_path: str | None
    size: int | None = Field(description="Bytes of the first processed image.")
    format: str | None = Field(description="Format of the first processed image.")
    raw: RawView
    pipeline: Pipeline | None
    preset: PresetRefView | None = Field(description="The preset that the pipeline came from.")
    assets: dict[str, str] = Field(
        description="SHA-256 of each stored picture that the pipeline refers to, by name, pinned when the job was made."
    )
    result: ResultView | None
    error: FailureView | None
    warnings: list[str]
    attempts: int
    generation: int
    history: list[TransitionView]
    batch_id: str | None
    webhook: str | None = Field(description="Name of the webhook that is told when the job ends.")
    expires_at: Moment | None
    links: LinksView

    @classmethod
    def of(cls, job: Job, bucket: str, links: Links, *, sign: Sign | None = None) -> Self:
        """Show a job; with ``sign``, each output with a link."""
        outputs = [
            OutputView(
                name=output.name,
                key=output.key,
                s3_path=s3_uri(bucket, output.key),
                size=output.size,
                width=output.width,
                height=output.height,
                format=output.format,
                media_type=output.media_type,
                digest=output.digest,
                url=sign(job, output) if sign else None,
            )
            for output in job.outputs
        ]
        first = outputs[0] if outputs else None
        return cls(
            id=job.id,
            filename=job.filename,
            status=job.status,
            done=job.status.is_terminal,
            timestamp=job.timestamp,
            uploaded_at=job.uploaded_at,
            key=first.key if first else None,
            s3_path=first.s3_path if first else None,
            size=first.size if first else None,
            format=first.format if first else None,
            raw=RawView(
                size=job.raw.size,
                format=job.raw.format,
                width=job.raw.width,
                height=job.raw.height,
                digest=job.raw.digest,
                source=job.source.location.uri if job.source else None,
            ),
            pipeline=job.pipeline,
            preset=PresetRefView.of(job.preset),
            assets={pin.name: pin.digest for pin in job.assets},
            result=ResultView(**first.model_dump(), outputs=outputs) if first else None,
            error=_failure(job),
            warnings=list(job.warnings),
            attempts=job.attempt,
            generation=job.generation,
            history=[TransitionView(status=line.status, at=line.at, code=line.code) for line in job.history],
            batch_id=job.batch_id,
            webhook=job.webhook,
            expires_at=job.expires_at,
            links=LinksView(
                self=links.job(job.id),
                result=links.result(job.id),
                outputs={output.name: links.output(job.id, output.name) for output in job.outputs},
                receipt=links.receipt(job.id) if job.receipt is not None else None,
            ),
        )


class JobPage(View):
    """Some jobs, newest first."""

    jobs: list[JobView]
    next_cursor: str | None = Field(description="Pass it as cursor for the next page; null when there is none.")


class DeadLetterView(View):
    """A job whose attempts were exhausted, or a message that nobody could read."""

    kind: Literal["job", "message"]
    id: str = Field(description="ID of the job, or of the message.")
    reason: str = Field(description="Code of the error; docs/errors.md lists all of them.")
    since: Moment
    owner: str | None = Field(description="Of the job.")
    attempts: int | None
    redrives: int | None = Field(description="How often the job was redriven.")
    key: str | None = Field(description="Object key of the kept message in the image bucket.")
    size: int | None = Field(description="Bytes of the kept message.")

    @classmethod
    def of_job(cls, job: Job) -> Self:
        """Show a failed job."""
        return cls(
            kind="job",
            id=job.id,
            reason=job.error.code if job.error else "",
            since=job.timestamp,
            owner=job.owner,
            attempts=job.attempt,
            redrives=job.redrives,
            key=None,
            size=None,
        )

    @classmethod
    def of_message(cls, letter: StoredDeadLetter) -> Self:
        """Show a kept message."""
        return cls(
            kind="message",
            id=letter.key.removeprefix(DEAD_LETTER_PREFIX).removesuffix(".json"),
            reason=BadMessage.code,
            since=letter.at,
            owner=None,
            attempts=None,
            redrives=None,
            key=letter.key,
            size=letter.size,
        )


class DeadLetterPage(View):
    """Some dead letters: jobs by reason, the oldest first, then messages."""

    dead_letters: list[DeadLetterView]
    next_cursor: str | None = Field(description="Pass it as cursor for the next page; null when there is none.")


class RedriveRequest(BaseModel):
    """What to redrive: exactly one of ``id``, ``reason`` and ``all``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str | None = Field(default=None, description="One job.")
    reason: str | None = Field(default=None, pattern=REASON_PATTERN, description="All of one reason.")
    all: Literal[True] | None = Field(default=None, description="All.")
    force: bool = Field(default=False, description="Also those that were redriven often already.")
    limit: int = Field(default=100, ge=1, le=100, description="Jobs in this call.")
    cursor: str | None = Field(default=None, description="`next_cursor` of the call before.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(each is not None for each in (self.id, self.reason, self.all)) != 1:
            raise ValueError("give exactly one of id, reason and all")
        return self


class RefusalView(View):
    """A job that was not redriven."""

    id: str
    code: str


class RedriveView(View):
    """What became of the jobs of one call."""

    redriven: int
    refused: int
    jobs: list[str] = Field(description="Jobs that are PENDING again.")
    refusals: list[RefusalView]
    next_cursor: str | None = Field(description="There is more: pass it as cursor; null when there is none.")


class LinkView(View):
    """A link to a processed image, good for a while and for whoever holds it."""

    url: str
    expires_at: Moment
    media_type: str
    size: int = Field(description="Bytes.")
    filename: str

    @classmethod
    def of(cls, link: Link, *, media_type: str, size: int, filename: str) -> Self:
        """Show a link."""
        return cls(url=link.url, expires_at=link.expires_at, media_type=media_type, size=size, filename=filename)


class FieldErrorView(View):
    """One wrong field."""

    pointer: str = Field(description="JSON pointer (RFC 6901) into what was sent.")
    detail: str


class ProblemView(View):
    """A problem document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str = Field(description="Stable; docs/errors.md lists all of them.")
    retriable: bool
    request_id: str
    errors: list[FieldErrorView]

    @classmethod
    def of(cls, error: SafelightError, *, instance: str, request_id: str) -> Self:
        """Show an error."""
        return cls(
            type=f"urn:safelight:problem:{error.code.lower().replace('_', '-')}",
            title=error.title,
            status=error.status,
            detail=error.detail,
            instance=instance,
            code=error.code,
            retriable=error.retriable,
            request_id=request_id,
            errors=[FieldErrorView(pointer=each.pointer, detail=each.detail) for each in error.errors],
        )


class HealthView(View):
    """The API and its table answer."""

    status: str
    version: str


#: What a job states that ended without an error of its own.
_ENDED_BY = {JobStatus.CANCELLED: JobCancelled, JobStatus.EXPIRED: UploadExpired}


def _failure(job: Job) -> FailureView | None:
    failure = job.error
    if failure is None and job.status in _ENDED_BY:
        failure = JobFailure.of(_ENDED_BY[job.status]())
    return FailureView.of(failure)


def dump(view: BaseModel) -> dict[str, Any]:
    """Turn a view into what JSON can hold."""
    return view.model_dump(mode="json")
