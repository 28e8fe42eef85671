"""Views of jobs, receipts and deletions."""

from collections.abc import Callable
from typing import Self

from pydantic import Field

from api.http.links import Links
from api.http.schemas import Timestamp, View
from api.jobs.markup import MarkupView
from shared.errors import JobCancelled, UploadExpired
from shared.jobs.job import Job, JobFailure, JobStatus, ProcessedImage
from shared.jobs.object_keys import s3_uri
from shared.jobs.receipt import Receipt
from shared.pipeline.facts import ImageFacts
from shared.pipeline.pipeline import Pipeline
from shared.pipeline.preset import PresetRef
from shared.pipeline.responsive import SkippedOutput

#: Returns a temporary link to an output of a job.
Sign = Callable[[Job, ProcessedImage], str]


class RawView(View):
    """The raw image. For a direct upload, the properties are null until a worker has read the file."""

    size: int | None = Field(description="Size in bytes.")
    format: str | None
    width: int | None = Field(
        description="Pixels, after the EXIF orientation is applied. Null until the image is processed."
    )
    height: int | None
    digest: str | None = Field(description="SHA-256 digest of the file, hexadecimal.")
    source: str | None = Field(
        description="`s3://bucket/key` of the imported object, a URL without its query, or `job:ID` for the stored raw "
        "image of a job. Null for uploads."
    )


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
    url: str | None = Field(default=None, description="Temporary link. Null unless the request asks for links.")


class SkippedView(View):
    """A responsive output that is not written."""

    name: str
    width: int = Field(description="Pixels.")
    format: str
    reason: str

    @classmethod
    def of(cls, skipped: SkippedOutput) -> Self:
        """Return the view of a skipped output."""
        name = skipped.format.image_format.name
        return cls(name=skipped.name, width=skipped.width, format=name, reason=skipped.reason)


class ResultView(OutputView):
    """The processed image of the first output, and in `outputs` those of all outputs."""

    outputs: list[OutputView]
    skipped: list[SkippedView] = Field(description="Responsive outputs that are wider than the image.")
    markup: MarkupView | None = Field(
        description="HTML for the outputs. Null in lists, and if browsers can't show the outputs."
    )


class FailureView(View):
    """The error of a job without a result."""

    code: str
    message: str
    retriable: bool

    @classmethod
    def of(cls, failure: JobFailure | None) -> Self | None:
        """Return the view of a failure, or None if ``failure`` is None."""
        if failure is None:
            return None
        return cls(code=failure.code, message=failure.message, retriable=failure.retriable)


class PresetRefView(View):
    """The name and version of the preset that a pipeline came from."""

    name: str
    version: int

    @classmethod
    def of(cls, ref: PresetRef | None) -> Self | None:
        """Return the view of a preset reference, or None if ``ref`` is None."""
        return None if ref is None else cls(name=ref.name, version=ref.version)


class TransitionView(View):
    """One transition in the history of a job."""

    status: JobStatus
    at: Timestamp
    code: str | None = None


class LinksView(View):
    """Links to related resources."""

    self: str
    result: str
    outputs: dict[str, str]
    receipt: str | None = Field(default=None, description="Null if the job has no receipt.")


class JobView(View):
    """A job. If ``done`` is true, exactly one of ``result`` and ``error`` is not null (AIP-151)."""

    id: str
    filename: str
    status: JobStatus
    done: bool
    timestamp: Timestamp = Field(description="When the job ended. For an open job: when its status last changed.")
    uploaded_at: Timestamp
    key: str | None = Field(description="Object key of the processed image of the first output.")
    s3_path: str | None
    size: int | None = Field(description="Size in bytes of the processed image of the first output.")
    format: str | None = Field(description="Format of the processed image of the first output.")
    raw: RawView
    pipeline: Pipeline | None
    preset: PresetRefView | None = Field(
        description="The preset that the pipeline came from. Null if the request named none."
    )
    assets: dict[str, str] = Field(
        description="Name and SHA-256 digest of each asset of the pipeline, as it was when the job was created."
    )
    result: ResultView | None
    error: FailureView | None
    facts: ImageFacts | None = Field(
        default=None,
        description="Facts about the raw image of a completed job. Only reading a job shows them, and creating it with"
        " `Prefer: wait`. With an upload token, facts from metadata are null.",
    )
    warnings: list[str]
    attempts: int
    generation: int
    history: list[TransitionView]
    batch_id: str | None
    webhook: str | None = Field(description="Name of the webhook that is notified when the job ends.")
    token_id: str | None = Field(description="ID of the upload token with which the job was created.")
    tags: dict[str, str] = Field(description="Names and values from the upload token.")
    expires_at: Timestamp | None
    links: LinksView

    @classmethod
    def of(  # noqa: PLR0913 - what a response can show of a job
        cls,
        job: Job,
        bucket: str,
        links: Links,
        *,
        sign: Sign | None = None,
        is_listed: bool = False,
        facts: ImageFacts | None = None,
    ) -> Self:
        """Return the view of a job. If ``sign`` is given, each output has a link. Listed jobs have no markup."""
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
        urls = {output.name: output.url or links.output(job.id, output.name) for output in outputs}
        markup = None if is_listed else MarkupView.of(job, lambda output: urls[output.name], facts)
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
                source=job.source.shown if job.source else None,
            ),
            pipeline=job.pipeline,
            preset=PresetRefView.of(job.preset),
            assets={pin.name: pin.digest for pin in job.assets},
            result=ResultView(
                **first.model_dump(),
                outputs=outputs,
                skipped=[SkippedView.of(each) for each in job.skipped],
                markup=markup,
            )
            if first
            else None,
            error=_failure(job),
            facts=facts,
            warnings=list(job.warnings),
            attempts=job.attempt,
            generation=job.generation,
            history=[TransitionView(status=line.status, at=line.at, code=line.code) for line in job.history],
            batch_id=job.batch_id,
            webhook=job.webhook,
            token_id=job.token_id,
            tags=dict(job.tags),
            expires_at=job.expires_at,
            links=LinksView(
                self=links.job(job.id),
                result=links.result(job.id),
                outputs={output.name: links.output(job.id, output.name) for output in job.outputs},
                receipt=links.receipt(job.id) if job.receipt is not None else None,
            ),
        )


class JobPage(View):
    """A page of jobs, newest first."""

    jobs: list[JobView]
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page. Null on the last page.")


#: Errors of jobs that were cancelled or have expired.
_ENDED_BY = {JobStatus.CANCELLED: JobCancelled, JobStatus.EXPIRED: UploadExpired}


def _failure(job: Job) -> FailureView | None:
    failure = job.error
    if failure is None and job.status in _ENDED_BY:
        failure = JobFailure.of(_ENDED_BY[job.status]())
    return FailureView.of(failure)


class ReceiptView(View):
    """A receipt and its digest. Later versions of Safelight may add members to the receipt."""

    digest: str = Field(description="SHA-256 digest of `receipt` in canonical form (RFC 8785), hexadecimal.")
    receipt: Receipt
