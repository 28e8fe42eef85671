"""Check the setup and explain how to fix problems."""

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from infra import local_stack
from infra.deployment import bytecode, packaging, wheels
from infra.engines import compose, embedded, localstack
from infra.engines.record import VERSION, EnginePaths, EngineRecord
from infra.errors import SetupError
from infra.stack import Stack

MIN_PYTHON = (3, 11)
#: Modules that the embedded engine and its functions import, and the package that contains each module.
NEEDED = {
    "aws_lambda_powertools": "aws-lambda-powertools",
    "boto3": "boto3",
    "filelock": "filelock",
    "httptools": "httptools",
    "httpx": "httpx",
    "localstack_client": "localstack-client",
    "ministack": "ministack",
    "multipart": "multipart",
    "PIL": "pillow",
    "psutil": "psutil",
    "pydantic": "pydantic",
    "rfc8785": "rfc8785",
    "samtranslator": "aws-sam-translator",
    "ulid": "python-ulid",
    "uvicorn": "uvicorn",
    "uvloop": "uvloop",
    "yaml": "pyyaml",
    "zlib_ng": "zlib-ng",
}
#: How to install the dependencies: the tested versions in a checkout, compatible ones elsewhere.
INSTALL = (
    "pip install --requirement requirements/local.txt"
    if (packaging.SOURCE_ROOT / "requirements" / "local.txt").is_file()
    else 'pip install "safelight[local]"'
)
MIN_FREE_BYTES = 1 << 30
HEALTH_SECONDS = 10


class Level(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    #: Not available, and not needed for the embedded engine.
    OPTIONAL = "optional"
    #: May cause problems.
    WARN = "warn"
    #: The embedded engine does not work until the problem is fixed.
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    level: Level
    #: What was found and, if it is a problem, what to do.
    text: str


def diagnose(state_dir: Path) -> Iterator[Finding]:
    """Yield one finding after another. The checks do not change anything."""
    yield _python()
    yield from _packages()
    yield _engine_version()
    yield _pip()
    yield _bytecode()
    yield _disk(state_dir)
    yield from _environment()
    yield from _engine(state_dir)
    yield _localstack()
    yield from _stack_on_localstack(state_dir)


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= MIN_PYTHON:
        return Finding(Level.OK, f"Python {found}")
    return Finding(Level.FAIL, f"Python {found} is too old: install 3.11 or newer and make the environment again.")


def _packages() -> Iterator[Finding]:
    missing = [package for module, package in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        listed = ", ".join(missing)
        yield Finding(Level.FAIL, f"Not installed: {listed}. Run: {INSTALL}")
    else:
        yield Finding(Level.OK, f"all {len(NEEDED)} packages for the embedded engine are installed")


def _engine_version() -> Finding:
    try:
        found = importlib.metadata.version("ministack")
    except importlib.metadata.PackageNotFoundError:
        return Finding(Level.FAIL, f"MiniStack is not installed. Run: {INSTALL}")
    if found == VERSION:
        return Finding(Level.OK, f"MiniStack {found}")
    return Finding(
        Level.WARN,
        f"MiniStack is {found}, this project is tested with {VERSION}. Run: {INSTALL}",
    )


def _pip() -> Finding:
    if importlib.util.find_spec("pip"):
        return Finding(Level.OK, "pip is available to build the Lambda packages for AWS")
    return Finding(Level.OPTIONAL, "pip is not installed; only `safelight deploy` needs it: python -m ensurepip")


def _bytecode() -> Finding:
    if bytecode.find_python(wheels.PYTHON_VERSION):
        return Finding(Level.OK, f"Python {wheels.PYTHON_VERSION} is available to compile the Lambda packages")
    return Finding(
        Level.OPTIONAL,
        f"Python {wheels.PYTHON_VERSION} is not installed; without it, cold starts on AWS take about twice as long",
    )


def _disk(state_dir: Path) -> Finding:
    folder = next(each for each in (state_dir.resolve(), *state_dir.resolve().parents) if os.path.isdir(each))  # noqa: PTH112 - is_dir raises PermissionError
    if not os.access(folder, os.W_OK):
        return Finding(Level.FAIL, f"{folder} is not writable: set SAFELIGHT_STATE_DIR to another folder.")
    free = shutil.disk_usage(folder).free
    if free < MIN_FREE_BYTES:
        return Finding(Level.WARN, f"{free >> 20} MiB are free below {folder}: images may not fit.")
    return Finding(Level.OK, f"{folder} is writable, {free >> 30} GiB free")


def _environment() -> Iterator[Finding]:
    set_here = [name for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE") if os.environ.get(name)]
    for name in set_here:
        yield Finding(Level.WARN, f"{name} is set: local engines ignore it, other AWS tools in this shell do not.")


def _engine(state_dir: Path) -> Iterator[Finding]:
    record = EngineRecord.read(EnginePaths.below(state_dir).record)
    if record is None or not record.pid:
        yield Finding(Level.OK, "the embedded engine is not running; `safelight up` starts it")
        return
    if not embedded.is_running(state_dir):
        yield Finding(
            Level.WARN, f"the engine of {record.url} has stopped unexpectedly; run `safelight up` to start it again."
        )
        return
    yield Finding(Level.OK, f"the embedded engine responds at {record.url}")
    errors = embedded.count_log_errors(state_dir)
    if errors:
        log = EnginePaths.below(state_dir).log
        yield Finding(Level.WARN, f"the engine has logged {errors} errors: read {log}")
    stack = local_stack.read_current_stack(state_dir)
    if stack is None:
        yield Finding(Level.WARN, "no stack is recorded; run `safelight up` again.")
    elif stack.engine == "embedded":
        yield _api(stack)


def _localstack() -> Finding:
    """Look for a LocalStack. LocalStack is optional, because the embedded engine does not need it."""
    try:
        found = localstack.find_running()
    except SetupError as error:
        return Finding(Level.WARN, f"{error} Start it, or unset {localstack.ENDPOINT_VARIABLE}.")
    if found:
        release = localstack.get_version(found)
        if release == localstack.VERSION:
            return Finding(Level.OK, f"LocalStack {release} responds at {found}")
        return Finding(
            Level.WARN, f"LocalStack at {found} is {release}, this project is tested with {localstack.VERSION}."
        )
    missing = compose.find_missing()
    if missing:
        return Finding(
            Level.OPTIONAL,
            f"LocalStack is not running and can't be started: {missing} The embedded engine does not need it.",
        )
    return Finding(
        Level.OPTIONAL, "LocalStack is not running; `safelight up --engine localstack` starts a container with it"
    )


def _stack_on_localstack(state_dir: Path) -> Iterator[Finding]:
    stack = local_stack.read_current_stack(state_dir)
    if stack and stack.engine == "localstack":
        yield _api(stack)


def _api(stack: Stack) -> Finding:
    try:
        local_stack.wait_until_healthy(stack.api_url, seconds=HEALTH_SECONDS)
    except SetupError as error:
        return Finding(Level.FAIL, f"{error} Run `safelight up` again, or `safelight down --wipe` first.")
    return Finding(Level.OK, f"the API is healthy at {stack.api_url}")
