"""Downloads of processed images, and their file names on this machine.

File names come from the API, which received them from the callers who uploaded the images. Only characters that are
safe in a file name are kept.
"""

import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx

from safelight.api_options import EXTENSIONS
from safelight.errors import DownloadFailed, LocalFileError
from safelight.models import Job, Link, Output
from safelight.transport.responses import translate_errors

# After these statuses, a new link may work. They mean that the link has expired, or that S3 throttles or has a fault.
_RETRYABLE = frozenset({401, 403, 429, 500, 502, 503, 504})
#: Longest stem, in UTF-8 bytes. File systems allow 255 bytes, and the output name and extension follow the stem.
_MAX_BYTES = 200


def fetch(
    link: Link, to_path: Path, client: httpx.Client, *, digest: str | None = None, part: str | None = None
) -> None:
    """Download the image of a link to ``to_path``, which is replaced, and check its SHA-256 ``digest`` if given.

    ``part`` is the name of the temporary file in the same folder. With a fixed name, the next run replaces the
    temporary file of a run that was killed. ``client`` must not send credentials, because the link is signed and leads
    to another host than the API. Raises DownloadFailed if S3 refuses the request or the image does not match,
    LocalFileError if the file can't be written, or ClientError if the connection fails.
    """
    host = _host(link)
    with _replacing(to_path, part) as file, translate_errors(host), client.stream("GET", link.url) as response:
        if response.status_code != httpx.codes.OK:
            raise DownloadFailed(
                f"{host} refused the download with status {response.status_code}.",
                retriable=response.status_code in _RETRYABLE,
                status=response.status_code,
            )
        digester = hashlib.sha256()
        for chunk in response.iter_bytes():
            file.write(chunk)
            digester.update(chunk)
        if link.size is not None and file.tell() != link.size:
            raise DownloadFailed(f"{host} sent {file.tell()} of {link.size} bytes.", retriable=True)
        if digest is not None and digester.hexdigest() != digest:
            raise DownloadFailed(f"{host} sent bytes that do not match the job's digest.", retriable=True)


def result_names(job: Job, *, taken: Iterable[str] = ()) -> dict[str, str]:
    """Return a file name for each output of a completed job, by the name of the output.

    ``holiday.jpg`` becomes ``holiday.png``, or ``holiday.thumb.png`` if there are several outputs. If a file name is in
    ``taken``, the end of the job's ID is added.
    """
    outputs = job.result.outputs if job.result else ()
    used = {name.casefold() for name in taken}
    stem = safe_stem(job.filename or "") or job.id
    names = {}
    for output in outputs:
        name = output_name(stem, output, alone=len(outputs) == 1)
        if name.casefold() in used:
            name = output_name(f"{stem}-{job.id[-6:]}", output, alone=len(outputs) == 1)
        used.add(name.casefold())
        names[output.name] = name
    return names


def output_name(stem: str, output: Output, *, alone: bool) -> str:
    """Return the file name of an output. It contains the name of the output unless the job has only one output."""
    kind = (output.format or "").upper()
    extension = re.sub(r"[^a-z0-9]", "", EXTENSIONS.get(kind, kind.lower())) or "bin"
    label = "" if alone else "." + re.sub(r"[^A-Za-z0-9_-]", "_", output.name)
    return f"{stem}{label}.{extension}"


def safe_stem(filename: str) -> str:
    """Return the last path segment without its extension, made safe by :func:`safe_part`."""
    visible = _visible(re.split(r"[/\\]", filename)[-1])
    stem, dot, extension = visible.strip().rpartition(".")
    return safe_part(stem if dot and len(extension) <= 5 else visible)


def safe_part(text: str) -> str:
    """Return a shortened path segment without control characters and without dots at its ends. It can be empty."""
    trimmed = _visible(text).strip(". ")
    return re.sub(r'[<>:"|?*]', "_", trimmed).encode()[:_MAX_BYTES].decode(errors="ignore")


def _visible(text: str) -> str:
    return "".join(each for each in text if not unicodedata.category(each).startswith("C") or each == "\u200d")


def _host(link: Link) -> str:
    """Return the host of a link. The rest of the link is a credential and must not appear in messages."""
    try:
        parts = urlsplit(link.url)
    except ValueError as error:
        raise DownloadFailed("The API returned an invalid link.", retriable=False) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise DownloadFailed("The API returned an invalid link.", retriable=False)
    return parts.hostname


@contextmanager
def _replacing(path: Path, name: str | None) -> Iterator[BinaryIO]:
    """Yield a temporary file, which replaces ``path`` at the end. After an error, the temporary file is removed."""
    part = path.with_name(name or f".safelight-{secrets.token_hex(6)}.part")
    try:
        with part.open("wb" if name else "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise LocalFileError(f"{path} can't be written ({error.strerror or error}).") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
