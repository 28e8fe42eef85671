"""Images that go straight to the store: a job first, then its bytes, whatever their size."""

import json
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx

from safelight.errors import UnexpectedAnswer, UploadRefused
from safelight.models import Announced, Form, FormAnswer, Job
from safelight.presets_and_assets import Call, path_part
from safelight.transport import responses, upload_form
from safelight.upload_source import Upload, prepare

_T = TypeVar("_T")


class Retried(Protocol):
    """Call something, and again after faults that may pass."""

    def __call__(self, call: Callable[[], _T], *, repeatable: bool) -> _T:
        """Return what the call returns, or raise its last ClientError."""


class DirectUploads:
    """Uploads beside the API. Every method raises ClientError."""

    def __init__(self, call: Call, store: httpx.Client, retried: Retried) -> None:
        """Work through ``call`` with the API, and with ``store``, which carries no credentials, with the store."""
        self._call = call
        self._store = store
        self._retried = retried

    def create(  # noqa: PLR0913 - each has a default that serves
        self,
        *,
        filename: str | None = None,
        content_type: str = "application/octet-stream",
        size: int | None = None,
        digest: str | None = None,
        pipeline: Mapping[str, Any] | None = None,
        preset: str | None = None,
        options: Mapping[str, str | int | bool] | None = None,
        idempotency_key: str | None = None,
    ) -> Announced:
        """Make a job whose bytes follow, and return it with the form for them.

        ``size`` in bytes and ``digest`` (SHA-256, hexadecimal) bind the bytes where they are given. The rest is as for
        :meth:`client.Safelight.submit`.
        """
        given = {"filename": filename, "size": size, "digest": digest, "pipeline": pipeline, "preset": preset}
        facts = {name: value for name, value in given.items() if value is not None}
        body = json.dumps({**(options or {}), **facts, "content_type": content_type}).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        answer = self._call("POST", "uploads", headers=headers, content=lambda: body, repeatable=True)
        return responses.read(answer, Announced)

    def renew(self, job_id: str) -> Form:
        """Return a fresh form for a job that still awaits its bytes. Raises ApiError when it does not."""
        return responses.read(self._post(job_id, "form"), FormAnswer).upload

    def confirm(self, job_id: str) -> Job:
        """Say that the bytes of a job are there, and return it. The store says so too; twice is once."""
        return responses.read(self._post(job_id, "confirm"), Job)

    def send(self, form: Form, picture: str | Path | bytes) -> None:
        """Send an image with a form, and again after faults that may pass. Raises UploadRefused, LocalFileError."""
        self.send_prepared(form, prepare(picture), fresh_form=None)

    def upload(  # noqa: PLR0913 - each has a default that serves
        self,
        picture: str | Path | bytes,
        *,
        filename: str | None = None,
        pipeline: Mapping[str, Any] | None = None,
        preset: str | None = None,
        options: Mapping[str, str | int | bool] | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Send one image, whatever its size, and return its job.

        What :meth:`client.Safelight.submit` does by itself with images that are too large for the API.
        """
        upload = prepare(picture, filename)
        return self.send_new(upload, pipeline=pipeline, preset=preset, options=options, idempotency_key=idempotency_key)

    def send_new(
        self,
        upload: Upload,
        *,
        pipeline: Mapping[str, Any] | None = None,
        preset: str | None = None,
        options: Mapping[str, str | int | bool] | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Make a job for an upload, send its bytes, and return the job."""
        job = self.create(
            filename=upload.filename,
            size=upload.size(),
            pipeline=pipeline,
            preset=preset,
            options=options,
            idempotency_key=idempotency_key,
        )
        if job.upload is None:
            # A repeated request may find that its bytes have come.
            return job
        self.send_prepared(job.upload, upload, fresh_form=lambda: self.renew(job.id))
        return self.confirm(job.id)

    def send_prepared(self, form: Form, upload: Upload, *, fresh_form: Callable[[], Form] | None) -> None:
        """Send an upload; where the form has expired, with a fresh one if there is a way to it."""
        current = form

        def once_more() -> None:
            nonlocal current
            try:
                with upload.opened() as content:
                    upload_form.send(current, content, self._store)
            except UploadRefused as error:
                if error.status == upload_form.STALE and fresh_form is not None:
                    current = fresh_form()
                raise

        self._retried(once_more, repeatable=True)

    def _post(self, job_id: str, action: str) -> httpx.Response:
        if not job_id:
            raise UnexpectedAnswer("The API named no job.")
        headers = {"Idempotency-Key": str(uuid.uuid4())}
        return self._call("POST", f"uploads/{path_part(job_id)}/{action}", headers=headers, repeatable=True)
