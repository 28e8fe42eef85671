"""Fetches the wheels that a Lambda zip carries, for Lambda's platform whatever machine builds it."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock
from packaging.markers import Marker

from infra.deployment.packaging import ROOMS, SOURCE, Package, own_code, pack, walk
from infra.faults import SetupFault

#: As ``Runtime`` in the template.
PYTHON_VERSION = "3.13"
#: Lambda's python3.13 runs on Amazon Linux 2023, glibc 2.34; wheels state the oldest they work with.
GLIBC_MINORS = (34, 28, 27, 26, 17)
#: Lambda's names for processors, and those in wheel tags.
ARCHITECTURES = {"x86_64": "x86_64", "arm64": "aarch64"}
#: AWS services whose descriptions botocore must find; the other four hundred are most of its weight.
SERVICES = frozenset({"dynamodb", "s3", "sns", "sqs", "sts"})
#: Lambda's limit.
MAX_UNZIPPED_BYTES = 250 * 1024 * 1024
#: Changes when what is kept of a wheel changes, so that caches from before are not used.
_LAYOUT = "2"
_LOCK_SECONDS = 300
_BUILD_ONLY = frozenset({"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"})
_FOLDERS_WITH_DEAD_WEIGHT = frozenset({"tests", "bin"})


def full(cache: Path, architecture: str = "x86_64", source: Path = SOURCE) -> dict[str, Package]:
    """Build the zips with everything in them, by function. Raises SetupFault.

    Wheels come from the package index on the first call, later from ``cache`` until the pinned
    requirements change.
    """
    built: dict[str, Package] = {}
    for name in ROOMS:
        wheels = installed(source / "requirements" / f"{name}.txt", cache, architecture)
        files = dict(kept(wheels)) | own_code(name, source)
        if sum(path.stat().st_size for path in files.values()) > MAX_UNZIPPED_BYTES:
            raise SetupFault(f"The {name} zip is over Lambda's limit of 250 MiB unzipped.")
        built[name] = Package(name, pack(files))
    return built


def installed(requirements: Path, cache: Path, architecture: str) -> Path:
    """Return a folder in which the pinned wheels are installed, from the cache where it has them."""
    if not requirements.is_file():
        raise SetupFault(f"{requirements} is missing; full zips are built from a source checkout.")
    text = for_lambda(requirements.read_text(encoding="utf-8"), architecture)
    digest = hashlib.sha256(f"{_LAYOUT} {PYTHON_VERSION} {architecture} {text}".encode()).hexdigest()
    folder = cache / f"{requirements.stem}-{architecture}-{digest[:16]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / ".lock", timeout=_LOCK_SECONDS):
            # Whoever had the lock may have installed the same.
            if not folder.is_dir():
                _install_whole(text, folder, architecture)
            _forget_others(cache, requirements.stem, architecture, folder)
    return folder


def for_lambda(requirements: str, architecture: str) -> str:
    """Drop the lines whose marker does not hold on Lambda, and the marker of those where it does.

    pip would judge markers by the Python that runs it.
    """
    environment = {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": ARCHITECTURES[architecture],
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": f"{PYTHON_VERSION}.0",
        "python_version": PYTHON_VERSION,
        "sys_platform": "linux",
    }
    return "".join(_judged(line, environment) for line in _logical_lines(requirements))


def kept(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield what a function needs of the installed wheels; licences and versions stay."""
    for name, path in walk(folder):
        parts = name.split("/")
        if _FOLDERS_WITH_DEAD_WEIGHT.intersection(parts[:-1]) or parts[-1] in _BUILD_ONLY:
            continue
        is_description = parts[0] in ("botocore", "boto3") and parts[1] == "data" and len(parts) > 3
        if not is_description or parts[2] in SERVICES:
            yield name, path


def _install_whole(requirements: str, folder: Path, architecture: str) -> None:
    """Install into a folder that appears when all is in it."""
    with TemporaryDirectory(dir=folder.parent) as scratch:
        target = Path(scratch) / "wheels"
        listing = Path(scratch) / "requirements.txt"
        listing.write_text(requirements, encoding="utf-8")
        _install(listing, target, architecture)
        target.rename(folder)


def _install(listing: Path, target: Path, architecture: str) -> None:
    machine = ARCHITECTURES[architecture]
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in GLIBC_MINORS] + [f"manylinux2014_{machine}"]
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--no-compile", "--no-deps"),
        *("--target", str(target), "--requirement", str(listing), "--require-hashes", "--only-binary=:all:"),
        *("--python-version", PYTHON_VERSION, "--implementation", "cp"),
        *(option for platform in platforms for option in ("--platform", platform)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["pip said nothing"]
        raise SetupFault(f"pip could not fetch the wheels for Lambda: {lines[-1]}")


def _logical_lines(text: str) -> Iterator[str]:
    """Yield each requirement with its hashes on one line, without comments."""
    joined = text.replace("\\\n", " ")
    for line in joined.splitlines():
        stripped = line.split(" #", 1)[0].strip()
        if stripped and not stripped.startswith("#"):
            yield stripped


def _judged(line: str, environment: dict[str, str]) -> str:
    head, _, hashes = line.partition(" --hash")
    requirement, semicolon, marker = head.partition(";")
    if semicolon and not Marker(marker.strip()).evaluate(environment):
        return ""
    return f"{requirement.strip()} --hash{hashes}\n"


def _forget_others(cache: Path, name: str, architecture: str, folder: Path) -> None:
    for other in cache.glob(f"{name}-{architecture}-*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
