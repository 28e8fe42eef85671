"""Upload of one file, and download of its results, without retries. The engine retries."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

from pydantic import TypeAdapter

from safelight.client import Safelight
from safelight.errors import ApiError, ClientError, DownloadFailed, LocalFileError, UploadRefused
from safelight.ingest.checkpoint.files import FileRow
from safelight.local_images import Upload
from safelight.models import Link, Output, SignedPut, UploadForm
from safelight.part_uploads import MULTIPART_BYTES
from safelight.transport.upload_form import EXPIRED

#: A form that expires within this time is renewed.
_EXPIRY_MARGIN = timedelta(seconds=20)
_FORM: TypeAdapter[UploadForm | SignedPut] = TypeAdapter(UploadForm | SignedPut)


class FileChanged(ClientError):
    """A file has changed since it was inspected."""

    code = "FILE_CHANGED"


def upload_file(client: Safelight, row: FileRow) -> bool:
    """Upload a file with the form of its job, or with a new form if this form has expired. Return True.

    If the job no longer waits for its file, returns False without an upload. If the file has changed or can't be read,
    cancels the job and raises FileChanged or LocalFileError.
    """
    form = _FORM.validate_json(row.form) if row.form else None
    try:
        _require_unchanged(row)
        if form is None and (row.size or 0) >= MULTIPART_BYTES:
            # After an error, the next try or the next run continues with the missing parts.
            is_sent = client.uploads.send_prepared_parts(row.job, Upload(Path(row.source)))
            _require_unchanged(row)
            return is_sent
        if form is None or (form.expires_at is not None and form.expires_at < datetime.now(UTC) + _EXPIRY_MARGIN):
            form = _renew_form(client, row)
        try:
            if form is not None and not _try_form(client, row, form):
                form = _renew_form(client, row)
                if form is not None and not _try_form(client, row, form):
                    raise UploadRefused("The store refuses a new upload form.", status=EXPIRED, reason="AccessDenied")
        finally:
            _require_unchanged(row)  # S3 refuses a file that has changed, too
    except (FileChanged, LocalFileError):
        # If the cancellation fails, the job expires.
        with suppress(ClientError):
            client.cancel(row.job)
        raise
    return form is not None


def download_results(
    client: Safelight, row: FileRow, outputs: Sequence[Output], paths: Mapping[str, str], out: Path
) -> list[str]:
    """Download a job's outputs to their paths in the folder ``out`` and return the paths."""
    for output in outputs:
        path = out / paths[output.name]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LocalFileError(f"{path.parent} can't be created ({error.strerror or error}).") from error
        # A fixed name, so that the next run replaces the temporary file of a run that was killed.
        part = f".safelight-{blake2b(path.name.encode(), digest_size=8).hexdigest()}.part"
        if output.url is not None:
            with suppress(DownloadFailed):
                client.fetch(Link(url=output.url, size=output.size), path, digest=output.digest, part=part)
                continue
        # The link has expired, or there was no link.
        client.fetch(client.result_link(row.job, output.name), path, digest=output.digest, part=part)
    return [paths[output.name] for output in outputs]


def _try_form(client: Safelight, row: FileRow, form: UploadForm | SignedPut) -> bool:
    """Upload a file. Return False if S3 refuses the form."""
    try:
        client.uploads.send_prepared(form, Upload(Path(row.source)), renew_form=None)
    except UploadRefused as error:
        if error.status == EXPIRED:
            return False
        raise
    return True


def _renew_form(client: Safelight, row: FileRow) -> UploadForm | SignedPut | None:
    """Return a new form or request, or None if the job no longer waits for its file."""
    try:
        return client.uploads.renew(row.job)
    except ApiError as error:
        if error.status == 409 and not error.retriable:
            return None
        raise


def _require_unchanged(row: FileRow) -> None:
    try:
        facts = os.stat(row.source)  # noqa: PTH116 - faster, and called twice per file
    except OSError as error:
        raise LocalFileError(f"{row.source} can't be read ({error.strerror or error}).") from error
    if (facts.st_size, facts.st_mtime_ns) != (row.size, row.modified):
        raise FileChanged(f"{row.source} changed after it was inspected. Run the same command again to upload it.")
