"""Run one event in the handler of a function, in this process: the child process of ``safelight invoke``.

Run as a program with the name of the handler, the file of the event and, for a debugger, ``pdb`` and ``trace``.
Standard input is the caller's terminal, so ``breakpoint()`` works. The result is written to the file of the event.
"""

import importlib
import json
import logging
import os
import pdb  # noqa: T100 - this is the debugger's command
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

#: A person at a breakpoint needs longer than the time limit of a function.
_DEBUG_SECONDS: Final = 24 * 3600


def main() -> int:
    """Invoke the handler. Return 0, or 1 if it has raised an exception."""
    handler_name, event_file, *modes = sys.argv[1:]
    is_debugged = bool(modes)
    if "pdb" in modes:
        _stop_at_errors()
    if is_debugged:
        _render_here()
    handler = _import_handler(handler_name)
    path = Path(event_file)
    event = json.loads(path.read_text("utf-8"))
    context = _make_context(_DEBUG_SECONDS if is_debugged else int(os.environ["SAFELIGHT_INVOKE_SECONDS"]))
    try:
        result = _trace(handler, event, context) if "trace" in modes else handler(event, context)
    except Exception:
        logging.getLogger("safelight.invoke").exception("The handler has raised an exception")
        return 1
    path.write_text(json.dumps(result), "utf-8")
    return 0


def _import_handler(name: str) -> Any:  # noqa: ANN401 - any handler
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(module), function)


def _trace(handler: Any, event: Any, context: Any) -> Any:  # noqa: ANN401 - any handler
    """Stop at the first line of the handler. Breakpoints also stop other threads."""
    debugger = pdb.Pdb()
    threading.settrace(debugger.trace_dispatch)
    return debugger.runcall(handler, event, context)


def _stop_at_errors() -> None:
    """Let the debugger stop where an exception was raised that the code logs as an error.

    The handlers of SQS events catch all exceptions, so none reaches this program.
    """
    make_record = logging.getLogRecordFactory()

    def make_and_stop(*arguments: Any, **named: Any) -> logging.LogRecord:  # noqa: ANN401 - those of logging
        record = make_record(*arguments, **named)
        if record.levelno >= logging.ERROR and record.exc_info and record.exc_info[2]:
            print(f"{record.exc_info[0].__name__ if record.exc_info[0] else ''}: {record.exc_info[1]}")  # noqa: T201
            pdb.post_mortem(record.exc_info[2])
        return record

    logging.setLogRecordFactory(make_and_stop)


def _render_here() -> None:
    """Render images in this process instead of in the sandbox, whose child processes have no terminal."""
    pool = importlib.import_module("worker.sandbox.pool")
    render = importlib.import_module("worker.imaging.render").render

    def render_here(_sandbox: Any, *image: Any, start_by: object = None, end_by: object = None) -> Any:  # noqa: ANN401 - those of render
        del start_by, end_by
        return render(*image)

    pool.Sandbox.render = render_here


def _make_context(seconds: int) -> Any:  # noqa: ANN401 - a stand-in for Lambda's context
    end = time.monotonic() + seconds
    name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
    region = os.environ["AWS_REGION"]
    return SimpleNamespace(
        function_name=name,
        function_version="$LATEST",
        invoked_function_arn=f"arn:aws:lambda:{region}:000000000000:function:{name}",
        memory_limit_in_mb=os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"],
        aws_request_id="invoked-by-hand",
        log_group_name=f"/aws/lambda/{name}",
        log_stream_name="invoke",
        get_remaining_time_in_millis=lambda: int(max(end - time.monotonic(), 0) * 1000),
    )


if __name__ == "__main__":
    sys.exit(main())
