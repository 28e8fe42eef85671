"""Start and stop a local stack: the entry point of ``safelight up`` and of the tests."""

import contextlib
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

import httpx
from filelock import FileLock

from infra.deployment import change_sets, cloudformation, packaging, page, template
from infra.deployment.page import publish
from infra.engines import embedded, localstack
from infra.errors import SetupError
from infra.sessions import local_clients, translate_aws_errors
from infra.stack import ENGINE_LABELS, LOCAL_API_PREFIX, Stack, get_api_address

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

STACK_NAME = "safelight"
#: How long to wait for the API. On a busy machine, its first start takes minutes.
HEALTH_SECONDS = 600
#: After this many error responses, the API is broken and not slow. It takes half a minute on an idle machine.
MAX_ERRORS = 120
LOCK_SECONDS = 300
_REQUEST_SECONDS = 30
#: SQS accepts no lower MaximumConcurrency.
MIN_CONCURRENCY = 2
#: The state contains images, names and keys: only this user can read it.
_PRIVATE = 0o700
_HEALTHY = frozenset({httpx.codes.OK, httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})
#: Called with a short text at the start of each step.
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Engine:
    """How to start and stop one engine for a state directory, and what to deploy on it."""

    #: Returns True if the engine is already running with these settings.
    is_running: Callable[[Path, Mapping[str, str] | None], bool]
    #: Starts the engine if necessary and returns its URL. Raises SetupError if the engine does not start.
    start: Callable[[Path, Mapping[str, str] | None], str]
    #: Stops the engine of the state directory and, if the last argument is True, removes the data of the stack with
    #: this name. Returns a sentence that says what was done, or an empty string if there was nothing to stop.
    end: Callable[[Path, str, bool], str]
    #: Builds the zips from the source folder.
    packages: Callable[[Path], dict[str, packaging.Package]]
    #: Returns the template parameters for this engine.
    parameters: Callable[[], Mapping[str, str]] = dict
    #: Write the engine's state, so that it outlives a killed engine. Raises SetupError.
    save: Callable[[Path], None] = lambda _state_dir: None


ENGINES: Mapping[str, Engine] = {
    "embedded": Engine(
        is_running=embedded.is_running_with,
        start=embedded.start,
        end=embedded.shut_down,
        packages=packaging.build_slim,
        save=embedded.save,
    ),
    "localstack": Engine(
        is_running=lambda _state_dir, _environment: localstack.find_running() is not None,
        start=localstack.start,
        end=localstack.shut_down,
        packages=localstack.build_packages,
        parameters=localstack.get_parameters,
    ),
}


def up(  # noqa: PLR0913 - each with a default of its own
    state_dir: Path,
    engine: str = "embedded",
    parameters: Mapping[str, str] | None = None,
    *,
    report: Report = lambda _text: None,
    environment: Mapping[str, str] | None = None,
    source: Path = packaging.SOURCE_ROOT,
) -> Stack:
    """Start the engine if necessary, bring the stack up to date, and return it. Idempotent.

    ``parameters`` are template parameters that differ from :func:`local_parameters` and :func:`read_parameters`.
    ``environment`` is added to the environment of the engine. ``source`` is the folder whose code is deployed. Raises
    SetupError if a step fails.
    """
    chosen = _engine(engine)
    state_dir.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    state_dir.chmod(_PRIVATE)
    given = local_parameters() | dict(chosen.parameters()) | read_parameters(state_dir) | dict(parameters or {})
    name = given.get("NamePrefix", STACK_NAME)
    with _lock(state_dir):
        running = chosen.is_running(state_dir, environment)
        label = ENGINE_LABELS[engine]
        report(f"{label} is already running" if running else f"starting {label}")
        endpoint_url = chosen.start(state_dir, environment)
        _name_file(state_dir).write_text(name, encoding="utf-8")  # before any resource of that name exists
        report("building the Lambda packages")
        deployed = deploy_to_engine(endpoint_url, name, chosen.packages(source), given, report, source)
        stack = Stack.from_outputs(cloudformation.get_outputs(deployed), engine=engine, endpoint_url=endpoint_url)
        chosen.save(state_dir)
        stack.save(stack_path(state_dir))
        report("waiting until the API is healthy")
        wait_until_healthy(stack.api_url)
    return stack


def down(state_dir: Path, *, wipe: bool = False) -> str:
    """Stop the engines of a state directory, and delete their data if ``wipe`` is true.

    Returns a sentence that says what was done, or an empty string if nothing was running. Raises SetupError if a step
    fails.
    """
    if not state_dir.is_dir():
        return ""
    with _lock(state_dir):
        name = _stack_name(state_dir)
        stopped = [engine.end(state_dir, name, wipe) for engine in ENGINES.values()]
        stack_path(state_dir).unlink(missing_ok=True)
        if wipe:
            _name_file(state_dir).unlink(missing_ok=True)
            forget_parameters(state_dir)
            shutil.rmtree(state_dir / "build", ignore_errors=True)
    if wipe:
        _lock_file(state_dir).unlink(missing_ok=True)
        if not any(state_dir.iterdir()):  # other files belong to someone else
            state_dir.rmdir()
    return " ".join(filter(None, stopped))


def read_parameters(state_dir: Path) -> dict[str, str]:
    """Return the template parameters that :func:`save_parameters` has stored for the stacks of a state directory.

    Raises SetupError if the file is damaged.
    """
    path = _parameters_file(state_dir)
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        stored = None
    if not isinstance(stored, dict):
        raise SetupError(f"{path} is damaged. Delete it, and pass the parameters again.")
    return {str(name): str(value) for name, value in stored.items()}


