"""The notifier on moto: from changes of the job table to the event topic."""

import json
from collections.abc import Sequence

import pytest
from support import events, sample_images
from support.moto_cloud import Cloud

import notifier.app
from shared.aws.entries import MAX_ENTRIES
from shared.aws.sns import EventTopic
from shared.aws.sqs import SqsQueue
from shared.errors import ServiceError, ServiceRefused, ServiceUnavailable
from shared.webhooks.event import Event


def finish_jobs(cloud: Cloud, *bodies: bytes) -> list[str]:
    """Process jobs to their end and return their IDs."""
    found = [cloud.submit(body)["id"] for body in bodies]
    cloud.deliver(cloud.receive())
    return found


def test_each_ended_job_is_one_event(cloud: Cloud) -> None:
    """Other writes of a job lead to no event."""
    done, failed = finish_jobs(cloud, sample_images.make_jpeg(), sample_images.make_jpeg()[:200])
    pending = cloud.submit(sample_images.make_jpeg())["id"]
    assert cloud.notify(*(cloud.make_stream_record(each) for each in (done, failed, pending))) == []
    types = {event["subject"]: event["type"] for event in cloud.receive_events()}
    assert types == {done: "image.job.completed", failed: "image.job.failed"}


def test_cancelled_jobs_are_events_and_deleted_jobs_are_not(cloud: Cloud) -> None:
    """Deleting a job emits no event."""
    cancelled, deleted = (cloud.submit(sample_images.make_jpeg())["id"] for _ in range(2))
    cloud.post(f"/v1/jobs/{cancelled}/cancel", {})
    job = cloud.job(deleted)
    cloud.jobs.compare_and_swap(job, job.delete(now=job.timestamp, due_at=job.timestamp))
    cloud.notify(cloud.make_stream_record(cancelled), cloud.make_stream_record(deleted))
    assert [event["type"] for event in cloud.receive_events()] == ["image.job.cancelled"]


def test_duplicate_changes_have_the_same_event_id(cloud: Cloud) -> None:
    """So that subscribers can detect duplicates."""
    (job_id,) = finish_jobs(cloud, sample_images.make_jpeg())
    cloud.notify(cloud.make_stream_record(job_id))
    cloud.notify(cloud.make_stream_record(job_id))
    first, second = cloud.receive_events()
    assert first == second
    assert first["id"] == f"evt_{job_id}_1"


def test_topic_outage_loses_no_event(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The batch fails as a whole and is delivered again."""
    changes = [
        cloud.make_stream_record(each)
        for each in finish_jobs(cloud, sample_images.make_jpeg(), sample_images.make_jpeg())
    ]
    with monkeypatch.context() as broken:
        broken.setenv("EVENT_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:gone")
        notifier.app.get_publisher.cache_clear()
        with pytest.raises(ServiceError):
            cloud.notify(*changes)
    notifier.app.get_publisher.cache_clear()
    assert not cloud.receive_events()
    assert cloud.notify(*changes) == []
    assert len(cloud.receive_events()) == 2


def test_stream_resumes_at_the_first_refused_event(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The response has its sequence number."""
    changes = [cloud.make_stream_record(each) for each in finish_jobs(cloud, *[sample_images.make_jpeg()] * 3)]
    refused = {change["dynamodb"]["Keys"]["ID"]["S"] for change in changes[1:]}
    publish = EventTopic.publish

    def publish_selectively(topic: EventTopic, published: Sequence[Event]) -> list[ServiceError | None]:
        publish(topic, [event for event in published if event.subject not in refused])
        return [ServiceRefused() if event.subject in refused else None for event in published]

    monkeypatch.setattr(EventTopic, "publish", publish_selectively)
    assert cloud.notify(*changes) == [changes[1]["dynamodb"]["SequenceNumber"]]
    assert len(cloud.receive_events()) == 1


def test_unreadable_change_goes_to_the_dead_letter_queue(cloud: Cloud) -> None:
    """Other changes of the batch are published."""
    (job_id,) = finish_jobs(cloud, sample_images.make_jpeg())
    unreadable = events.make_stream_record({"ID": {"S": "who wrote this?"}})
    assert cloud.notify(unreadable, cloud.make_stream_record(job_id)) == []
    assert [event["subject"] for event in cloud.receive_events()] == [job_id]
    (kept,) = cloud.receive(cloud.event_dead_letter_queue_url)
    assert json.loads(kept["Body"]) == unreadable


def test_large_batches_are_published_in_groups(cloud: Cloud) -> None:
    """A batch above the limit of one call loses no event."""
    (job_id,) = finish_jobs(cloud, sample_images.make_jpeg())
    generations = range(1, 3 * MAX_ENTRIES)
    cloud.notify(
        *(events.make_stream_record(cloud.item(job_id) | {"Generation": {"N": str(each)}}) for each in generations)
    )
    heard: set[str] = set()
    while found := cloud.receive_events():
        heard |= {event["id"] for event in found}
    assert heard == {f"evt_{job_id}_{each}" for each in generations}


def test_outage_of_the_webhook_queue_loses_no_delivery(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream retries the change, and the event is published again with its ID."""
    headers = {"Content-Type": "application/json"}
    cloud.call("PUT", "/v1/webhooks/orders", json.dumps({"url": "https://example.com/hook"}), headers=headers)
    job = cloud.submit(sample_images.make_jpeg(), query={"webhook": "orders"})
    cloud.deliver(cloud.receive())
    change = cloud.make_stream_record(job["id"])
    with monkeypatch.context() as broken:
        broken.setattr(SqsQueue, "send_all", lambda _, messages: [ServiceUnavailable() for _ in messages])
        with pytest.raises(ServiceUnavailable):
            cloud.notify(change)
    assert cloud.receive(cloud.webhook_queue_url) == []
    assert cloud.notify(change) == []
    assert len(cloud.receive(cloud.webhook_queue_url)) == 1
