"""Download the wheels of a Lambda zip for Lambda's platform. This works on any platform."""

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock
from packaging.markers import Marker

from infra.deployment.bytecode import compile_modules
from infra.deployment.packaging import FUNCTION_PACKAGES, SOURCE_ROOT, Package, find_own_code, walk_files, zip_files
from infra.errors import SetupError

#: The same Python version as ``Runtime`` in the template.
PYTHON_VERSION = "3.13"
#: Lambda's python3.13 runs on Amazon Linux 2023 with glibc 2.34. Wheels state the oldest glibc that they support.
GLIBC_MINORS = (34, 28, 27, 26, 17)
#: Names of processors in wheel tags, by the name that Lambda uses.
ARCHITECTURES = {"x86_64": "x86_64", "arm64": "aarch64"}
#: AWS services whose models botocore needs. The other 400 make up most of its size.
SERVICES = frozenset({"dynamodb", "s3", "sns", "sqs", "sts"})
#: Lambda's limit.
MAX_UNZIPPED_BYTES = 250 * 1024 * 1024
#: Version of the cache layout. Increase it when the selection of files changes.
_LAYOUT = "2"
_LOCK_SECONDS = 300
_BUILD_ONLY = frozenset({"INSTALLER", "REQUESTED", "RECORD", "direct_url.json"})
_UNNEEDED_FOLDERS = frozenset({"tests", "bin"})


def build_full(cache: Path, architecture: str = "x86_64", source: Path = SOURCE_ROOT) -> dict[str, Package]:
    """Build the zips with all dependencies and return them by function. Raises SetupError if a step fails.

    The zips contain bytecode if Lambda's Python version is installed (``bytecode.find_python``).

    The first call downloads the wheels to ``cache``. Later calls download wheels only if the pinned requirements have
    changed.
    """
    built: dict[str, Package] = {}
    for name in FUNCTION_PACKAGES:
        wheels = install_wheels(source / "requirements" / f"{name}.txt", cache, architecture)
        files = dict(select_files(wheels)) | find_own_code(name, source)
        files |= compile_modules(files, cache, PYTHON_VERSION)
        if sum(path.stat().st_size for path in files.values()) > MAX_UNZIPPED_BYTES:
            raise SetupError(f"The {name} zip is over Lambda's limit of 250 MiB unzipped.")
        built[name] = Package(name, zip_files(files))
    return built


def install_wheels(requirements: Path, cache: Path, architecture: str) -> Path:
    """Return a folder in which the pinned wheels are installed, from the cache if possible.

    Raises SetupError if the requirements are missing or the download fails.
    """
    if not requirements.is_file():
        raise SetupError(f"{requirements} is missing; install Safelight again.")
    text = select_for_lambda(requirements.read_text(encoding="utf-8"), architecture)
    digest = hashlib.sha256(f"{_LAYOUT} {PYTHON_VERSION} {architecture} {text}".encode()).hexdigest()
    folder = cache / f"{requirements.stem}-{architecture}-{digest[:16]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / ".lock", timeout=_LOCK_SECONDS):
            # Another process may have installed the same wheels while this process waited for the lock.
            if not folder.is_dir():
                _install_atomically(text, folder, architecture)
            _delete_outdated(cache, requirements.stem, architecture, folder)
    return folder


def select_for_lambda(requirements: str, architecture: str) -> str:
    """Return the requirements that apply on Lambda, without their markers.

    The markers are removed because pip would evaluate them for the Python version that runs pip.
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
    return "".join(_without_marker(line, environment) for line in _logical_lines(requirements))


def select_files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files of the installed wheels that a function needs, including licenses and versions."""
    for name, path in walk_files(folder):
        parts = name.split("/")
        if _UNNEEDED_FOLDERS.intersection(parts[:-1]) or parts[-1] in _BUILD_ONLY:
            continue
        is_description = parts[0] in ("botocore", "boto3") and parts[1] == "data" and len(parts) > 3
        if not is_description or parts[2] in SERVICES:
            yield name, path


def _install_atomically(requirements: str, folder: Path, architecture: str) -> None:
    """Install into a folder that appears only when it is complete."""
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
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output from pip"]
        raise SetupError(f"pip could not download the wheels for Lambda: {lines[-1]}")


def _logical_lines(text: str) -> Iterator[str]:
    """Yield each requirement with its hashes on one line, without comments."""
    joined = text.replace("\\\n", " ")
    for line in joined.splitlines():
        stripped = line.split(" #", 1)[0].strip()
        if stripped and not stripped.startswith("#"):
            yield stripped


def _without_marker(line: str, environment: dict[str, str]) -> str:
    head, _, hashes = line.partition(" --hash")
    requirement, semicolon, marker = head.partition(";")
    if semicolon and not Marker(marker.strip()).evaluate(environment):
        return ""
    return f"{requirement.strip()} --hash{hashes}\n"


def _delete_outdated(cache: Path, name: str, architecture: str, folder: Path) -> None:
    for other in cache.glob(f"{name}-{architecture}-*"):
        if other != folder:
            shutil.rmtree(other, ignore_errors=True)