def save_parameters(state_dir: Path, parameters: Mapping[str, str]) -> None:
    """Store the template parameters that later calls of :func:`up` use."""
    path = _parameters_file(state_dir)
    scratch = path.with_suffix(".tmp")
    scratch.write_text(json.dumps(dict(parameters), indent=2) + "\n", encoding="utf-8")
    scratch.replace(path)


def forget_parameters(state_dir: Path) -> None:
    """Delete the stored template parameters."""
    _parameters_file(state_dir).unlink(missing_ok=True)


def local_parameters() -> dict[str, str]:
    """Return the template parameters of a local stack that differ from the defaults."""
    counts = [int(count) for count in template.load_template()["Mappings"]["Counts"]]
    workers = str(max(count for count in counts if count <= max(MIN_CONCURRENCY, os.cpu_count() or 1)))
    return {
        "ApiAuth": "none",
        "ApiPathPrefix": LOCAL_API_PREFIX,
        "PublicEndpointUrl": "caller",
        "PublicUi": "true",
        "RequireTls": "false",
        "ProtectData": "false",
        "Monitoring": "basic",
        "WebhookTargets": "any",
        "ImportTargets": "any",
        "UiOrigins": "*",
        "ThrottleRate": "10000",
        "ThrottleBurst": "5000",
        "InteractiveConcurrency": workers,
        "BulkConcurrency": workers,
    }


def deploy_to_engine(  # noqa: PLR0913, PLR0917 - the last two have defaults
    endpoint_url: str,
    name: str,
    packages: Mapping[str, packaging.Package],
    given: Mapping[str, str],
    report: Report = lambda _text: None,
    source: Path = packaging.SOURCE_ROOT,
) -> "StackTypeDef":
    """Update the stack ``name`` to this template, code and parameters, and publish the web page.

    Returns CloudFormation's description of the stack. A stack that is up to date is not changed. Raises SetupError if a
    step fails.
    """
    with translate_aws_errors():
        target = cloudformation.Target(local_clients(endpoint_url), name, cloudformation.LOCAL_POLLING)
        values = change_sets.resolve_parameters(target.clients, packages, given, previous={})
        found = cloudformation.describe_stack(target)
        if not change_sets.is_current(target, found, values):
            report("deploying the stack")
            change_sets.deploy(target, packages, values)
            found = cloudformation.describe_stack(target)
        if found is None:
            raise SetupError("The engine lost the stack right after its deployment. Try again.")
        outputs = cloudformation.get_outputs(found)
        files = page.build_files(outputs, values["ApiAuth"], source)
        # Both take a second of CPU time: the API starts while the page is uploaded.
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_request_health, get_api_address(outputs), endpoint_url)
            publish(target.clients, outputs["UiBucketName"], files)
    return found


def _request_health(address: str, endpoint_url: str) -> None:
    """Request the health of the API once, so that its function starts. ``address`` is a URL or a path."""
    with contextlib.suppress(httpx.HTTPError), httpx.Client(trust_env=False, timeout=_REQUEST_SECONDS) as client:
        client.get(f"{urljoin(endpoint_url, address)}/health")


def read_current_stack(state_dir: Path) -> Stack | None:
    """Return the stack of the last ``up``, or None after ``down``. Its engine may not be running."""
    try:
        return Stack.from_json(stack_path(state_dir).read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):
        return None


def wait_until_healthy(api_url: str, seconds: float = HEALTH_SECONDS) -> None:
    """Wait until the API is healthy. Raises SetupError if it is not after ``seconds`` or ``MAX_ERRORS`` responses.

    A gateway that requires credentials counts as healthy when it returns 401 or 403.
    """
    started, errors = time.monotonic(), 0
    with httpx.Client(trust_env=False, timeout=_REQUEST_SECONDS) as client:
        while True:
            try:
                answer = client.get(f"{api_url}/health")
                if answer.status_code in _HEALTHY:
                    return
                last = f"HTTP {answer.status_code} {answer.text[:300]}"
                errors += 1
            except httpx.HTTPError as error:
                last = str(error)
            waited = time.monotonic() - started
            if waited > seconds or errors >= MAX_ERRORS:
                raise SetupError(f"The API is not healthy after {waited:.0f} s: {last}")
            time.sleep(0.2)


def stack_path(state_dir: Path) -> Path:
    """Return the path of the file that describes the current stack."""
    return state_dir / "stack.json"


def _engine(name: str) -> Engine:
    if name not in ENGINES:
        raise SetupError(f"There is no engine {name}; choose one of {', '.join(ENGINES)}.")
    return ENGINES[name]


def _name_file(state_dir: Path) -> Path:
    return state_dir / "stack-name"


def _parameters_file(state_dir: Path) -> Path:
    return state_dir / "parameters.json"


def _stack_name(state_dir: Path) -> str:
    try:
        return _name_file(state_dir).read_text(encoding="utf-8").strip() or STACK_NAME
    except OSError:
        return STACK_NAME


def _lock_file(state_dir: Path) -> Path:
    return state_dir / "lock"


def _lock(state_dir: Path) -> FileLock:
    """Return a lock for the state directory. Two engines that use the same state would destroy it."""
    return FileLock(_lock_file(state_dir), timeout=LOCK_SECONDS)
