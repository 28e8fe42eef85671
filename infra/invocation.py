"""``safelight invoke``: run a function of the local stack in the terminal, with a debugger if you want one.

The engine runs functions in processes without a terminal. This command runs the handler of a function in a process of
its own, with the settings of the deployed function and the code of this installation, so changes need no deployment.
"""

# ruff: noqa: PLC0415 - see infra/commands.py

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from infra.commands import report_expected_errors
from infra.errors import SetupError
from infra.inspection import choose_roles, read_stack

if TYPE_CHECKING:
    from infra.stack import Stack

app = typer.Typer()

#: Functions whose events can be a job's message.
_MESSAGE_ROLES: Final = ("worker", "dead_letters")
#: Functions that run on a schedule, without an event.
_SCHEDULED: Final = ("reconciler", "walker")
_RUNNABLE: Final = frozenset({"PENDING", "PROCESSING"})
_RETRIABLE: Final = frozenset({"FAILED", "CANCELLED"})
#: Variables of this terminal that the process needs, besides those of the function.
_INHERITED: Final = ("PATH", "HOME", "TERM", "COLUMNS", "LINES", "LANG", "LC_ALL", "PYTHONBREAKPOINT", "TMPDIR")


@app.command()
def invoke(
    function: Annotated[str, typer.Argument(metavar="FUNCTION", help="The function, such as worker or reconciler.")],
    *,
    job: Annotated[
        str | None,
        typer.Option("--job", metavar="ID", help="Process this job. A failed or cancelled job is retried first."),
    ] = None,
    event: Annotated[
        str | None, typer.Option("--event", metavar="FILE", help="The event as JSON; - reads standard input.")
    ] = None,
    debug: Annotated[
        bool, typer.Option("--pdb", help="Start the debugger where an exception was raised that is logged as an error.")
    ] = False,
    trace: Annotated[
        bool, typer.Option("--trace", help="Start the debugger at the first line of the handler.")
    ] = False,
) -> None:
    """Run a function of the local stack in this terminal, with the code of this installation.

    Calls of breakpoint() stop here. With --pdb and --trace, there is no time limit, and images are rendered without the
    sandbox. The exit code is 1 if the handler has raised an exception.
    """
    with report_expected_errors():
        stack = read_stack()
        ((role, name),) = choose_roles(stack, function).items()
        if job is not None and event is not None:
            raise SetupError("Pass --job or --event, not both.")
        if job is not None and role not in _MESSAGE_ROLES:
            raise SetupError(f"--job works with {' and '.join(_MESSAGE_ROLES)}. Pass --event for {function}.")
        if job is None and event is None and role not in _SCHEDULED:
            raise SetupError(f"{function} needs an event: pass --event FILE" + _suggest_job(role))
        modes = ["pdb"] * debug + ["trace"] * trace
        if job is None:
            code, result = run_handler(stack, name, {} if event is None else _read_event(event), modes)
        else:
            with pause_messages(stack, name):
                code, result = run_handler(stack, name, make_job_event(stack, role, job), modes)
    if result:
        typer.echo(result)
    if code:
        raise typer.Exit(1)


def run_handler(stack: "Stack", name: str, event: Any, modes: list[str]) -> tuple[int, str]:  # noqa: ANN401 - any JSON
    """Run the handler of a function in a child process on this terminal. Return its exit code and result as JSON."""
    from infra.deployment.packaging import SOURCE_ROOT
    from infra.sessions import local_session, translate_aws_errors

    with translate_aws_errors():
        settings = local_session(stack.endpoint_url).client("lambda").get_function_configuration(FunctionName=name)
    with tempfile.TemporaryDirectory(prefix="safelight-invoke-") as folder:
        path = Path(folder) / "event.json"
        path.write_text(json.dumps(event), "utf-8")
        command = [sys.executable, "-m", "infra.handler_process", settings["Handler"], str(path), *modes]
        with _ignore_interrupts():  # the terminal sends Ctrl-C to the child too, whose debugger handles it
            code = subprocess.run(
                command, env=_make_environment(stack, settings), cwd=SOURCE_ROOT, check=False
            ).returncode
        return code, path.read_text("utf-8") if code == 0 else ""


