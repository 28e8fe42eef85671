"""Direct uploads."""

from pydantic import Field

from safelight.models.jobs import Job
from safelight.models.response import Response, Timestamp


class UploadForm(Response):
    """A signed, time-limited form for the upload of one job's file to S3."""

    method: str = "POST"
    url: str
    #: The form's fields by name. Send all of them in this order, before the file.
    fields: dict[str, str]
    max_bytes: int | None = None
    expires_at: Timestamp | None = None


class SignedPut(Response):
    """A signed, time-limited request for the upload of one job's file to S3. S3 accepts it once."""

    method: str = "PUT"
    url: str
    #: Header fields by name. Send exactly these.
    headers: dict[str, str]
    max_bytes: int | None = None
    expires_at: Timestamp | None = None


class MultipartUpload(Response):
    """An upload in parts. ``upload_id`` is None for a new member of a batch."""

    upload_id: str | None = None
    #: Bytes of every part but the last.
    part_size: int
    part_count: int
    #: Bytes of the whole file.
    max_bytes: int | None = None
    #: Until when the upload can be continued.
    expires_at: Timestamp | None = None


class UploadFormResponse(Response):
    """How to send the file of a job that still waits for it. One of the three is not None."""

    upload: UploadForm | None = None
    put: SignedPut | None = None
    multipart: MultipartUpload | None = None


class NewUpload(Job):
    """A new job that waits for its file. All three members are None if the file has already arrived."""

    upload: UploadForm | None = None
    put: SignedPut | None = None
    multipart: MultipartUpload | None = None


class StoredPart(Response):
    """A part that S3 has."""

    number: int = Field(alias="PartNumber")
    #: Bytes.
    size: int = Field(alias="Size")
    #: As S3 returns it, with quotes.
    etag: str | None = Field(default=None, alias="ETag")


class StoredParts(Response):
    """The parts that S3 has."""

    upload_id: str | None = None
    #: Bytes of every part but the last.
    part_size: int | None = None
    part_count: int | None = None
    parts: list[StoredPart]


class SignedPart(Response):
    """A signed request for one part."""

    number: int = Field(alias="PartNumber")
    method: str = "PUT"
    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    #: Bytes.
    size: int
    expires_at: Timestamp | None = None


class SignedParts(Response):
    """Signed requests for parts."""

    parts: list[SignedPart]
