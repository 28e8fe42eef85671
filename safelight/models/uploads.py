"""Uploads that go straight to the image store."""

from safelight.models.jobs import Job
from safelight.models.response import Response, Timestamp


class UploadForm(Response):
    """A signed, time-limited form that uploads the bytes of one job to S3."""

    url: str
    #: Send them in this order, before the file.
    fields: dict[str, str]
    max_bytes: int | None = None
    expires_at: Timestamp | None = None


class UploadFormResponse(Response):
    """A new form for a job that still awaits its bytes."""

    upload: UploadForm


class NewUpload(Job):
    """A new job that awaits its bytes. ``upload`` is None if it already has them."""

    upload: UploadForm | None = None
