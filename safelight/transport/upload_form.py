"""Uploads to S3 with a form or request that the API has signed."""

import os
import re
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx

from safelight.errors import UnexpectedAnswer, UploadRefused
from safelight.models import SignedPart, SignedPut, UploadForm
from safelight.transport.responses import retry_after_seconds, translate_errors

#: Statuses after which another try with the same form may succeed.
RETRYABLE = frozenset({429, 500, 502, 503, 504})
#: S3's error codes with a 4xx status after which another try may succeed. Codes of KMS contain "Throttling".
RETRYABLE_REASONS = frozenset({"OperationAborted", "RequestTimeout"})
#: The status that S3 returns for an expired form or request.
EXPIRED = 403
#: The status that S3 returns for a request if the file is there, as after a lost response.
THERE = 412
#: A file is sent in blocks of this size. httpx reads 64 KiB at a time, which takes three times as much CPU time.
_BLOCK_BYTES = 256 * 1024


def send(form: UploadForm | SignedPut, content: BinaryIO | bytes, client: httpx.Client) -> None:
    """Send an image with a form or request. A file is not read into memory as a whole.

    ``client`` must not send credentials, because the form leads to another host than the API. Raises UploadRefused if
    S3 refuses the image, or ClientError if the connection fails.
    """
    host = _host(form.url)
    with translate_errors(host):
        if isinstance(form, SignedPut):
            response = _put(form, content, client)
        else:
            media_type = form.fields.get("Content-Type", "application/octet-stream")
            response = client.post(form.url, data=form.fields, files={"file": ("file", content, media_type)})
    if not (isinstance(form, SignedPut) and response.status_code == THERE):
        _check(response, host)


def _put(form: SignedPut, content: BinaryIO | bytes, client: httpx.Client) -> httpx.Response:
    if isinstance(content, bytes):
        return client.put(form.url, content=content, headers=form.headers)
    start = content.tell()
    size = content.seek(0, os.SEEK_END) - start
    content.seek(start)
    headers = {**form.headers, "Content-Length": str(size)}
    return client.put(form.url, content=_read_blocks(content), headers=headers)


def _read_blocks(content: BinaryIO) -> Iterator[bytes]:
    while block := content.read(_BLOCK_BYTES):
        yield block


def send_part(part: SignedPart, data: bytes, client: httpx.Client) -> None:
    """Send a part with its signed request. ``client`` and errors are those of :func:`send`."""
    host = _host(part.url)
    with translate_errors(host):
        response = client.put(part.url, content=data, headers=part.headers)
    _check(response, host)


def _check(response: httpx.Response, host: str) -> None:
    if not response.is_success:
        reason = _reason(response)
        raise UploadRefused(
            f"{host} refused the image with status {response.status_code}{reason and f', {reason}'}.",
            status=response.status_code,
            reason=reason,
            retry_after_seconds=retry_after_seconds(response),
        )


def is_retryable_refusal(error: UploadRefused) -> bool:
    """Return True if another try with the same form may succeed."""
    return error.status in RETRYABLE or error.reason in RETRYABLE_REASONS or "Throttl" in error.reason


def _host(url: str) -> str:
    """Return the host of a signed URL. Fields and query are credentials and must not appear in messages."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UnexpectedAnswer("The API returned an upload form with an invalid URL.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UnexpectedAnswer("The API returned an upload form with an invalid URL.")
    return parts.hostname


def _reason(response: httpx.Response) -> str:
    """Return the error code in the XML of S3's response, such as EntityTooLarge, or an empty string."""
    code = re.search(r"<Code>([\w.]{1,64})</Code>", response.text[:4096])
    return code[1] if code else ""
