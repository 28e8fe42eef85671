"""An image on its way to the API: a file that is read piece by piece, or bytes."""

import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from safelight.errors import LocalFileError


@dataclass(frozen=True, slots=True)
class Upload:
    """What to send, and the name to send it under."""

    source: Path | bytes
    filename: str | None = None

    @contextmanager
    def opened(self) -> Iterator[BinaryIO | bytes]:
        """Yield the content, from its beginning on every call.

        Raises LocalFileError, also for faults of the disk while the file is being sent.
        """
        if isinstance(self.source, bytes):
            yield self.source
            return
        try:
            with self.source.open("rb") as file:
                yield file
        except OSError as error:
            raise _unreadable(self.source, error) from error

    def size(self) -> int:
        """Return the number of bytes. Raises LocalFileError."""
        if isinstance(self.source, bytes):
            return len(self.source)
        try:
            return self.source.stat().st_size
        except OSError as error:
            raise _unreadable(self.source, error) from error

    def head(self, length: int) -> bytes:
        """Return the first bytes, at most ``length``. Raises LocalFileError."""
        with self.opened() as content:
            return content[:length] if isinstance(content, bytes) else content.read(length)


def prepare(source: str | Path | bytes, filename: str | None = None) -> Upload:
    """Make an upload of a file or of bytes.

    A file's own name is sent unless another one is given. Raises LocalFileError for what can't be a
    image: nothing there, a folder, a device or pipe, no bytes.
    """
    if isinstance(source, bytes):
        if not source:
            raise LocalFileError("There are no bytes to send.")
        return Upload(source, filename)
    path = Path(source)
    try:
        facts = path.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if stat.S_ISDIR(facts.st_mode):
        raise LocalFileError(f"{path} is a folder, not a file.")
    if not stat.S_ISREG(facts.st_mode):
        raise LocalFileError(f"{path} is not a regular file.")
    if facts.st_size == 0:
        raise LocalFileError(f"{path} is empty.")
    return Upload(path, filename or path.name)


def _unreadable(path: Path, error: OSError | ValueError) -> LocalFileError:
    if isinstance(error, FileNotFoundError):
        return LocalFileError(f"{path} does not exist.")
    return LocalFileError(f"{path} can't be read ({getattr(error, 'strerror', None) or error}).")
