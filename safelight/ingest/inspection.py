"""Inspection of local files before their upload: size, media type and SHA-256 digest."""

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight.api_options import MEDIA_TYPES
from safelight.ingest.sources import S3

_BLOCK_BYTES = 256 * 1024
HEADER_BYTES = 16
#: First bytes of a file, and its format. WebP and AVIF are not listed, because their signature is not at the start.
_SIGNATURES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF8", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
)
_BRANDS = {
    **dict.fromkeys((b"avif", b"avis"), MEDIA_TYPES["AVIF"]),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), MEDIA_TYPES["HEIC"]),
}
#: The media type of unknown content. The worker then detects the format.
UNKNOWN = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Facts about the content of a file. For an S3 object, everything except ``number`` is None."""

    number: int
    #: Bytes.
    size: int | None = None
    #: Modification time, nanoseconds since the epoch.
    modified: int | None = None
    media_type: str | None = None
    #: SHA-256, hexadecimal.
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class FileError:
    """Why a file has no result."""

    number: int
    code: str
    message: str


def inspect_files(files: Sequence[tuple[int, str]]) -> list[FileFacts | FileError]:
    """Return the facts of each file, or a FileError if the file can't be read. Files are given as number and source."""
    return [_inspect_source(number, source) for number, source in files]


def detect_media_type(header: bytes) -> str:
    """Return the media type of a file from its first ``HEADER_BYTES``, or UNKNOWN."""
    for signature, image_format in _SIGNATURES:
        if header.startswith(signature):
            return MEDIA_TYPES[image_format]
    if header[:4] == b"RIFF" and header[8:12] == b"WEBP":
        return MEDIA_TYPES["WEBP"]
    return _BRANDS.get(header[8:12], UNKNOWN) if header[4:8] == b"ftyp" else UNKNOWN


def _inspect_source(number: int, source: str) -> FileFacts | FileError:
    if source.startswith(S3):
        return FileFacts(number)
    try:
        return _inspect_file(number, Path(source))
    except (OSError, ValueError) as error:
        detail = getattr(error, "strerror", None) or error
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"can't be read ({detail})"
        return FileError(number, "LOCAL_FILE", f"{source} {reason}.")


def _inspect_file(number: int, path: Path) -> FileFacts | FileError:
    # Non-blocking: opening a pipe without a writer would block forever.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - already a descriptor
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            return FileError(number, "LOCAL_FILE", f"{path} is not a regular file.")
        if facts.st_size == 0:
            return FileError(number, "LOCAL_FILE", f"{path} is empty.")
        digest = hashlib.sha256()
        block = header = file.read(_BLOCK_BYTES)
        size = 0
        while block:
            digest.update(block)
            size += len(block)
            block = file.read(_BLOCK_BYTES)
        if size != facts.st_size:
            return FileError(number, "FILE_CHANGED", f"{path} changed while it was read.")
    media_type = detect_media_type(header[:HEADER_BYTES])
    return FileFacts(number, size, facts.st_mtime_ns, media_type, digest.hexdigest())
