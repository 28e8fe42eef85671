"""Jobs, and their results, receipts and deletions."""

from typing import Any

from pydantic import Field

from safelight.models.catalog import PresetReference
from safelight.models.response import Response, Timestamp


class RawImage(Response):
    """The raw image of a job."""

    #: Bytes.
    size: int | None = None
    format: str | None = None
    #: Pixels; None until a worker has read the image.
    width: int | None = None
    height: int | None = None
    #: SHA-256, hexadecimal.
    digest: str | None = None
    #: ``s3://bucket/key`` of the object that an import has copied, the URL of the file, without its query, or
    #: ``job:ID`` for the raw image of another job.
    source: str | None = None


class Output(Response):
    """One output of a job: the file that was or will be produced."""

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
    #: Time-limited link; None unless the request asked for links.
    url: str | None = None


class SkippedOutput(Response):
    """A responsive output that is not written."""

    name: str
    #: Pixels.
    width: int | None = None
    format: str | None = None
    reason: str = ""


class Markup(Response):
    """HTML for the outputs that show the whole image in different sizes and formats."""

    #: Value of the attribute ``srcset`` by format, such as ``avif``.
    srcset: dict[str, str]
    #: A ``<picture>`` element.
    picture: str


class Result(Response):
    """The result of a completed job.

    ``outputs`` are all its outputs, and the other fields describe the first output.
    """

    name: str | None = None
    key: str | None = None
    s3_path: str | None = None
    size: int | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    media_type: str | None = None
    digest: str | None = None
    #: Time-limited link; None unless the request asked for links.
    url: str | None = None
    outputs: tuple[Output, ...] = ()
    #: Responsive outputs that are wider than the image.
    skipped: tuple[SkippedOutput, ...] = ()
    #: HTML for the outputs; None in lists, and if browsers can't show them.
    markup: Markup | None = None


class Camera(Response):
    """Maker and model of a camera."""

    make: str | None = None
    model: str | None = None


class Exposure(Response):
    """How a photograph was exposed."""

    #: Seconds.
    time: float | None = None
    f_number: float | None = None
    iso: int | None = None
    #: Exposure compensation in EV.
    bias: float | None = None
    #: Millimeters.
    focal_length: float | None = None
    #: Millimeters, for a film of 35 mm.
    focal_length_35mm: int | None = None


class GpsPosition(Response):
    """Where a photograph was taken: degrees, and meters above sea level."""

    latitude: float
    longitude: float
    altitude: float | None = None


class Facts(Response):
    """Facts about the raw image of a completed job. A fact that the file does not have is None."""

    #: Pixels, after the EXIF orientation is applied.
    width: int | None = None
    height: int | None = None
    #: EXIF orientation of the file; 1 is upright.
    orientation: int | None = None
    frames: int | None = None
    has_alpha: bool | None = None
    #: Bits per channel.
    bit_depth: int | None = None
    color_space: str | None = None
    icc_name: str | None = None
    #: ``#rrggbb``, the first color of ``palette``.
    dominant_color: str | None = None
    palette: tuple[str, ...] = ()
    #: Base64.
    thumbhash: str | None = None
    #: 64 bits, hexadecimal.
    perceptual_hash: str | None = None
    #: The manifest is not verified.
    has_c2pa: bool | None = None
    camera: Camera | None = None
    lens: str | None = None
    exposure: Exposure | None = None
    #: ISO 8601, by the camera's clock.
    taken_at: str | None = None
    title: str | None = None
    caption: str | None = None
    creator: str | None = None
    copyright: str | None = None
    #: None unless the job was created with the option ``facts={"gps": True}``.
    gps: GpsPosition | None = None


class JobFailure(Response):
    """Why a job failed."""

    code: str
    message: str
    retriable: bool = False


class Transition(Response):
    """One entry of a job's history."""

    status: str
    at: Timestamp
    code: str | None = None


class Job(Response):
    """The processing of one image with one pipeline."""

    id: str
    #: A newer API can return a status that this client does not know.
    status: str
    #: True if the job has ended.
    done: bool
    filename: str | None = None
    #: When the image was processed. Until then, when the status last changed.
    timestamp: Timestamp | None = None
    uploaded_at: Timestamp | None = None
    s3_path: str | None = None
    key: str | None = None
    #: Bytes of the processed image.
    size: int | None = None
    format: str | None = None
    raw: RawImage = RawImage()
    pipeline: dict[str, Any] = Field(default_factory=dict)
    #: Where the pipeline came from; None if the request named no preset.
    preset: PresetReference | None = None
    #: SHA-256 of each asset of the pipeline by name, hexadecimal, as it was when the job was created.
    assets: dict[str, str] = Field(default_factory=dict)
    #: Name of the webhook that is notified when the job ends.
    webhook: str | None = None
    result: Result | None = None
    error: JobFailure | None = None
    #: None in listings, and if the job was created with the option ``facts=False``.
    facts: Facts | None = None
    warnings: tuple[str, ...] = ()
    attempts: int = 0
    generation: int = 1
    history: tuple[Transition, ...] = ()
    batch_id: str | None = None
    #: ID of the upload token with which the job was created, and the tags that the token has given to the job.
    token_id: str | None = None
    tags: dict[str, str] = Field(default_factory=dict)
    expires_at: Timestamp | None = None
    links: dict[str, Any] = Field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """Return True if the job has completed."""
        return self.done and self.error is None and self.result is not None


class JobPage(Response):
    """One page of jobs."""

    jobs: tuple[Job, ...] = ()
    next_cursor: str | None = None


class Link(Response):
    """A time-limited link to an image."""

    url: str
    filename: str | None = None
    media_type: str | None = None
    expires_at: Timestamp | None = None
    #: Bytes.
    size: int | None = None


class ReceiptResponse(Response):
    """The receipt of a job."""

    #: SHA-256 of the receipt in canonical form (RFC 8785), hexadecimal.
    digest: str
    receipt: dict[str, Any]


class DeletedObject(Response):
    """An object that was deleted."""

    key: str
    #: Bytes.
    size: int | None = None
    #: SHA-256, hexadecimal.
    digest: str | None = None


class RemainingData(Response):
    """Data that remains after the deletion of a job."""

    what: str
    holds: str = ""
    until: Timestamp | None = None


class Deletion(Response):
    """What the deletion of a job has removed."""

    id: str
    deleted_at: Timestamp | None = None
    #: ``removed``: the job record, with file name, pipeline, history and receipt.
    record: str = "removed"
    objects: tuple[DeletedObject, ...] = ()
    object_count: int = 0
    #: Total size of the objects.
    bytes: int = 0
    stays: tuple[RemainingData, ...] = ()
    #: Until when the API returns this statement.
    expires_at: Timestamp | None = None
