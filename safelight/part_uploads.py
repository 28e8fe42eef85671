"""Uploads in parts, which continue with the missing parts after an interruption."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from safelight.connection import Connection, quote_path
from safelight.errors import ApiError, UploadRefused
from safelight.local_images import Upload
from safelight.models import Job, MultipartUpload, SignedPart, SignedParts, StoredParts, UploadFormResponse
from safelight.transport import responses, upload_form

#: Images of this many bytes or more are sent in parts.
MULTIPART_BYTES = 16 * 1024 * 1024
#: Parts that one request signs. The signatures expire, so they are not signed all at once.
_SIGNED = 10
_BLOCK_BYTES = 1024 * 1024
#: The error if the file of a job has arrived, or if the job has ended.
_ARRIVED = "NOT_AWAITING_UPLOAD"
#: Statuses of jobs that never get their file.
_ENDED = frozenset({"CANCELLED", "EXPIRED"})


@dataclass(frozen=True, slots=True)
class UploadMemory:
    """Remembers the job of an interrupted upload, so that the next process continues it."""

    folder: Path

    def find(self, identity: str) -> str | None:
        """Return the ID of the job of an upload, or None."""
        try:
            return str(json.loads(self._path(identity).read_bytes())["job_id"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def store(self, identity: str, job_id: str) -> None:
        """Remember the job of an upload. If the folder can't be written, the upload can't be continued later."""
        path = self._path(identity)
        with suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_text(json.dumps({"job_id": job_id}), encoding="utf-8")

    def forget(self, identity: str) -> None:
        """Forget an upload. Idempotent."""
        with suppress(OSError):
            self._path(identity).unlink(missing_ok=True)

    def _path(self, identity: str) -> Path:
        return self.folder / f"{identity}.json"


def identify(api_url: str, request: Mapping[str, Any]) -> str:
    """Return the identity of an upload: equal requests to the same API, with the digest of the file, are the same."""
    return sha256(json.dumps([api_url, request], sort_keys=True).encode()).hexdigest()[:32]


def compute_digest(upload: Upload) -> str:
    """Return the SHA-256 of an image, hexadecimal. Raises LocalFileError if the file can't be read."""
    digest = sha256()
    with upload.opened() as content:
        blocks = [content] if isinstance(content, bytes) else iter(lambda: content.read(_BLOCK_BYTES), b"")
        for block in blocks:
            digest.update(block)
    return digest.hexdigest()


def send_parts(connection: Connection, job_id: str, upload: Upload) -> bool:
    """Send the parts of a job's image that S3 does not have, and complete the upload. Return True.

    Return False if the job awaits no parts: its file has arrived, it has ended, or it has a form. Raises ClientError,
    after which the same call continues.
    """
    path = f"uploads/{quote_path(job_id)}"
    try:
        multipart = responses.read(connection.post(f"{path}/form"), UploadFormResponse).multipart
    except ApiError as error:
        if error.code == _ARRIVED:
            return False
        raise
    if multipart is None or multipart.upload_id is None:
        return False
    query = {"upload_id": multipart.upload_id}
    stored = responses.read(connection.request("GET", f"{path}/parts", query=query), StoredParts)
    sent = {part.number for part in stored.parts}
    missing = (number for number in range(1, multipart.part_count + 1) if number not in sent)
    while numbers := list(islice(missing, _SIGNED)):
        _send_group(connection, path, multipart, numbers, upload)
    connection.request("POST", f"{path}/complete", document=query)
    return True


def is_over(job: Job) -> bool:
    """Return True if a job has ended without its file, so that a new upload is necessary."""
    return job.status in _ENDED


def _send_group(
    connection: Connection, path: str, multipart: MultipartUpload, numbers: Iterable[int], upload: Upload
) -> None:
    """Send parts. A part whose signature has expired is signed again."""
    for part in _sign(connection, path, multipart, list(numbers)):
        current = part

        def send_once(number: int = part.number) -> None:
            nonlocal current
            data = upload.part((number - 1) * multipart.part_size, current.size)
            try:
                upload_form.send_part(current, data, connection.store)
            except UploadRefused as error:
                if error.status == upload_form.EXPIRED:
                    (current,) = _sign(connection, path, multipart, [number])
                raise

        connection.retry(send_once)


def _sign(connection: Connection, path: str, multipart: MultipartUpload, numbers: list[int]) -> Iterator[SignedPart]:
    document = {"upload_id": multipart.upload_id, "part_numbers": numbers}
    ask = partial(connection.send, "POST", f"{path}/parts", document=document)
    yield from responses.read(connection.retry(ask), SignedParts).parts
