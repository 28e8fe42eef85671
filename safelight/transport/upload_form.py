"""Sending bytes straight to the store, with a form that the API has signed."""

import re
from collections.abc import Mapping
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx

from safelight.errors import UnexpectedAnswer, UploadRefused
from safelight.models import Form
from safelight.transport.error_translation import translated
from safelight.transport.responses import retry_after_seconds

#: Refusals after which the same form may work.
PASSING = frozenset({429, 500, 502, 503, 504})
#: The refusal of a form that has expired.
STALE = 403


def send(form: Form, content: BinaryIO | bytes, client: httpx.Client) -> None:
    """Send a whole image, piece by piece if it is a file.

    ``client`` must carry no credentials: the form is one itself, and leads to another host than the API. Raises
    UploadRefused, or a fault of the connection.
    """
    host = _host(form)
    media_type = form.fields.get("Content-Type", "application/octet-stream")
    with translated(host):
        answer = client.post(form.url, data=form.fields, files={"file": ("file", content, media_type)})
    if not answer.is_success:
        reason = _reason(answer)
        raise UploadRefused(
            f"{host} did not take the picture: status {answer.status_code}{reason and f', {reason}'}.",
            status=answer.status_code,
            reason=reason,
            retry_after_seconds=retry_after_seconds(answer),
        )


def _host(form: Form) -> str:
    """Name the store; the fields are credentials and belong in no message."""
    try:
        parts = urlsplit(form.url)
    except ValueError as error:
        raise UnexpectedAnswer("The API gave a form that leads nowhere.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UnexpectedAnswer("The API gave a form that leads nowhere.")
    return parts.hostname


def _reason(answer: httpx.Response) -> str:
    """Return the code in the store's XML: a word such as EntityTooLarge."""
    found: Mapping[str, str] = dict(re.findall(r"<(Code)>(\w{1,64})</Code>", answer.text[:4096]))
    return found.get("Code", "")
