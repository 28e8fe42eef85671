"""A running stack for the end-to-end tests."""

import secrets
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import httpx
import psutil
import pytest
from support import recorded_calls

from infra import local_stack
from infra.engines.record import EngineRecord
from infra.sessions import local_session
from infra.stack import Stack
from shared.errors import DeliveryError, ServiceError, error_classes
from shared.jobs.job import JobStatus

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

#: Makes the embedded engine check signatures and enforce the role of each function.
AUTH_ENVIRONMENT = {"AUTH": "true"}
#: Template parameters with a short lease and visibility timeout, in the proportion of the defaults. With ten busy
#: processes per processor, a worker starts within the timeout. Chance must not use up all attempts of a job.
SHORT_TIMEOUTS = {
    "WorkerTimeout": "14",
    "RecordSeconds": "8",
    "RenderSeconds": "6",
    "QueueVisibilityTimeout": "84",
    "MaxReceiveCount": "20",
}
#: Default timeout of a wait. A test that passes ends its waits by a condition, so the limits are for tests that fail.
MAX_WAIT_SECONDS = 600.0
SHORTEST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 1.0
#: Timeout of one request to a function that may have to start.
HTTP_SECONDS = 300.0
#: Statuses of a busy engine, and of a function that got no processor for so long that its time was over.
BUSY = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)
#: ``httpx.get`` for a link or another URL. The 5 s of httpx are not enough on a busy machine.
get = partial(httpx.get, timeout=HTTP_SECONDS, trust_env=False)
#: Codes of attempts that the image did not end, but a busy machine or a service that did not respond.
RELEASED = frozenset(each.code for root in (DeliveryError, ServiceError) for each in error_classes(root))