def make_job_event(stack: "Stack", role: str, job_id: str) -> dict[str, Any]:
    """Return the SQS event with the message of a job, which is made ready for an attempt.

    Ends the lease of an attempt that may still run. Raises SetupError if the job does not exist or is not open.
    """
    from infra import open_jobs
    from infra.sessions import LOCAL_REGION, local_session, translate_aws_errors
    from shared.jobs.message import JobMessage

    table: Any = local_session(stack.endpoint_url).client("dynamodb")
    with translate_aws_errors():
        item = _read_job(table, stack, job_id)
        if item["Status"]["S"] in _RETRIABLE and role == "worker":
            _retry(stack, job_id)
            item = _read_job(table, stack, job_id)
        status = item["Status"]["S"]
        if status not in _RUNNABLE:
            raise SetupError(f"The job {job_id} is {status}. Submit the image again to process it again.")
        if status == "PROCESSING":
            open_jobs.end_lease(table, stack.table, item)
    message = JobMessage(job_id=job_id, generation=int(item["Generation"]["N"]))
    queue = stack.queue_url if role == "worker" else stack.dead_letter_queue_url
    now = str(int(time.time() * 1000))
    record = {
        "messageId": "invoked-by-hand",
        "receiptHandle": "invoked-by-hand",
        "body": message.encode(),
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": now,
            "ApproximateFirstReceiveTimestamp": now,
            "SenderId": "safelight-invoke",
        },
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{LOCAL_REGION}:000000000000:{queue.rsplit('/', 1)[-1]}",
        "awsRegion": LOCAL_REGION,
    }
    return {"Records": [record]}


@contextmanager
def pause_messages(stack: "Stack", name: str) -> Iterator[None]:
    """Deliver no messages to a function of the engine while the block runs, so that it takes no job away."""
    from infra.sessions import local_session, translate_aws_errors

    client: Any = local_session(stack.endpoint_url).client("lambda")
    with translate_aws_errors():
        pages = client.get_paginator("list_event_source_mappings").paginate(FunctionName=name)
        mappings = [mapping for page in pages for mapping in page["EventSourceMappings"]]
        enabled = [each["UUID"] for each in mappings if each["State"] != "Disabled"]
    try:
        for each in enabled:
            with translate_aws_errors():
                client.update_event_source_mapping(UUID=each, Enabled=False)
        yield
    finally:
        for each in enabled:
            with translate_aws_errors():
                client.update_event_source_mapping(UUID=each, Enabled=True)


def _make_environment(stack: "Stack", settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables of the function, and those of a client of the local stack."""
    from infra.inspection import list_variables

    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    access = {name: value for name, value in list_variables(stack).items() if name.startswith("AWS_")}
    return {
        **inherited,
        **access,
        **settings.get("Environment", {}).get("Variables", {}),
        "AWS_LAMBDA_FUNCTION_NAME": settings["FunctionName"],
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(settings["MemorySize"]),
        "SAFELIGHT_INVOKE_SECONDS": str(settings["Timeout"]),
        "PYTHONUNBUFFERED": "1",
        # Lines of metrics would hide the log.
        "POWERTOOLS_METRICS_DISABLED": "true",
    }


@contextmanager
def _ignore_interrupts() -> Iterator[None]:
    # Not SIG_IGN, which the child would inherit.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _read_event(name: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(sys.stdin.read() if name == "-" else Path(name).read_text("utf-8"))
    except OSError as error:
        raise SetupError(f"{name} can't be read: {error.strerror}.") from error
    except ValueError as error:
        raise SetupError(f"{name} is not JSON: {error}.") from error


def _read_job(table: Any, stack: "Stack", job_id: str) -> Any:  # noqa: ANN401 - DynamoDB's wire format
    item = table.get_item(TableName=stack.table, Key={"ID": {"S": job_id}}, ConsistentRead=True).get("Item")
    if item is None:
        raise SetupError(f"There is no job {job_id}.")
    return item


def _retry(stack: "Stack", job_id: str) -> None:
    """Retry a failed or cancelled job. The API does it, with the rules for retries."""
    import httpx

    try:
        answer = httpx.post(f"{stack.api_url}/jobs/{job_id}/retry", timeout=60, trust_env=False)
    except httpx.HTTPError as error:
        raise SetupError(f"The job can't be retried: {error}") from error
    if not answer.is_success:
        raise SetupError(f"The job can't be retried: {answer.text}. Run: safelight retry {job_id}")


def _suggest_job(role: str) -> str:
    return ", or --job ID." if role in _MESSAGE_ROLES else "."
