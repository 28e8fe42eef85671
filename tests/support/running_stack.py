"""A running stack as the end-to-end tests see it."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from support import recorded_calls

from infra import local_stack
from infra.engines.record import EngineRecord
from infra.sessions import local_session
from infra.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

#: What makes the embedded engine check every signature, and hold every function to its role.
ENFORCING = {"AUTH": "true"}
#: Template parameters: a lease and a visibility timeout that a test can wait for, in the proportion of the defaults.
QUICK = {
    "WorkerTimeout": "7",
    "RecordSeconds": "4",
    "RenderSeconds": "3",
    "QueueVisibilityTimeout": "42",
}
#: Longest wait for anything; a test that needs it all has found a fault.
PATIENCE_SECONDS = 120.0


@dataclass
class Site:
    """A running stack: its addresses, an HTTP client on its API, AWS clients on its engine."""

    stack: Stack
    http: httpx.Client
    folder: Path
    s3: "S3Client" = field(init=False)
    dynamodb: "DynamoDBClient" = field(init=False)
    sqs: "SQSClient" = field(init=False)
    logs: "CloudWatchLogsClient" = field(init=False)
    functions: "LambdaClient" = field(init=False)

    def __post_init__(self) -> None:
        session = local_session(self.stack.endpoint_url)
        self.s3 = session.client("s3")
        self.dynamodb = session.client("dynamodb")
        self.sqs = session.client("sqs")
        self.logs = session.client("logs")
        self.functions = session.client("lambda")

    def submit(self, body: bytes, **params: str) -> dict[str, Any]:
        """Send an image as raw bytes; return the accepted job."""
        answer = self.http.post("jobs", content=body, headers={"Content-Type": "image/jpeg"}, params=params)
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def announce(self, **wanted: Any) -> dict[str, Any]:
        """Announce an upload; return its job with the form."""
        answer = self.http.post("uploads", json=wanted)
        assert answer.status_code == 201, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def job(self, job_id: str) -> dict[str, Any]:
        """Read a job."""
        answer = self.http.get(f"jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def finished(self, job_id: str) -> dict[str, Any]:
        """Wait until a job is done; return it."""
        until(lambda: self.job(job_id)["done"])
        return self.job(job_id)

    def item(self, job_id: str) -> Mapping[str, Any]:
        """Return a job's record as DynamoDB has it."""
        return self.dynamodb.get_item(TableName=self.stack.table, Key={"ID": {"S": job_id}})["Item"]

    def keys(self, prefix: str) -> list[str]:
        """Return the keys of all objects below a prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.stack.bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def function_processes(self, role: str) -> list[psutil.Process]:
        """Return the processes of this machine in which the engine runs a function.

        The function's name is this stack's alone, so no other engine's are among them. Skips the test where the
        engine keeps functions in containers, which are not ours to look into.
        """
        name = self.stack.functions[role]
        candidates = self._engine_children() if self.stack.engine == "embedded" else list(psutil.process_iter())
        found = [process for process in candidates if self._function_of(process) == name]
        if not found and self.stack.engine == "localstack":
            pytest.skip("this LocalStack runs functions in containers")
        return found

    def _engine_children(self) -> list[psutil.Process]:
        record = EngineRecord.read(self.folder / "engine.json")
        assert record is not None
        return psutil.Process(record.pid).children(recursive=True)

    def _function_of(self, process: psutil.Process) -> str | None:
        """Name the function that a process runs, or None."""
        try:
            return process.environ().get("AWS_LAMBDA_FUNCTION_NAME")
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            return None
        except psutil.AccessDenied:
            # The worker and its children hide their environment from processes of the same user.
            hidden = self.stack.engine == "embedded" and "worker.sandbox.child" not in process.cmdline()
            return self.stack.functions["worker"] if hidden else None

    @contextmanager
    def without_worker(self) -> Iterator[None]:
        """Keep messages from the worker for a while, as if none were free."""
        mappings = self.functions.list_event_source_mappings(FunctionName=self.stack.functions["worker"])
        ids = [mapping["UUID"] for mapping in mappings["EventSourceMappings"]]
        try:
            for each in ids:
                self.functions.update_event_source_mapping(UUID=each, Enabled=False)
            yield
        finally:
            for each in ids:
                self.functions.update_event_source_mapping(UUID=each, Enabled=True)

    def log_lines(self, role: str) -> list[str]:
        """Return what a function has logged."""
        group = f"/aws/lambda/{self.stack.functions[role]}"
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]


def send(form: Mapping[str, Any], data: bytes) -> httpx.Response:
    """Send bytes by the form of an upload, as a browser or curl does."""
    return httpx.post(form["url"], data=form["fields"], files={"file": ("a", data)}, timeout=120, trust_env=False)


def until(condition: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for a condition, looking often; fail the test when it never comes."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.05)


def running_site(
    folder: Path,
    engine: str,
    parameters: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Site]:
    """Bring a stack up, hand it out, take it down.

    Its name is its own: on an engine that was there before, others may be running. ``environment`` is added to the
    engine's, if it is ours to start; without it the embedded engine holds each function to its role.
    """
    named = {"NamePrefix": f"e2e-{secrets.token_hex(4)}"} | dict(parameters or {})
    held = ENFORCING if engine == "embedded" else {}
    given = held if environment is None else environment
    recording = recorded_calls.engine_environment(named["NamePrefix"]) if held and given else {}
    stack = local_stack.up(folder, engine, named, environment={**given, **recording})
    try:
        if recording:
            recorded_calls.keep_policies(stack.endpoint_url, named["NamePrefix"])
        with httpx.Client(base_url=stack.api_url + "/", timeout=60, trust_env=False) as client:
            yield Site(stack, client, folder)
    finally:
        local_stack.down(folder, wipe=True)
