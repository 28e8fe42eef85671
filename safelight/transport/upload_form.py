"""Uploads to S3 with a form or request that the API has signed."""

import re
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx

from safelight.errors import UnexpectedAnswer, UploadRefused
from safelight.models import SignedPut, UploadForm
from safelight.transport.responses import retry_after_seconds, translate_errors

#: Statuses after which another try with the same form may succeed.
RETRYABLE = frozenset({429, 500, 502, 503, 504})
#: S3's error codes with a 4xx status after which another try may succeed. Codes of KMS contain "Throttling".
RETRYABLE_REASONS = frozenset({"OperationAborted", "RequestTimeout"})
#: The status that S3 returns for an expired form or request.
EXPIRED = 403
#: The status that S3 returns for a request if the file is there, as after a lost response.
THERE = 412


def send(form: UploadForm | SignedPut, content: BinaryIO | bytes, client: httpx.Client) -> None:
    """Send an image with a form or request. A file is not read into memory as a whole.

    ``client`` must not send credentials, because the form leads to another host than the API. Raises UploadRefused if
    S3 refuses the image, or ClientError if the connection fails.
    """
    host = _host(form)
    with translate_errors(host):
        if isinstance(form, SignedPut):
            response = client.put(form.url, content=content, headers=form.headers)
        else:
            media_type = form.fields.get("Content-Type", "application/octet-stream")
            response = client.post(form.url, data=form.fields, files={"file": ("file", content, media_type)})
    is_there = isinstance(form, SignedPut) and response.status_code == THERE
    if not response.is_success and not is_there:
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


def _host(form: UploadForm | SignedPut) -> str:
    """Return the host of the form's URL. The fields of the form are credentials and must not appear in messages."""
    try:
        parts = urlsplit(form.url)
    except ValueError as error:
        raise UnexpectedAnswer("The API returned an upload form with an invalid URL.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UnexpectedAnswer("The API returned an upload form with an invalid URL.")
    return parts.hostname


def _reason(response: httpx.Response) -> str:
    """Return the error code in the XML of S3's response, such as EntityTooLarge, or an empty string."""
    code = re.search(r"<Code>([\w.]{1,64})</Code>", response.text[:4096])
    return code[1] if code else ""
