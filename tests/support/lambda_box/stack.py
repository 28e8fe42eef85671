"""A stack on an engine, whose functions run in boxes."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from support import events
from support.lambda_box.box import EVERYTHING, FunctionConfiguration, LambdaBox, Refusals
from support.running_stack import Site, wait_until

#: Package of each function.
PACKAGES: Final[Mapping[str, str]] = {
    "api": "api",
    "worker": "worker",
    "uploads": "worker",
    "dead_letters": "worker",
    "reconciler": "worker",
    "walker": "api",
    "notifier": "notifier",
    "webhooks": "notifier",
}
#: The engine checks the signatures of links, and knows only these credentials.
SIGNING_CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": ""}
#: Modules that tests add to a function.
LAYER: Final = Path(__file__).parents[2] / "lambda_box" / "layer"


@dataclass(frozen=True, slots=True)
class Reply:
    """A response of the API function."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


class BoxedStack:
    """Starts each function when it is first used, and passes events to it."""

    def __init__(self, site: Site, code: Mapping[str, Path], folder: Path) -> None:
        self.site = site
        self._code = code
        self._folder = folder
        self._boxes: dict[str, LambdaBox] = {}

    def start(self, role: str, refusals: Refusals = EVERYTHING, handler: str = "", **more: str) -> LambdaBox:
        """Start another execution environment of a function, with more variables. The caller closes it.

        ``handler`` is one of the layer, and replaces that of the function.
        """
        function = self.configure(role, **more)
        if handler:
            function = replace(function, handler=handler, layer=LAYER)
        return LambdaBox(function, self._folder, refusals)

    def configure(self, role: str, **more: str) -> FunctionConfiguration:
        """Return the function as the template configures it. On AWS, API and S3 have no local addresses."""
        found = self.site.functions.get_function_configuration(FunctionName=self.site.stack.functions[role])
        variables = found["Environment"]["Variables"]
        local = {"API_PATH_PREFIX": "", "PUBLIC_ENDPOINT_URL": self.site.stack.endpoint_url}
        changed = {name: value for name, value in local.items() if name in variables}
        if role == "api":
            changed |= SIGNING_CREDENTIALS
        return FunctionConfiguration(
            name=found["FunctionName"],
            handler=found["Handler"],
            memory_mib=found["MemorySize"],
            timeout_seconds=found["Timeout"],
            environment={**variables, **changed, "AWS_ENDPOINT_URL": self.site.stack.endpoint_url, **more},
            code=self._code[PACKAGES[role]],
        )

    def box(self, role: str) -> LambdaBox:
        """Return the shared execution environment of a function."""
        if role not in self._boxes:
            self._boxes[role] = self.start(role)
        return self._boxes[role]

    def call(self, method: str, path: str, body: bytes | str | None = None, **more: Any) -> Reply:
        """Send a request to the API function through API Gateway."""
        answer = self.box("api").invoke(events.http(method, path, body, **more))
        data = answer["body"].encode()
        headers = {name: values[-1] for name, values in answer["multiValueHeaders"].items()}
        return Reply(answer["statusCode"], headers, base64.b64decode(data) if answer["isBase64Encoded"] else data)

    def submit(self, data: bytes, document: Mapping[str, Any] | None = None) -> str:
        """Create a job of an image, with the pipeline of a JSON document. Return its ID."""
        request = {"content": base64.b64encode(data).decode(), **(document or {})}
        reply = self.call("POST", "/v1/jobs", json.dumps(request), headers={"Content-Type": "application/json"})
        assert reply.status == 202, reply.body
        return str(reply.json["id"])

    def receive(self, queue: str) -> dict[str, Any]:
        """Wait for messages of a queue, by the end of its name. Return them as Lambda's event."""
        url = self.find_queue(queue)
        found: list[Any] = []

        def has_received() -> bool:
            found.extend(
                self.site.sqs.receive_message(
                    QueueUrl=url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"], WaitTimeSeconds=1
                ).get("Messages", [])
            )
            return bool(found)

        wait_until(has_received)
        return events.sqs(*found, queue=url.rsplit("/", 1)[-1])

    def receive_with(self, queue: str, *texts: str) -> dict[str, Any]:
        """Wait for the messages of a queue that contain these texts. Return them as one event of Lambda, in this order.

        Delete all others, which earlier tests have left.
        """
        found: dict[str, Any] = {}
        while len(found) < len(texts):
            for record in self.receive(queue)["Records"]:
                named = [text for text in texts if text in record["body"]]
                found |= dict.fromkeys(named, record)
                if not named:
                    self._delete(record)
        return {"Records": [found[text] for text in texts]}

    def read_output(self, output: Mapping[str, Any]) -> bytes:
        """Return the bytes of one output of a job."""
        found = self.site.s3.get_object(Bucket=self.site.stack.bucket, Key=output["key"])
        return found["Body"].read()

    def find_queue(self, end: str) -> str:
        """Return the URL of the queue whose name ends with the stack's prefix and ``end``."""
        prefix = self.site.stack.functions["api"].removesuffix("-api")
        return self.site.sqs.get_queue_url(QueueName=f"{prefix}-{end}")["QueueUrl"]

    def deliver(self, role: str, event: Mapping[str, Any]) -> list[str]:
        """Pass a batch to a function, delete what it has processed, and return the IDs of the messages that failed."""
        answer = self.box(role).invoke(event)
        failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        for record in event["Records"]:
            if record["messageId"] not in failed:
                self._delete(record)
        return failed

    def run_jobs(self, *job_ids: str) -> list[dict[str, Any]]:
        """Let the worker process messages until these jobs have ended. Return the jobs."""
        waiting = set(job_ids)
        while waiting:
            event = self.receive("jobs")
            self.deliver("worker", event)
            named = {job_id for job_id in waiting for record in event["Records"] if job_id in record["body"]}
            waiting -= {job_id for job_id in named if self.call("GET", f"/v1/jobs/{job_id}").json["done"]}
        return [self.call("GET", f"/v1/jobs/{job_id}").json for job_id in job_ids]

    def _delete(self, record: Mapping[str, Any]) -> None:
        url = self.site.sqs.get_queue_url(QueueName=record["eventSourceARN"].rsplit(":", 1)[-1])["QueueUrl"]
        self.site.sqs.delete_message(QueueUrl=url, ReceiptHandle=record["receiptHandle"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for box in self._boxes.values():
            box.close()
