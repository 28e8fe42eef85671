"""Direct uploads."""

from safelight.models.jobs import Job
from safelight.models.response import Response, Timestamp


class UploadForm(Response):
    """A signed, time-limited form for the upload of one job's file to S3."""

    url: str
    #: The form's fields by name. Send all of them in this order, before the file.
    fields: dict[str, str]
    max_bytes: int | None = None
    expires_at: Timestamp | None = None


class SignedPut(Response):
    """A signed, time-limited request for the upload of one job's file to S3. S3 accepts it once."""

    url: str
    #: Header fields by name. Send exactly these.
    headers: dict[str, str]
    max_bytes: int | None = None
    expires_at: Timestamp | None = None


class UploadFormResponse(Response):
    """A new form or request for a job that still waits for its file. One of the two is not None."""

    upload: UploadForm | None = None
    put: SignedPut | None = None


class NewUpload(Job):
    """A new job that waits for its file. ``upload`` is None if the file has already arrived."""

    upload: UploadForm | None = None
