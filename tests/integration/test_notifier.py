"""The notifier on moto: from the table's changes to the topic."""

import json

import pytest
from support import events, sample_images
from support.moto_cloud import Cloud

import notifier.app
from shared.aws.sns import EventTopic
from shared.errors import ServiceError, ServiceRefused
from shared.webhooks.event import Event


def finished(cloud: Cloud, *bodies: bytes) -> list[str]:
    """Let jobs come to their end; return their IDs."""
    found = [cloud.submit(body)["id"] for body in bodies]
    cloud.deliver(cloud.receive())
    return found


def test_each_end_is_told_once(cloud: Cloud) -> None:
    """A job that is done and one that failed each make one event, and their other writes none."""
    done, failed = finished(cloud, sample_images.jpeg(), sample_images.jpeg()[:200])
    opened = cloud.submit(sample_images.jpeg())["id"]
    assert cloud.notify(*(cloud.change(each) for each in (done, failed, opened))) == []
    told = {event["subject"]: event["type"] for event in cloud.heard()}
    assert told == {done: "image.job.completed", failed: "image.job.failed"}


def test_a_cancelled_job_is_told_and_a_deleted_one_is_not(cloud: Cloud) -> None:
    """Its owner cancels: an event. Its owner deletes: the job is gone, and nobody is told what it was."""
    cancelled, deleted = (cloud.submit(sample_images.jpeg())["id"] for _ in range(2))
    cloud.post(f"/v1/jobs/{cancelled}/cancel", {})
    job = cloud.job(deleted)
    cloud.jobs.compare_and_swap(job, job.delete(now=job.timestamp, due_at=job.timestamp))
    cloud.notify(cloud.change(cancelled), cloud.change(deleted))
    assert [event["type"] for event in cloud.heard()] == ["image.job.cancelled"]


def test_a_change_that_comes_twice_has_the_same_id(cloud: Cloud) -> None:
    """A stream may deliver again; whoever listens knows the event by its ID."""
    (job_id,) = finished(cloud, sample_images.jpeg())
    cloud.notify(cloud.change(job_id))
    cloud.notify(cloud.change(job_id))
    first, second = cloud.heard()
    assert first == second
    assert first["id"] == f"evt_{job_id}_1"


def test_an_outage_loses_nothing(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the topic does not answer the delivery fails as a whole, and comes again; then all is told."""
    changes = [cloud.change(each) for each in finished(cloud, sample_images.jpeg(), sample_images.jpeg())]
    with monkeypatch.context() as broken:
        broken.setenv("EVENT_TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:gone")
        notifier.app.get_publisher.cache_clear()
        with pytest.raises(ServiceError):
            cloud.notify(*changes)
    notifier.app.get_publisher.cache_clear()
    assert not cloud.heard()
    assert cloud.notify(*changes) == []
    assert len(cloud.heard()) == 2


def test_the_stream_goes_on_from_what_the_topic_refused(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where single events are refused the answer names the first of them, from where the stream comes again."""
    changes = [cloud.change(each) for each in finished(cloud, *[sample_images.jpeg()] * 3)]
    refused = {change["dynamodb"]["Keys"]["ID"]["S"] for change in changes[1:]}
    publish = EventTopic.publish

    def choosy(topic: EventTopic, event: Event) -> None:
        if event.subject in refused:
            raise ServiceRefused
        publish(topic, event)

    monkeypatch.setattr(EventTopic, "publish", choosy)
    assert cloud.notify(*changes) == [changes[1]["dynamodb"]["SequenceNumber"]]
    assert len(cloud.heard()) == 1


def test_what_nobody_can_read_is_kept_and_holds_nothing_up(cloud: Cloud) -> None:
    """A change that is no job goes whole into a queue; its neighbours are told."""
    (job_id,) = finished(cloud, sample_images.jpeg())
    strange = events.change({"ID": {"S": "who wrote this?"}})
    assert cloud.notify(strange, cloud.change(job_id)) == []
    assert [event["subject"] for event in cloud.heard()] == [job_id]
    (kept,) = cloud.receive(cloud.event_dead_letter_queue_url)
    assert json.loads(kept["Body"]) == strange


def test_many_ends_are_told_side_by_side(cloud: Cloud) -> None:
    """A delivery of more changes than are under way at a time loses none."""
    (job_id,) = finished(cloud, sample_images.jpeg())
    generations = range(1, 3 * notifier.app.MAX_CONCURRENCY)
    cloud.notify(*(events.change(cloud.item(job_id) | {"Generation": {"N": str(each)}}) for each in generations))
    heard: set[str] = set()
    while found := cloud.heard():
        heard |= {event["id"] for event in found}
    assert heard == {f"evt_{job_id}_{each}" for each in generations}
