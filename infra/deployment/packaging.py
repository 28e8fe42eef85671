"""Build the Lambda zips reproducibly: the same files always result in the same bytes and the same key.

A slim zip contains only Safelight's code. It is for the embedded engine, whose environment has all dependencies. A full
zip also contains the dependencies (``infra.deployment.wheels``). It is for AWS and LocalStack.
"""

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

#: Folder of the packages: a checkout, or ``safelight/_stack`` in an installed wheel.
SOURCE_ROOT = Path(__file__).resolve().parents[2]
#: Downloads and compiled files that all stacks of this user share. An installed package may be read-only.
CACHE_ROOT = (
    SOURCE_ROOT / "build"
    if (SOURCE_ROOT / "pyproject.toml").is_file()
    else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "safelight"
)
#: Packages of Safelight's code in each zip.
FUNCTION_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "api": ("api", "shared"),
    "worker": ("worker", "shared"),
    "notifier": ("notifier", "shared"),
}
KEY_PREFIX = "functions/"
#: The earliest time that a zip can store. All files get this time, so that file times do not change the bytes.
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
        """Return the object key, which changes if and only if the content changes."""
        return f"{KEY_PREFIX}{self.name}-{hashlib.sha256(self.data).hexdigest()[:32]}.zip"


def build_slim(source: Path = SOURCE_ROOT) -> dict[str, Package]:
    """Build the zips without dependencies and return them by function."""
    return {name: Package(name, zip_files(find_own_code(name, source))) for name in FUNCTION_PACKAGES}


def find_own_code(name: str, source: Path = SOURCE_ROOT) -> dict[str, Path]:
    """Return the files of Safelight's code for one function, by their path in the zip."""
    return {
        f"{package}/{inside}": path
        for package in FUNCTION_PACKAGES[name]
        for inside, path in walk_files(source / package)
    }


def walk_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield each file below ``folder`` with its relative path, without caches and bytecode."""
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if path.is_file() and not _SKIPPED.intersection(relative.parts) and path.suffix != ".pyc":
            yield relative.as_posix(), path


def zip_files(files: Mapping[str, Path]) -> bytes:
    """Return a zip of the files, sorted by name, all with the same time and mode."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = _MODE
            entry.create_system = 3  # Unix, on every platform
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name].read_bytes())
    return buffer.getvalue()
