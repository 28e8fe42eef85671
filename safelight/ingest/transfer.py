"""One exchange with the API or the store for one file, tried once; the caller decides about another try."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from pathlib import Path

from safelight.client import Safelight
from safelight.errors import ApiError, ClientError, DownloadFailed, LocalFileError, UploadRefused
from safelight.ingest.checkpoint.files import FileRow
from safelight.models import Form, Link, Output
from safelight.transport.upload_form import STALE
from safelight.upload_source import Upload

#: A form that expires within this is not used any more.
_MARGIN = timedelta(seconds=20)


class FileChanged(ClientError):
    """A file is not what it was when it was announced."""

    code = "FILE_CHANGED"


def send_bytes(client: Safelight, row: FileRow) -> None:
    """Send a file's bytes with the form of its job, with a fresh one where that has expired.

    Returns too where the job awaits none any more. Raises FileChanged and LocalFileError after cancelling the job.
    """
    form = Form.model_validate_json(row.form) if row.form else None
    try:
        _check_unchanged(row)
        if form is None or (form.expires_at is not None and form.expires_at < datetime.now(UTC) + _MARGIN):
            form = _fresh_form(client, row)
        if form is not None and not _send(client, row, form):
            form = _fresh_form(client, row)
            if form is not None and not _send(client, row, form):
                raise UploadRefused("The store refuses a fresh form.", status=STALE, reason="AccessDenied")
        _check_unchanged(row)
    except (FileChanged, LocalFileError):
        # If that fails, the job expires by itself.
        with suppress(ClientError):
            client.cancel(row.job)
        raise


def fetch_results(
    client: Safelight, row: FileRow, outputs: Sequence[Output], places: Mapping[str, str], out: Path
) -> list[str]:
    """Write a job's outputs to their places below a folder; return the places."""
    for output in outputs:
        path = out / places[output.name]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LocalFileError(f"{path.parent} can't be made ({error.strerror or error}).") from error
        # Always the same: a run that is killed leaves it to the next one.
        part = f".safelight-{blake2b(path.name.encode(), digest_size=8).hexdigest()}.part"
        if output.url is not None:
            with suppress(DownloadFailed):
                client.fetch(Link(url=output.url, size=output.size), path, digest=output.digest, part=part)
                continue
        # The link has expired, or there was none.
        client.fetch(client.result_link(row.job, output.name), path, digest=output.digest, part=part)
    return [places[output.name] for output in outputs]


def _send(client: Safelight, row: FileRow, form: Form) -> bool:
    """Send the bytes; tell whether the form was good."""
    try:
        client.uploads.send_prepared(form, Upload(Path(row.source)), fresh_form=None)
    except UploadRefused as error:
        if error.status == STALE:
            return False
        raise
    return True


def _fresh_form(client: Safelight, row: FileRow) -> Form | None:
    """Return a fresh form, None where the job awaits no bytes."""
    try:
        return client.uploads.renew(row.job)
    except ApiError as error:
        if error.status == 409 and not error.retriable:
            return None
        raise


def _check_unchanged(row: FileRow) -> None:
    try:
        facts = os.stat(row.source)  # noqa: PTH116 - once per file and try
    except OSError as error:
        raise LocalFileError(f"{row.source} can't be read ({error.strerror or error}).") from error
    if (facts.st_size, facts.st_mtime_ns) != (row.size, row.modified):
        raise FileChanged(f"{row.source} changed after it was looked at; run the same command again to send it.")
