"""LocalStack as an engine: a LocalStack that is already running, or else the service in docker-compose.yml.

``down`` stops LocalStack only if ``up`` started it. LocalStack's free edition loses its data when it stops.
"""

import contextlib
import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import httpx

from infra.deployment import cloudformation, packaging, recovery, wheels
from infra.engines import compose
from infra.errors import SetupError
from infra.sessions import local_clients, translate_aws_errors

#: The last release whose image starts without an account token. docker-compose.yml pins the same release.
VERSION = "4.14.0"
ENDPOINT_VARIABLE = "LOCALSTACK_ENDPOINT"
#: How long to wait until a healthy container responds to requests from outside.
ANSWER_SECONDS = 60
DEFAULT_ENDPOINT = "http://127.0.0.1:4566"
WHEELS = packaging.CACHE_ROOT / "wheels"
#: LocalStack serves this path before it loads a service, and MiniStack does not serve it. A request for a path of
#: MiniStack would make LocalStack load S3 first, which takes a long time on a busy machine.
INFO_PATH = "/_localstack/info"
_INFO_SECONDS = 5
#: Lambda's names for processors, by the name that a machine reports.
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class LocalStackRecord:
    """Content of ``localstack.json``, which ``up`` writes and ``down`` reads."""

    url: str
    #: True if `up` started this LocalStack. Otherwise, `down` does not stop it.
    is_ours: bool
    #: True if `down` has stopped this LocalStack. Its Docker volume remains until `down --wipe`.
    is_stopped: bool = False

    @classmethod
    def read(cls, state_dir: Path) -> Self | None:
        """Return the record, or None if it is missing or damaged."""
        try:
            return cls(**json.loads(_file(state_dir).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def save(self, state_dir: Path) -> None:
        """Write the record."""
        _file(state_dir).write_text(json.dumps(asdict(self)), encoding="utf-8")


def start(state_dir: Path, extra: Mapping[str, str] | None = None) -> str:
    """Find or start a LocalStack and return its URL.

    ``extra`` is added to the environment of a LocalStack that this function starts. Raises SetupError if LocalStack
    cannot be started, or if it is already running and ``extra`` is not empty.
    """
    found = find_running()
    if found:
        if extra:
            raise SetupError(f"LocalStack is already running at {found}, so its settings cannot be changed.")
        is_ours = LocalStackRecord.read(state_dir) == LocalStackRecord(found, is_ours=True)
        LocalStackRecord(found, is_ours=is_ours).save(state_dir)
        return found
    missing = compose.find_missing()
    if missing:
        raise SetupError(
            f"No LocalStack answers at {DEFAULT_ENDPOINT} and none can be started: {missing} "
            f"Set {ENDPOINT_VARIABLE} to a running one, or use --engine embedded."
        )
    url = compose.get_address()
    LocalStackRecord(url, is_ours=True).save(state_dir)
    compose.up(extra or {})
    deadline = time.monotonic() + ANSWER_SECONDS
    while not get_version(url):
        if time.monotonic() > deadline:
            raise SetupError(f"The LocalStack container is running but does not answer at {url}.")
        time.sleep(0.2)
    return url


def find_running() -> str | None:
    """Return the URL of a running LocalStack, or None.

    Raises SetupError if LOCALSTACK_ENDPOINT is set and no LocalStack responds there.
    """
    named = os.environ.get(ENDPOINT_VARIABLE, "").rstrip("/")
    if not named:
        candidates = (compose.get_address(), DEFAULT_ENDPOINT)
        return next((url for url in candidates if get_version(url)), None)
    if not named.startswith(("http://", "https://")):
        raise SetupError(f"{ENDPOINT_VARIABLE} must be a URL like {DEFAULT_ENDPOINT}, not {named!r}.")
    if not get_version(named):
        raise SetupError(f"No LocalStack answers at {named}, the value of {ENDPOINT_VARIABLE}.")
    # botocore adds the bucket's name to a host name, but not to an IP address. The resulting name would not resolve.
    return named.replace("//localhost:", "//127.0.0.1:", 1)


def get_version(url: str) -> str | None:
    """Return the release of the LocalStack at ``url``, or None if no LocalStack responds there."""
    with (
        contextlib.suppress(httpx.HTTPError, ValueError),
        httpx.Client(trust_env=False, timeout=_INFO_SECONDS) as client,
    ):
        answer = client.get(url + INFO_PATH)
        info = answer.json() if answer.status_code == httpx.codes.OK else None
        if isinstance(info, dict) and "version" in info and "session_id" in info:
            return str(info["version"])
    return None


def shut_down(state_dir: Path, stack_name: str, wiped: bool) -> str:
    """Stop LocalStack if `up` started it. Otherwise, delete the stack if ``wiped`` is true.

    Returns a sentence that says what was done, or an empty string if nothing was done. Raises SetupError if a step
    fails.
    """
    record = LocalStackRecord.read(state_dir)
    if record is None or (record.is_stopped and not wiped):
        return ""
    if record.is_ours:
        compose.down(volumes=wiped)
        sentence = "" if record.is_stopped else "LocalStack is stopped; its free edition keeps no data."
        if not wiped:
            replace(record, is_stopped=True).save(state_dir)
            return sentence
    elif wiped:
        sentence = _delete(record.url, stack_name)
    else:
        return f"LocalStack at {record.url} was not started by Safelight. It keeps running with the stack."
    _file(state_dir).unlink(missing_ok=True)
    return sentence


def get_architecture() -> str:
    """Return Lambda's name for this machine's processor. Raises SetupError if Lambda does not support it."""
    machine = platform.machine().lower()
    if machine not in _MACHINES:
        raise SetupError(f"Lambda does not support {machine} processors, so LocalStack cannot run functions here.")
    return _MACHINES[machine]


def build_packages(source: Path = packaging.SOURCE_ROOT) -> dict[str, packaging.Package]:
    """Build the zips with all dependencies for this machine's processor. Raises SetupError if a step fails."""
    return wheels.build_full(WHEELS, get_architecture(), source)


def fetch_wheels(source: Path = packaging.SOURCE_ROOT) -> None:
    """Download the wheels that :func:`build_packages` needs, so that it works offline later.

    Raises SetupError if the download fails.
    """
    for name in packaging.FUNCTION_PACKAGES:
        wheels.install_wheels(source / "requirements" / f"{name}.txt", WHEELS, get_architecture())


def get_parameters() -> dict[str, str]:
    """Return the template parameters for LocalStack.

    Notifications are off because they need DynamoDB streams, which not every LocalStack has.
    """
    return {"Architecture": get_architecture(), "Notifications": "off"}


def _delete(url: str, stack_name: str) -> str:
    if not get_version(url):
        return f"No LocalStack answers at {url} any more, so there is nothing to delete."
    with translate_aws_errors():
        recovery.destroy(cloudformation.Target(local_clients(url), stack_name, cloudformation.LOCAL_POLLING))
    return f"The stack {stack_name} and its data are deleted; LocalStack at {url} keeps running."


def _file(state_dir: Path) -> Path:
    return state_dir / "localstack.json"
