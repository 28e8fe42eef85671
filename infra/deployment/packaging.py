"""Builds the Lambda zips: the same content always gives the same bytes, and so the same key.

A slim zip holds our code alone, for an engine whose functions find their dependencies in its own
environment. A full zip adds the wheels (``infra.deployment.wheels``), for AWS and LocalStack.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

#: Folder that holds the rooms.
SOURCE = Path(__file__).resolve().parents[2]
#: What of our code each zip needs.
ROOMS: Mapping[str, tuple[str, ...]] = {
    "api": ("api", "shared"),
    "worker": ("worker", "shared"),
    "notifier": ("notifier", "shared"),
}
KEY_PREFIX = "functions/"
#: The earliest time a zip can state: file times must not change the bytes.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16
_SKIPPED = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache"})


@dataclass(frozen=True, slots=True)
class Package:
    """One Lambda zip."""

    name: str
    data: bytes

    @property
    def key(self) -> str:
        """Return the object key, which changes exactly when the content does."""
        return f"{KEY_PREFIX}{self.name}-{hashlib.sha256(self.data).hexdigest()[:32]}.zip"


def slim(source: Path = SOURCE) -> dict[str, Package]:
    """Build the zips of our code alone, by function. Takes milliseconds."""
    return {name: Package(name, pack(own_code(name, source))) for name in ROOMS}


def own_code(name: str, source: Path = SOURCE) -> dict[str, Path]:
    """Map the path in the zip to the file, for the rooms that one function needs."""
    return {f"{room}/{inside}": path for room in ROOMS[name] for inside, path in walk(source / room)}


def walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file below ``folder`` with its relative path, without what a run leaves behind."""
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if path.is_file() and not _SKIPPED.intersection(relative.parts) and path.suffix != ".pyc":
            yield relative.as_posix(), path


def pack(files: Mapping[str, Path]) -> bytes:
    """Zip the files in the order of their names, with one time and one mode for all."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = _MODE
            entry.create_system = 3  # Unix, wherever it is built
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name].read_bytes())
    return buffer.getvalue()
