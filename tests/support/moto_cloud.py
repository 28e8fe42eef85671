"""A stack on moto for the integration tests."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any, cast

from aws_lambda_powertools.utilities.typing import LambdaContext
from support import events

import api.app
import api.dependencies
import api.walker
import notifier.app
import notifier.webhooks
import worker.app
import worker.dead_letters
import worker.reconciler
import worker.uploads
from shared.aws.clients import Clients
from shared.aws.dynamodb.job_listing import JobListing
from shared.aws.dynamodb.job_table import JobTable
from shared.clock import to_iso, utc_now
from shared.jobs.job import Job

BUCKET = "images-for-tests"
TABLE = "Images"
LIBRARY = "Library"
BATCHES = "Batches"


def _make_context(context: events.Context | None = None) -> LambdaContext:
    """Return a context; Powertools' own class has no constructor arguments."""
    return cast("LambdaContext", context or events.Context())


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of a response."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.text)


@dataclass(frozen=True)
class Cloud:
    """The resources of a stack, and methods that invoke its functions."""

    clients: Clients
    jobs: JobTable
    listing: JobListing
    queue_url: str
    bulk_queue_url: str
    upload_queue_url: str
    dead_letter_queue_url: str
    event_dead_letter_queue_url: str
    webhook_queue_url: str
    #: A queue that is subscribed to the event topic.
    event_queue_url: str

    def call(self, method: str, path: str, body: bytes | str | None = None, **more: Any) -> Answer:
        """Send a request to the API function."""
        answer = api.app.handler(events.http(method, path, body, **more), _make_context())
        headers = {name: values[0] for name, values in answer["multiValueHeaders"].items()}
        return Answer(int(answer["statusCode"]), headers, answer["body"] or "")

    def submit(self, body: bytes, **more: Any) -> dict[str, Any]:
        """Create a job and return it."""
        headers = {"Content-Type": "application/octet-stream"}
        answer = self.call("POST", "/v1/jobs", body, headers=headers, **more)
        assert answer.status == 202, answer.text
        job: dict[str, Any] = answer.json
        return job

    def create_upload(self, **fields: Any) -> dict[str, Any]:
        """Create an upload and return its job with the form."""
        answer = self.post("/v1/uploads", {"content_type": "image/jpeg", **fields})
        assert answer.status == 201, answer.text
        job: dict[str, Any] = answer.json
        return job

    def post(self, path: str, document: Any, **more: Any) -> Answer:
        """Post JSON."""
        headers = {"Content-Type": "application/json", **more.pop("headers", {})}
        return self.call("POST", path, json.dumps(document), headers=headers, **more)

    def store(self, key: str, data: bytes) -> None:
        """Put an object into the bucket, as S3 does for a presigned form."""
        self.clients.s3.put_object(Bucket=BUCKET, Key=key, Body=data)

    def deliver_s3_events(self, *keys: str, bucket: str = BUCKET) -> list[str]:
        """Deliver the S3 events of objects to the worker in one batch and return the bodies of failed ones."""
        return self.deliver([events.make_message(events.s3(bucket, key)) for key in keys])

    def receive(self, url: str | None = None) -> list[Any]:
        """Receive up to ten messages of a queue."""
        found = self.clients.sqs.receive_message(
            QueueUrl=url or self.queue_url,
            MaxNumberOfMessages=10,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "MessageGroupId"],
        )
        return list(found.get("Messages", []))

    def deliver(self, messages: list[Any], context: events.Context | None = None) -> list[str]:
        """Deliver messages to the worker as one batch and return the bodies of failed ones.

        By default, the invocation has time for all of them, however busy the machine is.
        """
        event = events.sqs(*messages, queue=self.queue_url.rsplit("/", 1)[-1])
        answer = worker.app.handler(event, _make_context(context or events.Context(remaining_milliseconds=900_000)))
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        return [message["Body"] for message in messages if message["MessageId"] in failed]

    def forward_uploads(self, messages: list[Any]) -> list[str]:
        """Deliver S3 events to the upload function as one batch and return the bodies of failed ones."""
        event = events.sqs(*messages, queue=self.upload_queue_url.rsplit("/", 1)[-1])
        answer = worker.uploads.handler(event, _make_context())
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        return [message["Body"] for message in messages if message["MessageId"] in failed]

    def reconcile(self) -> dict[str, int]:
        """Run the reconciler and return the number of changed jobs by step."""
        steps = worker.reconciler.handler({}, _make_context())
        return {step: count for step, count in steps.items() if step != "nothing"}

    def walk(self, context: events.Context | None = None) -> dict[str, int]:
        """Run the walker and return how often each turn ended how."""
        return cast("dict[str, int]", api.walker.handler({}, _make_context(context)))

    def watch(self, *messages: Any) -> list[str]:
        """Deliver S3's events to the walker as one batch and return the bodies of failed ones."""
        event = events.sqs(*messages, queue="watch")
        answer: Any = api.walker.handler(event, _make_context())
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        return [message["Body"] for message in messages if message["MessageId"] in failed]

    def handle_dead_letters(self, messages: list[Any]) -> list[str]:
        """Deliver messages to the dead-letter function and return the bodies of failed ones."""
        event = events.sqs(*messages, queue=self.dead_letter_queue_url.rsplit("/", 1)[-1])
        answer = worker.dead_letters.handler(event, _make_context())
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        return [message["Body"] for message in messages if message["MessageId"] in failed]

    def make_stream_record(self, job_id: str) -> dict[str, Any]:
        """Return the stream record of the last write of a job."""
        return events.make_stream_record(self.item(job_id))

    def notify(self, *changes: dict[str, Any]) -> list[str]:
        """Deliver stream records to the notifier as one batch and return the first failed sequence number."""
        answer = notifier.app.handler({"Records": list(changes)}, _make_context())
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def send_webhooks(self, messages: list[Any] | None = None) -> list[str]:
        """Deliver messages to the webhook function as one batch and return the bodies of failed ones.

        Delete the other messages from the queue, as Lambda does.
        """
        found = self.receive(self.webhook_queue_url) if messages is None else messages
        event = events.sqs(*found, queue=self.webhook_queue_url.rsplit("/", 1)[-1])
        answer = notifier.webhooks.handler(event, _make_context())
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for each in found:
            if each["MessageId"] not in failed and each["ReceiptHandle"] != events.NO_HANDLE:
                self.clients.sqs.delete_message(QueueUrl=self.webhook_queue_url, ReceiptHandle=each["ReceiptHandle"])
        return [message["Body"] for message in found if message["MessageId"] in failed]

    def resume_webhooks(self) -> None:
        """Invoke the webhook function as its schedule does."""
        notifier.webhooks.handler({"source": "aws.events"}, _make_context())

    def receive_events(self) -> list[dict[str, Any]]:
        """Receive and delete up to ten published events."""
        found = self.receive(self.event_queue_url)
        for each in found:
            self.clients.sqs.delete_message(QueueUrl=self.event_queue_url, ReceiptHandle=each["ReceiptHandle"])
        return [json.loads(json.loads(each["Body"])["Message"]) for each in found]

    def stop_clock(self) -> None:
        """Let the API's clock advance by a millisecond per reading, so that no limit per minute or day is reset."""
        dependencies = api.dependencies.get_dependencies()
        now, ticks = dependencies.clock(), count()
        object.__setattr__(dependencies, "clock", lambda: now + timedelta(milliseconds=next(ticks)))

    def set_upload_age(self, job_id: str, age: timedelta) -> None:
        """Set the upload time of a job to ``age`` ago."""
        self.clients.dynamodb.update_item(
            TableName=TABLE,
            Key={"ID": {"S": job_id}},
            UpdateExpression="SET UploadedAt = :then",
            ExpressionAttributeValues={":then": {"S": to_iso(utc_now() - age)}},
        )

    def item(self, job_id: str) -> dict[str, Any]:
        """Return the DynamoDB item of a job."""
        return dict(self.clients.dynamodb.get_item(TableName=TABLE, Key={"ID": {"S": job_id}})["Item"])

    def keys(self) -> list[str]:
        """Return the keys of all objects."""
        return [item["Key"] for item in self.clients.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def count(self) -> int:
        """Return the number of jobs."""
        return self.clients.dynamodb.scan(TableName=TABLE)["Count"]

    def count_library_entries(self) -> int:
        """Return the number of items in the library table."""
        return self.clients.dynamodb.scan(TableName=LIBRARY)["Count"]

    def job(self, job_id: str) -> Job:
        """Return a job as the worker reads it."""
        return self.jobs.get(job_id)
