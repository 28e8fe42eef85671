"""Downloads of processed images, and the file names that they get on this machine.

Names come from the API and, before that, from uploaders. Only characters that are safe in a folder are kept.
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

# A new link may work after these: expired, throttled, or a temporary fault of the store.
_RETRYABLE = frozenset({401, 403, 429, 500, 502, 503, 504})
#: Longest stem in UTF-8 bytes: leaves room for output and extension within the 255 that file systems allow.
_MAX_BYTES = 200


def fetch(
    link: Link, to_path: Path, client: httpx.Client, *, digest: str | None = None, part: str | None = None
) -> None:
    """Download a link to ``to_path``, replacing that file, and check the SHA-256 ``digest`` if given.

    ``part`` names the temporary file beside it. A fixed name lets a killed process overwrite its own leftovers.
    ``client`` must carry no credentials: the link is one itself and points to another host than the API. Raises
    DownloadFailed, LocalFileError, or a connection error.
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
    """Return a file name for each output of a completed job, by output name.

    ``holiday.jpg`` becomes ``holiday.png``, or ``holiday.thumb.png`` if there are several outputs. A name in ``taken``
    gets the end of the job's ID.
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
    """Return the file name of an output, without the output's name if it is the job's only one."""
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
    """Return a path segment without control characters and outer dots, shortened; it may be empty."""
    trimmed = _visible(text).strip(". ")
    return re.sub(r'[<>:"|?*]', "_", trimmed).encode()[:_MAX_BYTES].decode(errors="ignore")


def _visible(text: str) -> str:
    return "".join(each for each in text if not unicodedata.category(each).startswith("C") or each == "\u200d")


def _host(link: Link) -> str:
    """Return the store's host. The rest of a link is a credential and must not appear in messages."""
    try:
        parts = urlsplit(link.url)
    except ValueError as error:
        raise DownloadFailed("The API returned an invalid link.", retriable=False) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise DownloadFailed("The API returned an invalid link.", retriable=False)
    return parts.hostname


@contextmanager
def _replacing(path: Path, name: str | None) -> Iterator[BinaryIO]:
    """Yield a temporary file that replaces ``path`` at the end and is removed after an error."""
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
