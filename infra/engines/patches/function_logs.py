"""All log lines of an invocation, whatever the load of the machine.

MiniStack reads the log of a function in a thread, and ends the log of an invocation once no line has come for 5 ms. On
a busy machine, the last lines come later. They would then appear in the log of the next invocation, or never. Here,
the function process writes a mark after the last line of an invocation, and MiniStack reads up to that mark.
"""

# ruff: noqa: SLF001, ANN401 - patches private functions of an untyped module

import queue
from typing import Any, Final

#: Written by the function process after the log lines of an invocation. No function writes this line.
MARK: Final = "<end of the invocation 5f0c1c1e>"
#: How long to wait for the mark of a process that stopped writing without closing its log.
PATIENCE_SECONDS: Final = 10.0
_RESPONSE: Final = "        _real_stdout.flush()\n\nrun()"
_MARKED_RESPONSE: Final = f'        sys.__stderr__.write("{MARK}\\n")\n        sys.__stderr__.flush()\n{_RESPONSE}'


def install(runtime: Any) -> None:
    """Patch ``ministack.core.lambda_runtime``. Functions that are not in Python keep MiniStack's way."""
    read, drain = runtime.Worker._read_stderr, runtime.Worker._drain_stderr_bounded

    def read_all(worker: Any) -> None:
        lines = worker._stderr_queue
        read(worker)
        lines.put(MARK)

    def drain_marked(worker: Any, **waits: float) -> Any:
        if type(worker) is runtime.Worker and worker.config.get("Runtime", "").startswith("python"):
            return read_to_mark(worker._stderr_queue)
        return drain(worker, **waits)

    runtime._PYTHON_WORKER_SCRIPT = runtime._PYTHON_WORKER_SCRIPT.replace(_RESPONSE, _MARKED_RESPONSE)
    runtime.Worker._read_stderr = read_all
    runtime.Worker._drain_stderr_bounded = drain_marked


def read_to_mark(lines: "queue.Queue[str]", patience: float = PATIENCE_SECONDS) -> str:
    """Return the log lines of an invocation, joined."""
    found: list[str] = []
    while True:
        try:
            line = lines.get(timeout=patience)
        except queue.Empty:
            break
        if line.endswith(MARK):
            found += [line.removesuffix(MARK)] if line != MARK else []
            break
        found.append(line)
    return "\n".join(found)
