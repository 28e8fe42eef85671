"""Direct uploads, which send images to S3 instead of the API."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from safelight.connection import Connection, Option, drop_none, quote_path
from safelight.errors import ApiError, UnexpectedAnswer, UploadRefused
from safelight.local_images import Image, Upload, prepare
from safelight.models import Job, NewUpload, SignedPut, UploadForm, UploadFormResponse
from safelight.part_uploads import MULTIPART_BYTES, UploadMemory, compute_digest, identify, is_over, send_parts
from safelight.transport import responses, upload_form


class DirectUploads:
    """Direct uploads to S3. Every method raises ClientError if its request fails."""

    def __init__(self, connection: Connection, memory: UploadMemory | None = None) -> None:
        """Use the connection of a client. With ``memory``, another process can continue an upload in parts."""
        self._connection = connection
        self._memory = memory

    def create(  # noqa: PLR0913 - all but the first are optional
        self,
        *,
        filename: str | None = None,
        content_type: str = "application/octet-stream",
        size: int | None = None,
        digest: str | None = None,
        pipeline: Mapping[str, Any] | None = None,
        preset: str | None = None,
        options: Mapping[str, Option] | None = None,
        idempotency_key: str | None = None,
        method: str | None = None,
    ) -> NewUpload:
        """Create a job that waits for its file, and return it with the upload form.

        If ``size`` (bytes) or ``digest`` (SHA-256, hexadecimal) is given, another file is refused or fails the job.
        ``method`` is ``post`` (a form, the default), ``put`` (one signed request) or ``multipart`` (parts).
        The other arguments are those of :meth:`safelight.client.Safelight.submit`.
        """
        facts = {"filename": filename, "size": size, "digest": digest, "method": method}
        processing = {"pipeline": pipeline, "preset": preset}
        document = {**(options or {}), **drop_none(facts | processing), "content_type": content_type}
        return responses.read(self._connection.post("uploads", document, key=idempotency_key), NewUpload)

    def renew(self, job_id: str) -> UploadForm | SignedPut:
        """Return a new form or request for a job that waits for its file.

        Raises ApiError if the job no longer waits, and UnexpectedAnswer if the file is sent in parts.
        """
        renewed = responses.read(self._post(job_id, "form"), UploadFormResponse)
        form = renewed.upload or renewed.put
        if form is None:
            raise UnexpectedAnswer("The API returned neither a form nor a request for the file.")
        return form

    def send_parts(self, job_id: str, image: Image | Upload) -> bool:
        """Send the parts of a job's image that S3 does not have, and complete the upload. Return True.

        Return False if the job awaits no parts. After an error, the same call continues.
        """
        return self.send_prepared_parts(job_id, prepare(image))

    def send_prepared_parts(self, job_id: str, upload: Upload) -> bool:
        """Send the missing parts of an upload, see :meth:`send_parts`."""
        return send_parts(self._connection, job_id, upload)

    def confirm(self, job_id: str) -> Job:
        """Report to the API that the file of a job is in S3, and return the job. Idempotent.

        S3 also sends an event for each upload, so this call is necessary only if the event is lost.
        """
        return responses.read(self._post(job_id, "confirm"), Job)

    def send(self, form: UploadForm | SignedPut, image: Image | Upload) -> None:
        """Send an image with a form or request, with retries.

        Raises UploadRefused if S3 refuses the image, and LocalFileError if the file can't be read.
        """
        self.send_prepared(form, prepare(image), renew_form=None)

    def upload(  # noqa: PLR0913 - all but the first are optional
        self,
        image: Image | Upload,
        *,
        filename: str | None = None,
        pipeline: Mapping[str, Any] | None = None,
        preset: str | None = None,
        options: Mapping[str, Option] | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Create a job, send its image and return the job.

        :meth:`safelight.client.Safelight.submit` does this for images that are too large for the API. Images of
        ``MULTIPART_BYTES`` or more are sent in parts. If that is interrupted, another call continues it, if the client
        has a ``state_dir``.
        """
        upload = prepare(image, filename)
        if upload.size() >= MULTIPART_BYTES:
            return self._upload_in_parts(upload, pipeline, preset, options, idempotency_key)
        job = self.create(
            filename=upload.filename,
            size=upload.size(),
            pipeline=pipeline,
            preset=preset,
            options=options,
            idempotency_key=idempotency_key,
        )
        if job.upload is None:
            # The request was a repetition, and the file of the job has already arrived.
            return job
        self.send_prepared(job.upload, upload, renew_form=lambda: self.renew(job.id))
        return self.confirm(job.id)

    def _upload_in_parts(
        self,
        upload: Upload,
        pipeline: Mapping[str, Any] | None,
        preset: str | None,
        options: Mapping[str, Option] | None,
        idempotency_key: str | None,
    ) -> Job:
        request: dict[str, Any] = {
            "filename": upload.filename,
            "size": upload.size(),
            "digest": compute_digest(upload),
            "pipeline": pipeline,
            "preset": preset,
            "options": options,
        }
        identity = identify(self._connection.api_url, request)
        job = self._find_interrupted(identity) or self.create(
            **request, method="multipart", idempotency_key=idempotency_key or str(uuid.uuid4())
        )
        if self._memory is not None:
            self._memory.store(identity, job.id)
        self.send_prepared_parts(job.id, upload)
        job = responses.read(self._connection.request("GET", f"jobs/{quote_path(job.id)}"), Job)
        if self._memory is not None:
            self._memory.forget(identity)
        return job

    def _find_interrupted(self, identity: str) -> Job | None:
        """Return the job of an interrupted upload, or None if there is none, or it has ended without its file."""
        job_id = self._memory.find(identity) if self._memory is not None else None
        if job_id is None:
            return None
        try:
            job = responses.read(self._connection.request("GET", f"jobs/{quote_path(job_id)}"), Job)
        except ApiError as error:
            if error.status == 404:
                return None
            raise
        return None if is_over(job) else job

    def send_prepared(
        self,
        form: UploadForm | SignedPut,
        upload: Upload,
        *,
        renew_form: Callable[[], UploadForm | SignedPut] | None,
    ) -> None:
        """Send an upload with a form. If the form has expired and ``renew_form`` is given, use the form it returns."""
        current = form

        def send_once() -> None:
            nonlocal current
            try:
                with upload.opened() as content:
                    upload_form.send(current, content, self._connection.store)
            except UploadRefused as error:
                if error.status == upload_form.EXPIRED and renew_form is not None:
                    current = renew_form()
                raise

        self._connection.retry(send_once)

    def _post(self, job_id: str, action: str) -> Any:  # noqa: ANN401 - an httpx.Response
        if not job_id:
            raise UnexpectedAnswer("The API returned a job without an ID.")
        return self._connection.post(f"uploads/{quote_path(job_id)}/{action}", key=str(uuid.uuid4()))
