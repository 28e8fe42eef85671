"""SQS queues, and the choice between the interactive and the bulk queue.

A retried or requeued bulk job must not overtake an interactive one, so its queue depends on the job alone. All messages
of one owner have the same group: SQS then delivers the messages of other owners first while this owner has a backlog
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html).
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from shared.aws.entries import call_in_groups
from shared.aws.errors import translate_aws_errors
from shared.errors import ServiceError
from shared.jobs.job import Job
from shared.jobs.message import JobMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

#: SQS's own limit.
MAX_VISIBILITY_TIMEOUT = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Message:
    """A message to send, and its tenant: the owner of a job or the receiver of a webhook."""

    body: str
    tenant: str


class SqsQueue:
    """One queue. Methods raise ServiceError if SQS does not respond or refuses the call."""

    def __init__(self, client: "SQSClient", url: str, *, is_fair: bool = False) -> None:
        """Use the queue at ``url``. If ``is_fair`` is false, messages are sent without a group."""
        self._client = client
        self._is_fair = is_fair
        self.url = url

    @property
    def name(self) -> str:
        """Return the queue's name: the last part of its URL and of its ARN."""
        return self.url.rsplit("/", 1)[-1]

    def send(self, body: str, *, tenant: str) -> None:
        """Send a message of a tenant, which is the owner of a job or the receiver of a webhook.

        A fair queue shares its consumers between the tenants.
        """
        with translate_aws_errors():
            self._client.send_message(QueueUrl=self.url, MessageBody=body, **self._group_of(tenant))

    def send_all(self, messages: Sequence[Message]) -> list[ServiceError | None]:
        """Send messages with few calls. Return the error of each message, or None if SQS has accepted it."""
        return call_in_groups(messages, self._send_group, lambda message: len(message.body.encode()))

    def _send_group(self, messages: Sequence[Message]) -> Sequence[Mapping[str, Any]]:
        entries: Any = [
            {"Id": str(position), "MessageBody": message.body, **self._group_of(message.tenant)}
            for position, message in enumerate(messages)
        ]
        with translate_aws_errors():
            response = self._client.send_message_batch(QueueUrl=self.url, Entries=entries)
        return response.get("Failed", [])

    def _group_of(self, tenant: str) -> dict[str, Any]:
        return {"MessageGroupId": compute_group(tenant)} if self._is_fair else {}

    def postpone(self, receipt_handle: str, delay: timedelta) -> None:
        """Make a received message visible again after ``delay``, rounded up to whole seconds."""
        seconds = -int(-min(max(delay, timedelta(0)), MAX_VISIBILITY_TIMEOUT).total_seconds() // 1)
        with translate_aws_errors():
            self._client.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )


@dataclass(frozen=True, slots=True)
class JobQueues:
    """The interactive and the bulk queue. Each has its own event source mapping to the same worker."""

    interactive: SqsQueue
    bulk: SqsQueue

    @classmethod
    def of(cls, client: "SQSClient", interactive_url: str, bulk_url: str, *, is_fair: bool) -> Self:
        """Create both queues from their URLs."""
        return cls(SqsQueue(client, interactive_url, is_fair=is_fair), SqsQueue(client, bulk_url, is_fair=is_fair))

    def queue_of(self, job: Job) -> SqsQueue:
        """Return the queue of a job: the bulk queue for members of a batch."""
        return self.bulk if job.batch_id else self.interactive

    def notify_worker(self, job: Job) -> None:
        """Send a message for the job's current generation. Raises ServiceError if SQS fails."""
        self.queue_of(job).send(_encode(job), tenant=job.owner)

    def notify_workers(self, jobs: Sequence[Job]) -> list[ServiceError | None]:
        """Send a message for each job. Return the error of each job, or None if SQS has accepted its message."""
        errors: dict[str, ServiceError | None] = {}
        for queue in (self.interactive, self.bulk):
            chosen = [job for job in jobs if self.queue_of(job) is queue]
            sent = queue.send_all([Message(_encode(job), job.owner) for job in chosen])
            errors |= {job.id: error for job, error in zip(chosen, sent, strict=True)}
        return [errors[job.id] for job in jobs]


def _encode(job: Job) -> str:
    return JobMessage(job_id=job.id, generation=job.generation).encode()


def compute_group(tenant: str) -> str:
    """Return the ``MessageGroupId`` of a tenant: 32 hexadecimal digits.

    SQS accepts at most 128 characters and no spaces. A hash also keeps the names of callers out of the queue.
    """
    return hashlib.sha256(tenant.encode()).hexdigest()[:32]
