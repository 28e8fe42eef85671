"""Local images to upload, and direct uploads, which send images to S3 instead of the API."""

import stat
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from safelight.connection import Connection, Option, drop_none, quote_path
from safelight.errors import LocalFileError, UnexpectedAnswer, UploadRefused
from safelight.models import Job, NewUpload, SignedPut, UploadForm, UploadFormResponse
from safelight.transport import responses, upload_form


@dataclass(frozen=True, slots=True)
class Upload:
    """An image to send, and its file name."""

    source: Path | bytes
    filename: str | None = None

    @contextmanager
    def opened(self) -> Iterator[BinaryIO | bytes]:
        """Yield the content from its start. Raises LocalFileError if the file can't be read, also while it is sent."""
        if isinstance(self.source, bytes):
            yield self.source
            return
        try:
            with self.source.open("rb") as file:
                yield file
        except OSError as error:
            raise _unreadable(self.source, error) from error

    def size(self) -> int:
        """Return the number of bytes. Raises LocalFileError if the file can't be read."""
        if isinstance(self.source, bytes):
            return len(self.source)
        try:
            return self.source.stat().st_size
        except OSError as error:
            raise _unreadable(self.source, error) from error

    def head(self, length: int) -> bytes:
        """Return the first ``length`` bytes. Raises LocalFileError if the file can't be read."""
        with self.opened() as content:
            return content[:length] if isinstance(content, bytes) else content.read(length)


def prepare(source: str | Path | bytes, filename: str | None = None) -> Upload:
    """Return the upload of a file or of bytes. Its file name is ``filename``, or else the name of the file.

    Raises LocalFileError if the source is missing, empty, or not a regular file.
    """
    if isinstance(source, bytes):
        if not source:
            raise LocalFileError("There are no bytes to send.")
        return Upload(source, filename)
    path = Path(source)
    try:
        facts = path.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if stat.S_ISDIR(facts.st_mode):
        raise LocalFileError(f"{path} is a folder, not a file.")
    if not stat.S_ISREG(facts.st_mode):
        raise LocalFileError(f"{path} is not a regular file.")
    if facts.st_size == 0:
        raise LocalFileError(f"{path} is empty.")
    return Upload(path, filename or path.name)


class DirectUploads:
    """Direct uploads to S3. Every method raises ClientError if its request fails."""

    def __init__(self, connection: Connection) -> None:
        """Use the connection of a client."""
        self._connection = connection

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
    ) -> NewUpload:
        """Create a job that waits for its file, and return it with the upload form.

        If ``size`` (bytes) or ``digest`` (SHA-256, hexadecimal) is given, another file is refused or fails the job.
        The other arguments are those of :meth:`safelight.client.Safelight.submit`.
        """
        facts = {"filename": filename, "size": size, "digest": digest, "pipeline": pipeline, "preset": preset}
        document = {**(options or {}), **drop_none(facts), "content_type": content_type}
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

    def confirm(self, job_id: str) -> Job:
        """Report to the API that the file of a job is in S3, and return the job. Idempotent.

        S3 also sends an event for each upload, so this call is necessary only if the event is lost.
        """
        return responses.read(self._post(job_id, "confirm"), Job)

    def send(self, form: UploadForm | SignedPut, image: str | Path | bytes) -> None:
        """Send an image with a form or request, with retries.

        Raises UploadRefused if S3 refuses the image, and LocalFileError if the file can't be read.
        """
        self.send_prepared(form, prepare(image), renew_form=None)

    def upload(  # noqa: PLR0913 - all but the first are optional
        self,
        image: str | Path | bytes,
        *,
        filename: str | None = None,
        pipeline: Mapping[str, Any] | None = None,
        preset: str | None = None,
        options: Mapping[str, Option] | None = None,
        idempotency_key: str | None = None,
    ) -> Job:
        """Create a job, send its image and return the job.

        :meth:`safelight.client.Safelight.submit` does this for images that are too large for the API.
        """
        upload = prepare(image, filename)
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


def _unreadable(path: Path, error: OSError | ValueError) -> LocalFileError:
    if isinstance(error, FileNotFoundError):
        return LocalFileError(f"{path} does not exist.")
    return LocalFileError(f"{path} can't be read ({getattr(error, 'strerror', None) or error}).")
