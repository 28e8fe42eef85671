"""Forms for direct uploads over the wire."""

from typing import Self

from pydantic import Field

from api.jobs.schemas import JobView, Moment, View
from shared.aws.s3.upload_forms import UploadForm


class UploadView(View):
    """A form to send as `multipart/form-data`: every field, then `file` as the last. S3 answers 204."""

    url: str
    fields: dict[str, str]
    max_bytes: int = Field(description="Most bytes that S3 takes with it.")
    expires_at: Moment

    @classmethod
    def made(cls, form: UploadForm) -> Self:
        """Show a form."""
        return cls(url=form.url, fields=form.fields, max_bytes=form.max_bytes, expires_at=form.expires_at)

    @classmethod
    def of(cls, form: UploadForm | None) -> Self | None:
        """Show a form, if there is one."""
        return None if form is None else cls.made(form)


class FormView(View):
    """A fresh form."""

    upload: UploadView


class UploadJobView(JobView):
    """A job whose bytes are still to come."""

    upload: UploadView | None = Field(description="Null where the job awaits no bytes any more, or its time is over.")
