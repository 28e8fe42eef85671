"""Local images to upload: paths, bytes and file objects."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from safelight.errors import LocalFileError

#: What the client uploads. A file object is read from its current position to its end.
Image: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO


@dataclass(frozen=True, slots=True)
class Upload:
    """An image to send, and its file name."""

    source: Path | bytes
    filename: str | None = None

    @contextmanager
    def opened(self) -> Iterator[BinaryIO | bytes]:
        """Yield the content from its start. Raises LocalFileError if the file can't be read, also while it is sent."""
        if isinstance(self.source, bytes):
            yield self.source
            return
        try:
            with self.source.open("rb") as file:
                yield file
        except OSError as error:
            raise _unreadable(self.source, error) from error

    def size(self) -> int:
        """Return the number of bytes. Raises LocalFileError if the file can't be read."""
        if isinstance(self.source, bytes):
            return len(self.source)
        try:
            return self.source.stat().st_size
        except OSError as error:
            raise _unreadable(self.source, error) from error

    def part(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start`` on. Raises LocalFileError if the file can't be read or is shorter."""
        with self.opened() as content:
            if isinstance(content, bytes):
                return content[start : start + length]
            content.seek(start)
            data = content.read(length)
        if len(data) != length:
            raise LocalFileError(f"{self.source!s} changed while it was sent.")
        return data

    def head(self, length: int) -> bytes:
        """Return the first ``length`` bytes. Raises LocalFileError if the file can't be read."""
        with self.opened() as content:
            return content[:length] if isinstance(content, bytes) else content.read(length)


def prepare(source: "Image | Upload", filename: str | None = None) -> Upload:
    """Return the upload of an image. Its file name is ``filename``, or else the name of the file.

    Raises LocalFileError if the source is missing, empty, or not a regular file, and TypeError if it is not an image.
    """
    if isinstance(source, Upload):
        return source
    if isinstance(source, bytes | bytearray | memoryview):
        return _prepare_bytes(bytes(source), filename)
    if isinstance(source, str | os.PathLike):
        return _prepare_file(Path(source), filename)
    if not hasattr(source, "read"):
        raise TypeError(f"An image is a path, bytes or a file object, not {type(source).__name__}.")
    try:
        data = source.read()
    except (OSError, ValueError) as error:
        raise LocalFileError(f"The file object can't be read ({error}).") from error
    if not isinstance(data, bytes):
        raise TypeError('The file object returns text. Open the file in binary mode: open(path, "rb").')
    name = getattr(source, "name", None)
    return _prepare_bytes(data, filename or (Path(name).name if isinstance(name, str) else None))


def _prepare_bytes(data: bytes, filename: str | None) -> Upload:
    if not data:
        raise LocalFileError("There are no bytes to send.")
    return Upload(data, filename)


def _prepare_file(path: Path, filename: str | None) -> Upload:
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