@dataclass
class Site:
    """A running stack: its URLs, an HTTP client of its API, and AWS clients of its engine."""

    stack: Stack
    #: Repeats requests that a busy engine refuses. A test that expects 429 needs another client.
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
        """Post an image as raw bytes and return the job."""
        headers = {"Content-Type": "image/jpeg"}
        answer = send_until_admitted(lambda: self.http.post("jobs", content=body, headers=headers, params=params))
        assert answer.status_code == 202, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def create_upload(self, **fields: Any) -> dict[str, Any]:
        """Create an upload and return its job with the form."""
        answer = send_until_admitted(lambda: self.http.post("uploads", json=fields))
        assert answer.status_code == 201, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def job(self, job_id: str) -> dict[str, Any]:
        """Return a job."""
        answer = self.http.get(f"jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def wait_until_done(self, job_id: str) -> dict[str, Any]:
        """Wait until a job has ended and return it."""
        # Reading the table costs a fraction of a request to the API.
        wait_until(lambda: JobStatus(self.item(job_id)["Status"]["S"]).is_terminal)
        return self.job(job_id)

    def item(self, job_id: str) -> Mapping[str, Any]:
        """Return the DynamoDB item of a job."""
        return self.dynamodb.get_item(TableName=self.stack.table, Key={"ID": {"S": job_id}})["Item"]

    def keys(self, prefix: str) -> list[str]:
        """Return the keys of all objects with a prefix."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.stack.bucket, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def list_single_jobs(self) -> set[str]:
        """Return the IDs of all jobs that have a record or a raw image, without members of batches.

        The walker may still create members for backfills of earlier tests.
        """
        scan = self.dynamodb.get_paginator("scan")
        pages = scan.paginate(TableName=self.stack.table, ProjectionExpression="ID, BatchID")
        records = {item["ID"]["S"] for page in pages for item in page["Items"] if "BatchID" not in item}
        return records | {key.split("/")[2] for folder in ("api", "direct") for key in self.keys(f"raw/{folder}/")}

    def list_processes(self, role: str) -> list[psutil.Process]:
        """Return the processes of this machine in which the engine runs a function.

        The name of the function is unique to this stack. Skip the test if LocalStack runs functions in containers.
        """
        name = self.stack.functions[role]
        candidates = self._engine_children() if self.stack.engine == "embedded" else list(psutil.process_iter())
        found = [process for process in candidates if self._get_function_name(process) == name]
        if not found and self.stack.engine == "localstack":
            pytest.skip("this LocalStack runs functions in containers")
        return found

    def _engine_children(self) -> list[psutil.Process]:
        record = EngineRecord.read(self.folder / "engine.json")
        assert record is not None
        return psutil.Process(record.pid).children(recursive=True)

    def _get_function_name(self, process: psutil.Process) -> str | None:
        """Return the name of the function that a process runs, or None."""
        try:
            return process.environ().get("AWS_LAMBDA_FUNCTION_NAME")
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            return None
        except psutil.AccessDenied:
            # The worker and its children hide their environment from other processes of the user.
            with suppress(psutil.Error):  # it has ended
                if self.stack.engine == "embedded" and "worker.sandbox.child" not in process.cmdline():
                    return self.stack.functions["worker"]
            return None

    @contextmanager
    def pause_worker(self) -> Iterator[None]:
        """Deliver no messages to the worker while the block runs."""
        mappings = self.functions.list_event_source_mappings(FunctionName=self.stack.functions["worker"])
        ids = [mapping["UUID"] for mapping in mappings["EventSourceMappings"]]
        try:
            for each in ids:
                self.functions.update_event_source_mapping(UUID=each, Enabled=False)
            # LocalStack stops a mapping a little later.
            wait_until(
                lambda: all(self.functions.get_event_source_mapping(UUID=each)["State"] == "Disabled" for each in ids)
            )
            yield
        finally:
            for each in ids:
                self.functions.update_event_source_mapping(UUID=each, Enabled=True)

    def read_log(self, role: str) -> list[str]:
        """Return the log lines of a function."""
        group = f"/aws/lambda/{self.stack.functions[role]}"
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [event["message"] for page in pages for event in page["events"]]


def post_form(form: Mapping[str, Any], data: bytes) -> httpx.Response:
    """Post bytes with the form of an upload, as a browser or curl does."""
    files = {"file": ("a", data)}
    return httpx.post(form["url"], data=form["fields"], files=files, timeout=HTTP_SECONDS, trust_env=False)


def count_attempts(job: Mapping[str, Any]) -> int:
    """Return the attempts of a job, without those that a busy machine ended: released ones, and expired leases."""
    released = [line for line in job["history"] if line["status"] == "PENDING" and line.get("code") in RELEASED]
    expired = [pair for pair in pairwise(job["history"]) if _is_expired(*pair)]
    return int(job["attempts"]) - len(released) - len(expired)


def _is_expired(attempt: Mapping[str, Any], following: Mapping[str, Any]) -> bool:
    """Return True if an attempt followed another after the shortest lease of a worker: its lease had expired."""
    lease = timedelta(seconds=int(SHORT_TIMEOUTS["WorkerTimeout"]))
    began, taken_over = (datetime.fromisoformat(line["at"]) for line in (attempt, following))
    return attempt["status"] == following["status"] == "PROCESSING" and taken_over - began >= lease


def wait_until(condition: Callable[[], Any], seconds: float = MAX_WAIT_SECONDS) -> None:
    """Poll until a condition is true. Fail the test after ``seconds``.

    The pauses grow to a tenth of the time that has passed, so that waiting tests leave the processor to the engine.
    """
    started = time.monotonic()
    while not condition():
        passed = time.monotonic() - started
        assert passed < seconds, "the condition is still false"
        time.sleep(min(max(SHORTEST_PAUSE_SECONDS, passed / 10), LONGEST_PAUSE_SECONDS))


class Answer(Protocol):
    """A response of httpx or requests."""

    @property
    def status_code(self) -> int:
        """Return the HTTP status."""
        ...


AnyAnswer = TypeVar("AnyAnswer", bound=Answer)


def send_until_admitted(send: Callable[[], AnyAnswer], repeated: Collection[int] = BUSY) -> AnyAnswer:
    """Send a request, again as long as the status is one of a busy engine, and return the first other answer.

    After 502 or 503, the request may have had its effect: a job can exist twice.
    """
    answers: list[AnyAnswer] = []

    def is_admitted() -> bool:
        answers.append(send())
        return answers[-1].status_code not in repeated

    wait_until(is_admitted)
    return answers[-1]


class PatientTransport(httpx.HTTPTransport):
    """Sends a request again after 429, and one that only reads or deletes, after each answer of a busy engine."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request until the answer is another one."""
        repeated = BUSY if request.method in {"GET", "DELETE"} else {HTTPStatus.TOO_MANY_REQUESTS}

        def send() -> httpx.Response:
            response = super(PatientTransport, self).handle_request(request)
            if response.status_code in repeated:
                response.read()  # so that the connection can be used again
            return response

        return send_until_admitted(send, repeated)


def process_image(api_url: str, body: bytes) -> None:
    """Post a JPEG to an API without a Site, and wait until its job is COMPLETED."""

    def post() -> httpx.Response:
        headers = {"Content-Type": "image/jpeg"}
        return httpx.post(f"{api_url}/jobs", content=body, headers=headers, timeout=HTTP_SECONDS)

    created = send_until_admitted(post)
    assert created.status_code == 202, created.text
    location = created.headers["Location"]
    wait_until(lambda: httpx.get(location, timeout=HTTP_SECONDS).json()["status"] == "COMPLETED")


def run_site(
    folder: Path,
    engine: str,
    parameters: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    is_recorded: bool = True,
) -> Iterator[Site]:
    """Start a stack, yield it and remove it.

    Its name is unique because an existing engine can have other stacks. ``environment`` is added to that of an engine
    that this function starts. Without it, the embedded engine enforces the role of each function. If ``is_recorded`` is
    true, the decisions of the engine are recorded, if the run records any.
    """
    named = {"NamePrefix": f"e2e-{secrets.token_hex(4)}"} | dict(parameters or {})
    enforced = AUTH_ENVIRONMENT if engine == "embedded" else {}
    environment_of_engine = enforced if environment is None else environment
    recording = (
        recorded_calls.make_engine_environment(named["NamePrefix"])
        if enforced and environment_of_engine and is_recorded
        else {}
    )
    stack = local_stack.up(folder, engine, named, environment={**environment_of_engine, **recording})
    try:
        if recording:
            recorded_calls.save_policies(stack.endpoint_url, named["NamePrefix"])
        transport = PatientTransport(trust_env=False)
        with httpx.Client(
            base_url=stack.api_url + "/", timeout=HTTP_SECONDS, trust_env=False, transport=transport
        ) as client:
            yield Site(stack, client, folder)
    finally:
        local_stack.down(folder, wipe=True)
