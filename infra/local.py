"""Brings a local stack up and down; ``safelight up`` and the tests start here."""

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from filelock import FileLock

from infra import deploy, packaging, template, watch
from infra.engines import embedded
from infra.faults import SetupFault
from infra.sessions import local_clients, translated
from infra.stack import LOCAL_API_PREFIX, Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

STACK_NAME = "safelight"
HEALTH_SECONDS = 60
LOCK_SECONDS = 300
LEAST_WORKERS = 2
"""SQS takes no lower MaximumConcurrency."""
_WELL = frozenset({httpx.codes.OK, httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})
Report = Callable[[str], None]
"""Is told each step, in a few words."""


@dataclass(frozen=True, slots=True)
class Engine:
    """How one engine is started, stopped and cleaned up, each for a state directory."""

    start: Callable[[Path, Mapping[str, str] | None], str]
    """Returns the engine's address; raises SetupFault."""
    stop: Callable[[Path], bool]
    wipe: Callable[[Path], None]
    packages: Callable[[], dict[str, packaging.Package]]


def _localstack_is_to_come(_state_dir: Path, _extra: Mapping[str, str] | None) -> str:
    raise SetupFault("The engine localstack is not available yet; use --engine embedded.")


ENGINES: Mapping[str, Engine] = {
    "embedded": Engine(embedded.start, embedded.stop, embedded.wipe, packaging.slim),
    "localstack": Engine(_localstack_is_to_come, lambda _: False, lambda _: None, packaging.slim),
}


def up(
    state_dir: Path,
    engine: str = "embedded",
    parameters: Mapping[str, str] | None = None,
    report: Report = lambda _text: None,
    environment: Mapping[str, str] | None = None,
) -> Stack:
    """Bring the stack up, or find it up; return where it is.

    ``parameters`` are template parameters that differ from the local ones; ``environment`` is added to
    the engine's. Does only what is missing, so that it may be called at any time. Raises SetupFault.
    """
    chosen = _engine(engine)
    state_dir.mkdir(parents=True, exist_ok=True)
    with _lock(state_dir):
        report(f"starting the engine {engine}")
        endpoint_url = chosen.start(state_dir, environment)
        with translated():
            target = watch.Target(local_clients(endpoint_url), STACK_NAME, watch.LOCAL_PACE)
            given = local_parameters(endpoint_url) | dict(parameters or {})
            deployed = _deployed(target, chosen.packages(), given, report)
        stack = Stack.from_outputs(watch.outputs(deployed), engine=engine, endpoint_url=endpoint_url)
        stack.save(stack_file(state_dir))
        report("waiting for the API")
        await_health(stack.api_url)
    return stack


def down(state_dir: Path, *, wipe: bool = False) -> bool:
    """Stop what runs for this state directory; return whether anything did. Data is kept unless wiped."""
    if not state_dir.is_dir():
        return False
    with _lock(state_dir):
        stopped = [engine.stop(state_dir) for engine in ENGINES.values()]
        stack_file(state_dir).unlink(missing_ok=True)
        if wipe:
            for engine in ENGINES.values():
                engine.wipe(state_dir)
            shutil.rmtree(state_dir / "build", ignore_errors=True)
    if wipe:
        _lock_file(state_dir).unlink(missing_ok=True)
        if not any(state_dir.iterdir()):  # whatever else is there is not ours
            state_dir.rmdir()
    return any(stopped)


def local_parameters(endpoint_url: str) -> dict[str, str]:
    """Return the template parameters in which a local stack differs from one on AWS."""
    counts = [int(count) for count in template.load()["Mappings"]["Counts"]]
    workers = str(max(count for count in counts if count <= max(LEAST_WORKERS, os.cpu_count() or 1)))
    return {
        "ApiAuth": "none",
        "ApiPathPrefix": LOCAL_API_PREFIX,
        "PublicEndpointUrl": endpoint_url,
        "RequireTls": "false",
        "ProtectData": "false",
        "InteractiveConcurrency": workers,
        "BulkConcurrency": workers,
    }


def current(state_dir: Path) -> Stack | None:
    """Return the stack that was last brought up and not down again; it may have died since."""
    try:
        return Stack.from_json(stack_file(state_dir).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return None


def await_health(api_url: str, seconds: float = HEALTH_SECONDS) -> None:
    """Wait until the API says that it is well. Raises SetupFault after ``seconds``.

    Where the gateway asks for credentials its refusal must do: it is deployed, and only that is ours to see.
    """
    deadline = time.monotonic() + seconds
    with httpx.Client(trust_env=False, timeout=30) as client:
        while True:
            try:
                answer = client.get(f"{api_url}/health")
                if answer.status_code in _WELL:
                    return
                last = f"HTTP {answer.status_code} {answer.text[:300]}"
            except httpx.HTTPError as error:
                last = str(error)
            if time.monotonic() > deadline:
                raise SetupFault(f"The API is not healthy after {seconds:.0f} s: {last}")
            time.sleep(0.2)


def stack_file(state_dir: Path) -> Path:
    """Name the file that holds the current stack."""
    return state_dir / "stack.json"


def _deployed(
    target: watch.Target, packages: Mapping[str, packaging.Package], given: Mapping[str, str], report: Report
) -> "StackTypeDef":
    """Deploy unless all is as it should be; return CloudFormation's description."""
    values = deploy.settle(target.clients, packages, given, previous={})
    found = watch.describe(target)
    if not deploy.is_current(target, found, values):
        report("deploying the stack")
        deploy.deploy(target, packages, values)
        found = watch.describe(target)
    if found is None:
        raise SetupFault("The engine lost the stack that was just deployed; try again.")
    return found


def _engine(name: str) -> Engine:
    if name not in ENGINES:
        raise SetupFault(f"There is no engine {name}; choose one of {', '.join(ENGINES)}.")
    return ENGINES[name]


def _lock_file(state_dir: Path) -> Path:
    return state_dir / "lock"


def _lock(state_dir: Path) -> FileLock:
    """Keep others off this state directory: two engines on one state would destroy it."""
    return FileLock(_lock_file(state_dir), timeout=LOCK_SECONDS)
