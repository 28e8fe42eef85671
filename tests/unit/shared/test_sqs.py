"""Messages of the queues: their group, their queue and their delay."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.sample_jobs import make_job

from shared.aws.sqs import MAX_VISIBILITY_TIMEOUT, JobQueues, SqsQueue
from shared.jobs.message import JobMessage


class Client:
    """Records what is sent to SQS."""

    def __init__(self) -> None:
        """Start without calls."""
        self.sent: list[dict[str, Any]] = []
        self.delays: list[int] = []

    def send_message(self, **message: Any) -> None:
        """Record a message."""
        self.sent.append(message)

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 - boto3's
        """Record messages."""
        self.sent += [{"QueueUrl": QueueUrl, **entry} for entry in Entries]
        return {}

    def change_message_visibility(self, **change: Any) -> None:
        """Record a delay in seconds."""
        self.delays.append(change["VisibilityTimeout"])


@pytest.fixture
def client() -> Any:
    """Return a client that records its calls."""
    return Client()


def test_messages_of_one_owner_have_one_group(client: Any) -> None:
    """It differs between owners, does not name them, and is valid for SQS. It can be turned off."""
    owners = ("ann", "bob", "ann", "sub:" + "x" * 500)
    for owner in owners:
        SqsQueue(client, "https://sqs/1/jobs", is_fair=True).send("body", tenant=owner)
    groups = [message["MessageGroupId"] for message in client.sent]
    assert groups[0] == groups[2]
    assert len(set(groups)) == 3
    assert all(group.isalnum() and len(group) <= 128 and "ann" not in group for group in groups)
    SqsQueue(client, "https://sqs/1/jobs").send("body", tenant="ann")
    assert client.sent[-1] == {"QueueUrl": "https://sqs/1/jobs", "MessageBody": "body"}


def test_members_of_batches_have_a_queue_of_their_own(client: Any) -> None:
    """Each message names the current generation, and its group is the owner, not the job."""
    queues = JobQueues.of(client, "interactive", "bulk", is_fair=True)
    job = replace(make_job(), generation=3)
    member = replace(job, id="01HZY3Q1M8Z3J5W7XK9V000009", batch_id="B")
    for each in (job, member):
        queues.notify_worker(each)
    assert queues.notify_workers([member, job]) == [None, None]
    assert [message["QueueUrl"] for message in client.sent] == ["interactive", "bulk"] * 2
    assert [message["MessageBody"] for message in client.sent] == [
        JobMessage(job_id=each.id, generation=3).encode() for each in (job, member)
    ] * 2
    assert len({message["MessageGroupId"] for message in client.sent}) == 1


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        (timedelta(seconds=-1), 0),
        (timedelta(0), 0),
        (timedelta(milliseconds=1), 1),
        (timedelta(seconds=1), 1),
        (timedelta(seconds=1.5), 2),
        (timedelta(days=1), int(MAX_VISIBILITY_TIMEOUT.total_seconds())),
    ],
)
def test_delays_are_rounded_up_to_what_sqs_accepts(client: Any, delay: timedelta, seconds: int) -> None:
    """A message is never visible too early, except after twelve hours."""
    SqsQueue(client, "q").postpone("handle", delay)
    assert client.delays == [seconds]
