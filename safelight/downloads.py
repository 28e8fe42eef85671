"""Fetching a processed image: streamed into a file that appears whole or not at all."""

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import httpx

from safelight.errors import DownloadFailed, LocalFileError
from safelight.models import Link
from safelight.transport.error_translation import translated

# Refusals after which a fresh link may work: expired, throttled, or the store has a bad moment.
_PASSING = frozenset({401, 403, 429, 500, 502, 503, 504})


def fetch(
    link: Link, to_path: Path, client: httpx.Client, *, digest: str | None = None, part: str | None = None
) -> None:
    """Write what ``link`` points at to ``to_path``, replacing what was there, if it has that SHA-256.

    ``part`` names the file beside it that holds what has come so far, for whoever may be killed and come again: what
    such a one left is written over. ``client`` must carry no credentials: the link is one itself, and it leads to
    another host than the API. Raises DownloadFailed, LocalFileError, or a fault of the connection.
    """
    host = _host(link)
    with _appearing(to_path, part) as file, translated(host), client.stream("GET", link.url) as response:
        if response.status_code != httpx.codes.OK:
            raise DownloadFailed(
                f"{host} refused the picture with status {response.status_code}.",
                retriable=response.status_code in _PASSING,
                status=response.status_code,
            )
        seen = hashlib.sha256()
        for chunk in response.iter_bytes():
            file.write(chunk)
            seen.update(chunk)
        if link.size is not None and file.tell() != link.size:
            raise DownloadFailed(f"{host} sent {file.tell()} of {link.size} bytes.", retriable=True)
        if digest is not None and seen.hexdigest() != digest:
            raise DownloadFailed(f"{host} sent other bytes than the job made.", retriable=True)


def _host(link: Link) -> str:
    """Name the store; the rest of a link is a credential and belongs in no message."""
    try:
        parts = urlsplit(link.url)
    except ValueError as error:
        raise DownloadFailed("The API gave a link that is none.", retriable=False) from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise DownloadFailed("The API gave a link that is none.", retriable=False)
    return parts.hostname


@contextmanager
def _appearing(path: Path, name: str | None) -> Iterator[BinaryIO]:
    """Yield a file beside ``path`` that takes its place at the end, and is removed if anything fails."""
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
