"""Entry point of the container in which the embedded engine runs (``infra/embedded.Dockerfile``).

``python -m infra.embedded_container`` starts the engine, deploys the stack and runs until it is stopped. With the
argument ``health``, it checks the API.
"""

# ruff: noqa: PLC0415 - Linux ignores signals to process 1 until it handles them, so the handlers are set before the imports

import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

#: The port in the container. The port on the host may differ, because links have the host of the request.
PORT = 4566
#: Template parameters, as NAME=VALUE, separated by white space.
PARAMETERS_VARIABLE = "SAFELIGHT_PARAMETERS"
_POLL_SECONDS = 1.0


class ContainerStopped(BaseException):
    """A signal asks the container to stop. Like KeyboardInterrupt, it is no error that code handles."""


def main() -> int:
    """Run or check the stack. Return the exit code."""
    state_dir = Path(os.environ["SAFELIGHT_STATE_DIR"])
    is_check = sys.argv[1:] == ["health"]
    if not is_check:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
    try:
        from infra.errors import SetupError
    except ContainerStopped:
        return 0
    try:
        return check(state_dir) if is_check else run(state_dir)
    except SetupError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the output is all that a container shows
        return 1


def run(state_dir: Path) -> int:
    """Start the stack, print its addresses and wait. Return 0 after a signal, or 1 if the engine has ended.

    A signal stops the engine, which writes its state first, also during the deployment. The next start continues it.
    """
    try:
        return _serve(state_dir)
    except ContainerStopped:
        from infra.engines import embedded

        embedded.stop(state_dir)
        return 0


def _serve(state_dir: Path) -> int:
    """Start the stack and wait until the engine has ended. Raises ContainerStopped."""
    from infra import local_stack
    from infra.engines import processes
    from infra.engines.record import EnginePaths, EngineRecord
    from infra.init_hook.deployer import READY

    paths = EnginePaths.below(state_dir)
    if EngineRecord.read(paths.record) is None:
        state_dir.mkdir(parents=True, exist_ok=True)
        EngineRecord(PORT).save(paths.record)  # the engine uses the port of its record if it is free
    given = dict(each.split("=", 1) for each in os.environ.get(PARAMETERS_VARIABLE, "").split())
    stack = local_stack.up(state_dir, parameters=given, report=lambda text: print(text, flush=True))  # noqa: T201
    print(stack.to_json())  # noqa: T201
    print(f"{READY}{stack.api_url.removeprefix(stack.endpoint_url)}", flush=True)  # noqa: T201
    while True:
        time.sleep(_POLL_SECONDS)
        _reap_children()
        record = EngineRecord.read(paths.record)
        if record is None or processes.find_process(record.pid, record.created) is None:
            print("The engine has ended.", file=sys.stderr)  # noqa: T201
            return 1


def check(state_dir: Path) -> int:
    """Return 0 if the API is healthy. Raises SetupError if it is not."""
    from infra import local_stack
    from infra.errors import SetupError

    stack = local_stack.read_current_stack(state_dir)
    if stack is None:
        raise SetupError("The stack is not deployed yet.")
    local_stack.wait_until_healthy(stack.api_url, seconds=0)
    return 0


def _stop(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Raise ContainerStopped, once: further signals must not interrupt the stop."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise ContainerStopped


def _reap_children() -> None:
    """Remove ended processes. As process 1, this one gets the children of all ended processes."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


if __name__ == "__main__":
    sys.exit(main())
