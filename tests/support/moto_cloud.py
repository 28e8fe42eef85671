"""A stack on moto for the integration tests, and ways to poke it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from aws_lambda_powertools.utilities.typing import LambdaContext
from support import events

import api.app
import notifier.app
import notifier.webhooks
import worker.app
import worker.dead_letters
import worker.reconciler
from shared.aws.clients import Clients
from shared.aws.dynamodb.job_listing import JobListing
from shared.aws.dynamodb.job_table import JobTable
from shared.clock import to_iso, utc_now
from shared.jobs.job import Job

BUCKET = "images-for-tests"
TABLE = "Images"
LIBRARY = "Library"
BATCHES = "Batches"


def _context(context: events.Context | None = None) -> LambdaContext:
    """Pass off a stand-in: Powertools' own class can't be filled."""
    return cast("LambdaContext", context or events.Context())


@dataclass(frozen=True)
class Answer:
    """What a client gets."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.text)


@dataclass(frozen=True)
class Cloud:
    """The parts of a stack, and ways to poke it."""

    clients: Clients
    jobs: JobTable
    listing: JobListing
    queue_url: str
    bulk_queue_url: str
    dead_letter_queue_url: str
    event_dead_letter_queue_url: str
    webhook_queue_url: str
    #: A queue that listens to the topic of events.
    heard_queue_url: str

    def call(self, method: str, path: str, body: bytes | str | None = None, **more: Any) -> Answer:
        """Send one request through the API function."""
        answer = api.app.handler(events.http(method, path, body, **more), _context())
        headers = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
        return Answer(int(answer["statusCode"]), headers, answer["body"] or "")

    def submit(self, body: bytes, **more: Any) -> dict[str, Any]:
        """Create a job and return it."""
        headers = {"Content-Type": "application/octet-stream"}
        answer = self.call("POST", "/v1/jobs", body, headers=headers, **more)
        assert answer.status == 202, answer.text
        job: dict[str, Any] = answer.json
        return job

    def announce(self, **wanted: Any) -> dict[str, Any]:
        """Announce an upload and return its job with the form."""
        answer = self.post("/v1/uploads", {"content_type": "image/jpeg", **wanted})
        assert answer.status == 201, answer.text
        job: dict[str, Any] = answer.json
        return job

    def post(self, path: str, document: Any, **more: Any) -> Answer:
        """Send JSON."""
        headers = {"Content-Type": "application/json", **more.pop("headers", {})}
        return self.call("POST", path, json.dumps(document), headers=headers, **more)

    def store(self, key: str, data: bytes) -> None:
        """Put an object into the bucket, as S3 does for an upload form."""
        self.clients.s3.put_object(Bucket=BUCKET, Key=key, Body=data)

    def arrived(self, *keys: str, bucket: str = BUCKET) -> list[str]:
        """Let S3's word of some objects reach the worker in one delivery; return what must come back."""
        return self.deliver([events.received(events.s3(bucket, key)) for key in keys])

    def receive(self, url: str | None = None) -> list[Any]:
        """Take up to ten messages off a queue."""
        found = self.clients.sqs.receive_message(
            QueueUrl=url or self.queue_url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["ApproximateReceiveCount"],
        )
        return list(found.get("Messages", []))

    def deliver(self, messages: list[Any], context: events.Context | None = None) -> list[str]:
        """Hand messages to the worker as one delivery; return the bodies that must come back."""
        event = events.sqs(*messages, queue=self.queue_url.rsplit("/", 1)[-1])
        answer = worker.app.handler(event, context or _context())
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        return [message["Body"] for message in messages if message["MessageId"] in failed]

    def reconcile(self) -> dict[str, int]:
        """Let the reconciler run once; return how many jobs it moved, by step."""
        steps = worker.reconciler.handler({}, _context())
        return {step: count for step, count in steps.items() if step != "nothing"}

    def handle_dead_letters(self, messages: list[Any]) -> list[str]:
        """Hand messages to the dead-letter function; return the bodies that must come back."""
        event = events.sqs(*messages, queue=self.dead_letter_queue_url.rsplit("/", 1)[-1])
        answer = worker.dead_letters.handler(event, _context())
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        return [message["Body"] for message in messages if message["MessageId"] in failed]

    def change(self, job_id: str) -> dict[str, Any]:
        """Return the stream's record of the newest write to a job, as DynamoDB makes it."""
        return events.change(self.item(job_id))

    def notify(self, *changes: dict[str, Any]) -> list[str]:
        """Pass stream records to the notifier as one batch; return where it must retry."""
        answer = notifier.app.handler({"Records": list(changes)}, _context())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def send_webhooks(self, messages: list[Any] | None = None) -> list[str]:
        """Hand what waits for webhooks to their function as one delivery; return the bodies that must come back.

        Messages that need not come back are deleted, as Lambda does.
        """
        found = self.receive(self.webhook_queue_url) if messages is None else messages
        event = events.sqs(*found, queue=self.webhook_queue_url.rsplit("/", 1)[-1])
        answer = notifier.webhooks.handler(event, _context())
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for each in found:
            if each["MessageId"] not in failed and each["ReceiptHandle"] != events.NO_HANDLE:
                self.clients.sqs.delete_message(QueueUrl=self.webhook_queue_url, ReceiptHandle=each["ReceiptHandle"])
        return [message["Body"] for message in found if message["MessageId"] in failed]

    def heard(self) -> list[dict[str, Any]]:
        """Take up to ten events off the listening queue."""
        found = self.receive(self.heard_queue_url)
        for each in found:
            self.clients.sqs.delete_message(QueueUrl=self.heard_queue_url, ReceiptHandle=each["ReceiptHandle"])
        return [json.loads(json.loads(each["Body"])["Message"]) for each in found]

    def age(self, job_id: str, age: timedelta) -> None:
        """Let a job have been uploaded that long ago."""
        self.clients.dynamodb.update_item(
            TableName=TABLE,
            Key={"ID": {"S": job_id}},
            UpdateExpression="SET UploadedAt = :then",
            ExpressionAttributeValues={":then": {"S": to_iso(utc_now() - age)}},
        )

    def item(self, job_id: str) -> dict[str, Any]:
        """Return the record of a job as DynamoDB has it."""
        return dict(self.clients.dynamodb.get_item(TableName=TABLE, Key={"ID": {"S": job_id}})["Item"])

    def keys(self) -> list[str]:
        """Return the keys of all objects."""
        return [item["Key"] for item in self.clients.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def count(self) -> int:
        """Return how many records there are."""
        return self.clients.dynamodb.scan(TableName=TABLE)["Count"]

    def entries(self) -> int:
        """Return how many entries the library has."""
        return self.clients.dynamodb.scan(TableName=LIBRARY)["Count"]

    def job(self, job_id: str) -> Job:
        """Return a job as the worker sees it."""
        return self.jobs.get(job_id)
