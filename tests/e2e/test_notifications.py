"""Notifications on a real engine: the end of a job is heard, whatever happens to the notifier."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from support import sample_images
from support.running_stack import Site, until
from support.webhook_receiver import receiving

from infra.sessions import local_session

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.not_on(
    "localstack", reason="notifications take a stream of the table, which the LocalStack of the tests does not have"
)


@dataclass
class Ear:
    """A queue that listens to the topic."""

    sqs: "SQSClient"
    url: str
    heard: list[dict[str, Any]] = field(default_factory=list)

    def about(self, job_id: str) -> list[dict[str, Any]]:
        """Return all events about a job so far."""
        found = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
        for each in found:
            self.heard.append(json.loads(json.loads(each["Body"])["Message"]))
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        return [event for event in self.heard if event["subject"] == job_id]


@pytest.fixture
def ear(site: Site) -> Iterator[Ear]:
    """Listen to the topic of events."""
    prefix = site.stack.functions["notifier"].removesuffix("-notifier")
    sns = local_session(site.stack.endpoint_url).client("sns")
    (topic,) = [t["TopicArn"] for t in sns.list_topics()["Topics"] if t["TopicArn"].endswith(f"{prefix}-events")]
    url = site.sqs.create_queue(QueueName=f"{prefix}-listener")["QueueUrl"]
    arn = site.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Statement": [allowed | {"Resource": arn}]})
    site.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
    yield Ear(site.sqs, url)
    sns.unsubscribe(SubscriptionArn=subscription)
    site.sqs.delete_queue(QueueUrl=url)


def test_the_end_of_a_job_is_heard(site: Site, ear: Ear) -> None:
    """A job that is done, one that fails and one that is cancelled are each told, with what they became."""
    done = site.finished(site.submit(sample_images.jpeg())["id"])
    failed = site.finished(site.submit(sample_images.jpeg()[:200])["id"])
    announced = site.announce(content_type="image/jpeg")["id"]
    assert site.http.post(f"jobs/{announced}/cancel").status_code == 200
    for job_id, kind in ((done["id"], "completed"), (failed["id"], "failed"), (announced, "cancelled")):
        until(partial(ear.about, job_id))
        (event,) = ear.about(job_id)
        assert (event["type"], event["id"]) == (f"image.job.{kind}", f"evt_{job_id}_1")
    assert ear.about(failed["id"])[0]["data"]["error"]["code"] == failed["error"]["code"]


def test_a_retry_ends_once_more(site: Site, ear: Ear) -> None:
    """Each generation of a job has an end and an event of its own."""
    job_id = site.finished(site.submit(sample_images.jpeg()[:200])["id"])["id"]
    until(lambda: ear.about(job_id))
    assert site.http.post(f"jobs/{job_id}/retry").status_code == 202
    until(lambda: len(ear.about(job_id)) == 2)
    assert {event["id"] for event in ear.about(job_id)} == {f"evt_{job_id}_1", f"evt_{job_id}_2"}


def test_a_notifier_that_is_killed_loses_nothing(site: Site, ear: Ear) -> None:
    """Its process stands still while jobs end, and is killed with what it holds: another one tells of all of them."""
    first = site.submit(sample_images.jpeg())["id"]
    until(lambda: ear.about(first))
    for process in site.function_processes("notifier"):
        process.suspend()
    waiting = [site.announce(content_type="image/jpeg")["id"] for _ in range(3)]
    for job_id in waiting:
        assert site.http.post(f"jobs/{job_id}/cancel").status_code == 200
    assert not [event for job_id in waiting for event in ear.about(job_id)], "whoever could tell of them stands still"
    for process in site.function_processes("notifier"):
        process.kill()
    for job_id in waiting:
        until(partial(ear.about, job_id))
        assert {event["id"] for event in ear.about(job_id)} == {f"evt_{job_id}_1"}


def test_a_webhook_survives_a_receiver_that_is_down(site: Site) -> None:
    """503, then 204: the event comes again by itself, signed, and the log tells both; a replay sends it once more."""
    with receiving() as receiver:
        receiver.answer(503, 204)
        made = site.http.put("webhooks/studio", json={"url": receiver.url})
        assert made.status_code == 201, made.text
        secret = made.json()["secret"]
        job = site.finished(site.submit(sample_images.jpeg(), webhook="studio")["id"])
        place = "webhooks/studio/deliveries"
        until(lambda: [each["state"] for each in site.http.get(place).json()["deliveries"]] == ["DELIVERED"])
        (entry,) = site.http.get(place).json()["deliveries"]
        assert (entry["tries"], entry["answer"], entry["job_id"]) == (2, 204, job["id"])
        assert site.http.post(f"{place}/{entry['id']}/replay").status_code == 202
        until(lambda: len(receiver.got) == 3)
        assert {str(event["id"]) for event in receiver.verified(secret)} == {f"evt_{job['id']}_1"}
        assert site.http.put("webhooks/studio", json={"url": receiver.url}).status_code == 200
        assert site.http.post("webhooks/studio/secret").json()["secret"] != secret
        assert site.http.get("webhooks").json()["webhooks"][0]["url"] == receiver.url
        hidden = secret.removeprefix("whsec_")
        assert not [line for role in ("api", "notifier", "webhooks") for line in site.log_lines(role) if hidden in line]
        assert site.http.delete("webhooks/studio").status_code == 204


def test_a_change_that_is_no_job_is_kept(site: Site, ear: Ear) -> None:
    """Somebody writes to the table by hand: what can't be told is kept whole, and the next end is told."""
    prefix = site.stack.functions["notifier"].removesuffix("-notifier")
    kept = site.sqs.get_queue_url(QueueName=f"{prefix}-event-dead-letters")["QueueUrl"]
    for moment in ("before", "after"):
        item = {"ID": {"S": "by-hand"}, "Status": {"S": "COMPLETED"}, "Filename": {"S": moment}}
        site.dynamodb.put_item(TableName=site.stack.table, Item=item)
    until(lambda: "by-hand" in json.dumps(site.sqs.receive_message(QueueUrl=kept).get("Messages", [])))
    job_id = site.finished(site.submit(sample_images.jpeg())["id"])["id"]
    until(lambda: ear.about(job_id))
    site.dynamodb.delete_item(TableName=site.stack.table, Key={"ID": {"S": "by-hand"}})
