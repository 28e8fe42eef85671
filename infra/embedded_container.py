"""Entry point of the container in which the embedded engine runs (``infra/embedded.Dockerfile``).

``python -m infra.embedded_container`` starts the engine, deploys the stack and runs until it is stopped. With the
argument ``health``, it checks the API.
"""

import contextlib
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from infra import local_stack
from infra.engines import embedded, processes
from infra.engines.record import EnginePaths, EngineRecord
from infra.errors import SetupError
from infra.init_hook.deployer import READY
from infra.stack import Stack

#: The port in the container. The port on the host may differ, because links have the host of the request.
PORT = 4566
#: Template parameters, as NAME=VALUE, separated by white space.
PARAMETERS_VARIABLE = "SAFELIGHT_PARAMETERS"
_POLL_SECONDS = 1.0


def main() -> int:
    """Run or check the stack. Return the exit code."""
    state_dir = Path(os.environ["SAFELIGHT_STATE_DIR"])
    try:
        return check(state_dir) if sys.argv[1:] == ["health"] else run(state_dir)
    except SetupError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the output is all that a container shows
        return 1


def run(state_dir: Path) -> int:
    """Start the stack, print its addresses and wait. Return 0 after a signal, or 1 if the engine has ended.

    A signal stops the engine, which writes its state first.
    """
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    paths = EnginePaths.below(state_dir)
    if EngineRecord.read(paths.record) is None:
        state_dir.mkdir(parents=True, exist_ok=True)
        EngineRecord(PORT).save(paths.record)  # the engine uses the port of its record if it is free
    given = dict(each.split("=", 1) for each in os.environ.get(PARAMETERS_VARIABLE, "").split())
    stack = local_stack.up(state_dir, parameters=given, report=lambda text: print(text, flush=True))  # noqa: T201
    print(stack.to_json())  # noqa: T201
    print(f"{READY}{stack.api_url.removeprefix(stack.endpoint_url)}", flush=True)  # noqa: T201
    while not stopped.wait(_POLL_SECONDS):
        _reap_children()
        record = EngineRecord.read(paths.record)
        if record is None or processes.find_process(record.pid, record.created) is None:
            print("The engine has ended.", file=sys.stderr)  # noqa: T201
            return 1
    embedded.stop(state_dir)
    return 0


def check(state_dir: Path) -> int:
    """Return 0 if the API is healthy. Raises SetupError if it is not."""
    stack: Stack | None = local_stack.read_current_stack(state_dir)
    if stack is None:
        raise SetupError("The stack is not deployed yet.")
    local_stack.wait_until_healthy(stack.api_url, seconds=0)
    return 0


def _reap_children() -> None:
    """Remove ended processes. As process 1, this one gets the children of all ended processes."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


if __name__ == "__main__":
    sys.exit(main())
