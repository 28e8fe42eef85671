"""Looking at files before they are sent: size, type, SHA-256."""

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from safelight.ingest.entries import S3
from safelight.ingest.media_types import HEAD_BYTES, media_type

_BLOCK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known of a file's content; nothing of an object that lies in S3."""

    number: int
    #: Bytes.
    size: int | None = None
    #: Nanoseconds since the epoch, by the file system.
    modified: int | None = None
    media_type: str | None = None
    #: SHA-256, hexadecimal.
    digest: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file is not sent, or not any more."""

    number: int
    code: str
    message: str


def prepare_all(files: Sequence[tuple[int, str]]) -> list[Prepared | Refusal]:
    """Look at files, given by their numbers and sources; one that can't be read refuses itself alone."""
    return [_prepare(number, source) for number, source in files]


def _prepare(number: int, source: str) -> Prepared | Refusal:
    if source.startswith(S3):
        return Prepared(number)
    try:
        return _look(number, Path(source))
    except (OSError, ValueError) as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"can't be read ({_reason(error)})"
        return Refusal(number, "LOCAL_FILE", f"{source} {reason}.")


def _look(number: int, path: Path) -> Prepared | Refusal:
    # Opened without waiting: a pipe that nobody writes into would hold everything up.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - it is open already
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            return Refusal(number, "LOCAL_FILE", f"{path} is not a regular file.")
        if facts.st_size == 0:
            return Refusal(number, "LOCAL_FILE", f"{path} is empty.")
        digest = hashlib.sha256()
        block = head = file.read(_BLOCK_BYTES)
        size = 0
        while block:
            digest.update(block)
            size += len(block)
            block = file.read(_BLOCK_BYTES)
        if size != facts.st_size:
            return Refusal(number, "FILE_CHANGED", f"{path} changed while it was read.")
    return Prepared(number, size, facts.st_mtime_ns, media_type(head[:HEAD_BYTES]), digest.hexdigest())


def _reason(error: OSError | ValueError) -> str:
    return str(getattr(error, "strerror", None) or error)
