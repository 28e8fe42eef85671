"""Notifications on an engine: each end of a job is published, also when the notifier is killed."""

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from support import sample_images
from support.running_stack import Site, wait_until
from support.webhook_receiver import receiving

from infra.sessions import local_session
from safelight import Safelight

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.not_on(
    "localstack", reason="notifications need a table stream, which the LocalStack of the tests does not have"
)


@dataclass
class Subscriber:
    """A queue that is subscribed to the event topic."""

    sqs: "SQSClient"
    url: str
    events: list[dict[str, Any]] = field(default_factory=list)

    def list_events(self, job_id: str) -> list[dict[str, Any]]:
        """Return all events of a job so far."""
        found = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        for each in found:
            self.events.append(json.loads(json.loads(each["Body"])["Message"]))
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        return [event for event in self.events if event["subject"] == job_id]


@pytest.fixture
def subscriber(site: Site) -> Iterator[Subscriber]:
    """Yield a subscriber of the event topic."""
    prefix = site.stack.functions["notifier"].removesuffix("-notifier")
    sns = local_session(site.stack.endpoint_url).client("sns")
    (topic,) = [t["TopicArn"] for t in sns.list_topics()["Topics"] if t["TopicArn"].endswith(f"{prefix}-events")]
    url = site.sqs.create_queue(QueueName=f"{prefix}-listener")["QueueUrl"]
    arn = site.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Statement": [allowed | {"Resource": arn}]})
    site.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    yield Subscriber(site.sqs, url)
    sns.unsubscribe(SubscriptionArn=subscription)
    site.sqs.delete_queue(QueueUrl=url)


def test_ended_jobs_are_published(site: Site, subscriber: Subscriber) -> None:
    """Completed, failed and cancelled jobs, each with its result."""
    done = site.wait_until_done(site.submit(sample_images.make_jpeg())["id"])
    failed = site.wait_until_done(site.submit(sample_images.make_jpeg()[:200])["id"])
    announced = site.create_upload(content_type="image/jpeg")["id"]
    assert site.http.post(f"jobs/{announced}/cancel").status_code == 200
    for job_id, kind in ((done["id"], "completed"), (failed["id"], "failed"), (announced, "cancelled")):
        wait_until(partial(subscriber.list_events, job_id))
        # An event may be published twice, with the same ID.
        found = {(event["type"], event["id"]) for event in subscriber.list_events(job_id)}
        assert found == {(f"image.job.{kind}", f"evt_{job_id}_1")}
    assert subscriber.list_events(failed["id"])[0]["data"]["error"]["code"] == failed["error"]["code"]


def test_each_generation_is_published(site: Site, subscriber: Subscriber) -> None:
    """A retried job has one event per generation."""
    job_id = site.wait_until_done(site.submit(sample_images.make_jpeg()[:200])["id"])["id"]
    wait_until(lambda: subscriber.list_events(job_id))
    assert site.http.post(f"jobs/{job_id}/retry").status_code == 202
    expected = {f"evt_{job_id}_1", f"evt_{job_id}_2"}
    wait_until(lambda: {event["id"] for event in subscriber.list_events(job_id)} == expected)


def test_killed_notifier_loses_no_event(site: Site, subscriber: Subscriber) -> None:
    """It is suspended while jobs end, then killed; its successor publishes all events."""
    first = site.submit(sample_images.make_jpeg())["id"]
    wait_until(lambda: subscriber.list_events(first))
    suspended = site.list_processes("notifier")
    for process in suspended:
        process.suspend()
    cancelled = [site.create_upload(content_type="image/jpeg")["id"] for _ in range(3)]
    for job_id in cancelled:
        assert site.http.post(f"jobs/{job_id}/cancel").status_code == 200
    early = [event for job_id in cancelled for event in subscriber.list_events(job_id)]
    # On a busy machine, the time of the function can be over, and the engine replaces its process.
    assert not early or not all(process.is_running() for process in suspended), "the notifier is suspended"
    for process in site.list_processes("notifier"):
        process.kill()
    for job_id in cancelled:
        wait_until(partial(subscriber.list_events, job_id))
        assert {event["id"] for event in subscriber.list_events(job_id)} == {f"evt_{job_id}_1"}


def test_webhook_is_retried_after_an_error(site: Site) -> None:
    """After 503, the event is delivered again and signed; a replay sends it once more."""
    name = f"studio-{secrets.token_hex(4)}"
    with receiving() as receiver:
        receiver.answer(503, 204)
        created = site.http.put(f"webhooks/{name}", json={"url": receiver.url})
        assert created.status_code == 201, created.text
        secret = created.json()["secret"]
        job = site.wait_until_done(site.submit(sample_images.make_jpeg(), webhook=name)["id"])
        path = f"webhooks/{name}/deliveries"
        wait_until(lambda: [each["state"] for each in site.http.get(path).json()["deliveries"]] == ["DELIVERED"])
        (entry,) = site.http.get(path).json()["deliveries"]
        # A busy machine may need more than the two tries, or deliver twice.
        assert entry["tries"] >= 2
        assert (entry["answer"], entry["job_id"]) == (204, job["id"])
        delivered = len(receiver.got)
        assert site.http.post(f"{path}/{entry['id']}/replay").status_code == 202
        wait_until(lambda: len(receiver.got) > delivered)
        # The secret must be in no line, so wait for the last one.
        wait_until(
            lambda: len([line for line in site.read_log("webhooks") if entry["id"] in line and "tried" in line]) >= 3
        )
        assert {str(event["id"]) for event in receiver.verified(secret)} == {f"evt_{job['id']}_1"}
        assert site.http.put(f"webhooks/{name}", json={"url": receiver.url}).status_code == 200
        assert site.http.post(f"webhooks/{name}/secret").json()["secret"] != secret
        with Safelight(site.stack.api_url) as client:
            listed = {each.name: each.url for each in client.webhooks.list()}
        assert listed[name] == receiver.url
        hidden = secret.removeprefix("whsec_")
        assert not [line for role in ("api", "notifier", "webhooks") for line in site.read_log(role) if hidden in line]
        assert site.http.delete(f"webhooks/{name}").status_code == 204


def test_unreadable_change_becomes_a_dead_letter(site: Site, subscriber: Subscriber) -> None:
    """An item that is not a job goes to the dead-letter queue, and the next event is published."""
    prefix = site.stack.functions["notifier"].removesuffix("-notifier")
    dead_letters = site.sqs.get_queue_url(QueueName=f"{prefix}-event-dead-letters")["QueueUrl"]
    try:
        for moment in ("before", "after"):
            item = {"ID": {"S": "by-hand"}, "Status": {"S": "COMPLETED"}, "Filename": {"S": moment}}
            site.dynamodb.put_item(TableName=site.stack.table, Item=item)
        wait_until(lambda: "by-hand" in json.dumps(site.sqs.receive_message(QueueUrl=dead_letters).get("Messages", [])))
    finally:  # no other function can read it, either
        site.dynamodb.delete_item(TableName=site.stack.table, Key={"ID": {"S": "by-hand"}})
    job_id = site.wait_until_done(site.submit(sample_images.make_jpeg())["id"])["id"]
    wait_until(lambda: subscriber.list_events(job_id))
