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

from infra import page
from infra.deployment import deploy, packaging, template, watch
from infra.engines import embedded, localstack
from infra.faults import SetupFault
from infra.publishing import publish
from infra.sessions import local_clients, translated
from infra.stack import LOCAL_API_PREFIX, Stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

STACK_NAME = "safelight"
HEALTH_SECONDS = 60
LOCK_SECONDS = 300
#: SQS takes no lower MaximumConcurrency.
LEAST_WORKERS = 2
_WELL = frozenset({httpx.codes.OK, httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})
#: Is told each step, in a few words.
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Engine:
    """How one engine is started and ended for a state directory, and what is deployed on it."""

    #: Returns the engine's address; raises SetupFault.
    start: Callable[[Path, Mapping[str, str] | None], str]
    #: Stops what runs for the state directory and, with True, removes the data of the stack of that name. Says in a
    #: sentence what it did; nothing where there was nothing to stop.
    end: Callable[[Path, str, bool], str]
    #: Builds the zips from the folder that holds the rooms.
    packages: Callable[[Path], dict[str, packaging.Package]]
    #: Template parameters that are this engine's own.
    parameters: Callable[[], Mapping[str, str]] = dict


ENGINES: Mapping[str, Engine] = {
    "embedded": Engine(embedded.start, embedded.end, packaging.slim),
    "localstack": Engine(localstack.start, localstack.end, localstack.packages, localstack.parameters),
}


def up(  # noqa: PLR0913 - each with a default of its own
    state_dir: Path,
    engine: str = "embedded",
    parameters: Mapping[str, str] | None = None,
    *,
    report: Report = lambda _text: None,
    environment: Mapping[str, str] | None = None,
    source: Path = packaging.SOURCE,
) -> Stack:
    """Bring the stack up, or find it up; return where it is.

    ``parameters`` are template parameters that differ from the local ones; ``environment`` is added to
    the engine's; ``source`` is the folder whose code is deployed. Does only what is missing, so that it may
    be called at any time. Raises SetupFault.
    """
    chosen = _engine(engine)
    state_dir.mkdir(parents=True, exist_ok=True)
    given = local_parameters() | dict(chosen.parameters()) | dict(parameters or {})
    name = given.get("NamePrefix", STACK_NAME)
    with _lock(state_dir):
        report(f"starting the engine {engine}")
        endpoint_url = chosen.start(state_dir, environment)
        _name_file(state_dir).write_text(name, encoding="utf-8")  # before anything of that name is made
        report("building the zips")
        deployed = deploy_on(endpoint_url, name, chosen.packages(source), given, report, source)
        stack = Stack.from_outputs(watch.outputs(deployed), engine=engine, endpoint_url=endpoint_url)
        stack.save(stack_file(state_dir))
        report("waiting for the API")
        await_health(stack.api_url)
    return stack


def down(state_dir: Path, *, wipe: bool = False) -> str:
    """Stop what runs for this state directory; say what was stopped, nothing where nothing was.

    Data is kept, where the engine can keep it, unless it is wiped. Raises SetupFault.
    """
    if not state_dir.is_dir():
        return ""
    with _lock(state_dir):
        name = _stack_name(state_dir)
        told = [engine.end(state_dir, name, wipe) for engine in ENGINES.values()]
        stack_file(state_dir).unlink(missing_ok=True)
        if wipe:
            _name_file(state_dir).unlink(missing_ok=True)
            shutil.rmtree(state_dir / "build", ignore_errors=True)
    if wipe:
        _lock_file(state_dir).unlink(missing_ok=True)
        if not any(state_dir.iterdir()):  # whatever else is there is not ours
            state_dir.rmdir()
    return " ".join(filter(None, told))


def local_parameters() -> dict[str, str]:
    """Return the template parameters in which a local stack differs from one on AWS."""
    counts = [int(count) for count in template.load()["Mappings"]["Counts"]]
    workers = str(max(count for count in counts if count <= max(LEAST_WORKERS, os.cpu_count() or 1)))
    return {
        "ApiAuth": "none",
        "ApiPathPrefix": LOCAL_API_PREFIX,
        "PublicEndpointUrl": "caller",
        "PublicUi": "true",
        "RequireTls": "false",
        "ProtectData": "false",
        "Monitoring": "basic",
        "WebhookTargets": "any",
        "ThrottleRate": "10000",
        "ThrottleBurst": "5000",
        "InteractiveConcurrency": workers,
        "BulkConcurrency": workers,
    }


def deploy_on(  # noqa: PLR0913, PLR0917 - the last two have defaults
    endpoint_url: str,
    name: str,
    packages: Mapping[str, packaging.Package],
    given: Mapping[str, str],
    report: Report = lambda _text: None,
    source: Path = packaging.SOURCE,
) -> "StackTypeDef":
    """Bring the stack ``name`` to this template, code, parameters and page; return CloudFormation's description.

    Does nothing where it is so already. Raises SetupFault.
    """
    with translated():
        target = watch.Target(local_clients(endpoint_url), name, watch.LOCAL_PACE)
        values = deploy.settle(target.clients, packages, given, previous={})
        found = watch.describe(target)
        if not deploy.is_current(target, found, values):
            report("deploying the stack")
            deploy.deploy(target, packages, values)
            found = watch.describe(target)
        if found is None:
            raise SetupFault("The engine lost the stack that was just deployed; try again.")
        outputs = watch.outputs(found)
        publish(target.clients, outputs["UiBucketName"], page.files(outputs, values["ApiAuth"], source))
    return found


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


def _engine(name: str) -> Engine:
    if name not in ENGINES:
        raise SetupFault(f"There is no engine {name}; choose one of {', '.join(ENGINES)}.")
    return ENGINES[name]


def _name_file(state_dir: Path) -> Path:
    return state_dir / "stack-name"


def _stack_name(state_dir: Path) -> str:
    try:
        return _name_file(state_dir).read_text(encoding="utf-8").strip() or STACK_NAME
    except OSError:
        return STACK_NAME


def _lock_file(state_dir: Path) -> Path:
    return state_dir / "lock"


def _lock(state_dir: Path) -> FileLock:
    """Keep others off this state directory: two engines on one state would destroy it."""
    return FileLock(_lock_file(state_dir), timeout=LOCK_SECONDS)
