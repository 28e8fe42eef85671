"""LocalStack: one that runs already, or else the one of docker-compose.yml where Docker is there.

``down`` stops only what ``up`` has started. LocalStack's free edition keeps nothing when it stops.
"""

import json
import os
import platform
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from infra.deployment import deploy, packaging, watch, wheels
from infra.engines import compose, localstack_health
from infra.faults import SetupFault
from infra.sessions import local_clients, translated

#: The last release whose image starts without an account token; docker-compose.yml pins it.
VERSION = "4.14.0"
ENDPOINT_VARIABLE = "LOCALSTACK_ENDPOINT"
#: A container that calls itself healthy answers from outside within this time.
ANSWER_SECONDS = 60
DEFAULT_ENDPOINT = "http://127.0.0.1:4566"
WHEELS = packaging.SOURCE / "build" / "wheels"
#: Lambda's names for the processors that a machine may report.
_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True, slots=True)
class Record:
    """What ``localstack.json`` remembers between ``up`` and ``down``."""

    url: str
    #: Whether `up` has started it; if not, `down` leaves it running.
    is_ours: bool
    #: Whether `down` has stopped it since; its volume is there until it is wiped.
    is_stopped: bool = False

    @classmethod
    def read(cls, state_dir: Path) -> Self | None:
        """Read it; None when there is none or it is damaged."""
        try:
            return cls(**json.loads(_file(state_dir).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def save(self, state_dir: Path) -> None:
        """Write it."""
        _file(state_dir).write_text(json.dumps(asdict(self)), encoding="utf-8")


def start(state_dir: Path, extra: Mapping[str, str] | None = None) -> str:
    """Find a LocalStack or start one; return its address.

    ``extra`` reaches only a LocalStack that is started here. Raises SetupFault, also where that is not possible.
    """
    found = find()
    if found:
        if extra:
            raise SetupFault(f"LocalStack runs already at {found}, and its settings are not ours to change.")
        Record(found, is_ours=Record.read(state_dir) == Record(found, is_ours=True)).save(state_dir)
        return found
    missing = compose.missing()
    if missing:
        raise SetupFault(
            f"No LocalStack answers at {DEFAULT_ENDPOINT} and none can be started: {missing} "
            f"Name a running one in {ENDPOINT_VARIABLE}, or use --engine embedded."
        )
    url = compose.address()
    Record(url, is_ours=True).save(state_dir)
    compose.up(extra or {})
    deadline = time.monotonic() + ANSWER_SECONDS
    while not localstack_health.ask(url):
        if time.monotonic() > deadline:
            raise SetupFault(f"The container of LocalStack has started, but it does not answer at {url}.")
        time.sleep(0.2)
    return url


def find() -> str | None:
    """Return the address of the LocalStack that runs. Raises SetupFault where the one that was named does not."""
    named = os.environ.get(ENDPOINT_VARIABLE, "").rstrip("/")
    if not named:
        return next((url for url in (compose.address(), DEFAULT_ENDPOINT) if localstack_health.ask(url)), None)
    if not named.startswith(("http://", "https://")):
        raise SetupFault(f"{ENDPOINT_VARIABLE} must be an address like {DEFAULT_ENDPOINT}, not {named!r}.")
    if not localstack_health.ask(named):
        raise SetupFault(f"No LocalStack answers at {named}, which {ENDPOINT_VARIABLE} names.")
    # botocore puts a bucket's name in front of any host but an address, and nobody resolves that.
    return named.replace("//localhost:", "//127.0.0.1:", 1)


def end(state_dir: Path, stack_name: str, wiped: bool) -> str:
    """Stop the LocalStack that `up` has started; on any other only delete the stack, if asked.

    Says what it did, nothing where there was nothing. Raises SetupFault.
    """
    record = Record.read(state_dir)
    if record is None or (record.is_stopped and not wiped):
        return ""
    if record.is_ours:
        compose.down(volumes=wiped)
        told = "" if record.is_stopped else "LocalStack is stopped; its free edition keeps no data."
        if not wiped:
            replace(record, is_stopped=True).save(state_dir)
            return told
    elif wiped:
        told = _delete(record.url, stack_name)
    else:
        return f"LocalStack at {record.url} was not started by Safelight and goes on, with the stack on it."
    _file(state_dir).unlink(missing_ok=True)
    return told


def architecture() -> str:
    """Return Lambda's name for this machine's processor, on which LocalStack runs functions. Raises SetupFault."""
    machine = platform.machine().lower()
    if machine not in _MACHINES:
        raise SetupFault(f"Lambda knows no {machine} processor, so LocalStack can't run functions here.")
    return _MACHINES[machine]


def packages(source: Path = packaging.SOURCE) -> dict[str, packaging.Package]:
    """Build the zips with everything in them, for the machine's processor. Raises SetupFault."""
    return wheels.full(WHEELS, architecture(), source)


def fetch(source: Path = packaging.SOURCE) -> None:
    """Fetch the wheels that :func:`packages` needs, so that it works offline afterwards. Raises SetupFault."""
    for name in packaging.ROOMS:
        wheels.installed(source / "requirements" / f"{name}.txt", WHEELS, architecture())


def parameters() -> dict[str, str]:
    """Return the template parameters that are LocalStack's own.

    Not every LocalStack has DynamoDB's streams; whose has them may turn notifications on.
    """
    return {"Architecture": architecture(), "Notifications": "off"}


def _delete(url: str, stack_name: str) -> str:
    if not localstack_health.ask(url):
        return f"No LocalStack answers at {url} any more, so nothing is left to delete there."
    with translated():
        deploy.destroy(watch.Target(local_clients(url), stack_name, watch.LOCAL_PACE))
    return f"The stack {stack_name} and its data are deleted; LocalStack at {url} goes on."


def _file(state_dir: Path) -> Path:
    return state_dir / "localstack.json"
