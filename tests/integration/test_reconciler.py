"""The reconciler on moto: overdue jobs move, others stay, and nothing is done twice."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support import events, sample_images
from support.moto_cloud import Cloud

import api.dependencies
import worker.app
import worker.reconciler
from shared.clock import utc_now
from shared.errors import ServiceThrottled, ServiceUnavailable
from shared.jobs.job import Job, JobStatus
from shared.jobs.message import JobMessage


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that puts the clock of all functions forward."""

    def move(distance: timedelta) -> None:
        def clock() -> Any:
            return utc_now() + distance

        reconciler, consumer = worker.reconciler.get_reconciler(), worker.app.get_consumer()
        moved = replace(consumer, processor=replace(consumer.processor, clock=clock))
        monkeypatch.setattr(worker.reconciler, "get_reconciler", lambda: replace(reconciler, clock=clock))
        monkeypatch.setattr(worker.app, "get_consumer", lambda: moved)

    return move


def drain(cloud: Cloud) -> None:
    """Lose every message."""
    for message in cloud.receive():
        cloud.clients.sqs.delete_message(QueueUrl=cloud.queue_url, ReceiptHandle=message["ReceiptHandle"])


def test_lost_message_is_sent_again(cloud: Cloud, later: Any) -> None:
    """A job whose message was lost is found when it is due, and completed."""
    job = cloud.submit(sample_images.jpeg())
    drain(cloud)
    assert cloud.reconcile() == {}
    later(timedelta(minutes=16))
    assert cloud.reconcile() == {"send": 1}
    assert cloud.reconcile() == {}
    cloud.deliver(cloud.receive())
    assert cloud.job(job["id"]).status is JobStatus.COMPLETED


def test_expired_lease_is_found_before_the_queue_brings_its_message_back(cloud: Cloud, later: Any) -> None:
    """A worker that died is replaced when its lease is over."""
    job = cloud.submit(sample_images.jpeg())
    drain(cloud)
    cloud.jobs.claim(JobMessage(job_id=job["id"], generation=1), now=utc_now(), lease=timedelta(seconds=60))
    later(timedelta(seconds=90))
    assert cloud.reconcile() == {}
    later(timedelta(seconds=130))
    assert cloud.reconcile() == {"send": 1}
    cloud.deliver(cloud.receive())
    done = cloud.job(job["id"])
    assert (done.status, done.attempt) == (JobStatus.COMPLETED, 2)


def test_job_whose_attempts_all_died_fails(cloud: Cloud, later: Any) -> None:
    """After the last attempt the job says why it ended, and leaves the index."""
    job = cloud.submit(sample_images.jpeg())
    drain(cloud)
    for attempt in range(1, 6):
        moment = utc_now() + timedelta(minutes=10 * attempt)
        claimed = cloud.jobs.claim(JobMessage(job_id=job["id"], generation=1), now=moment, lease=timedelta(seconds=60))
        assert isinstance(claimed, Job)
    later(timedelta(hours=2))
    assert cloud.reconcile() == {"end": 1}
    ended = cloud.job(job["id"])
    assert (ended.status, ended.attempt) == (JobStatus.FAILED, 5)
    assert "OpenShard" not in cloud.item(job["id"])
    assert cloud.reconcile() == {}


def test_two_reconcilers_send_one_message(cloud: Cloud, later: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes second finds the job moved, and sends nothing."""
    job = cloud.submit(sample_images.jpeg())
    drain(cloud)
    later(timedelta(minutes=16))
    real = worker.reconciler.get_reconciler().jobs.get

    def overtaken(job_id: str, *, deleted: bool) -> Job:
        seen = real(job_id, deleted=deleted)
        monkeypatch.setattr(worker.reconciler.get_reconciler().jobs, "get", real)
        worker.reconciler.get_reconciler().reconcile(job_id)
        return seen

    monkeypatch.setattr(worker.reconciler.get_reconciler().jobs, "get", overtaken)
    worker.reconciler.get_reconciler().reconcile(job["id"])
    assert len(cloud.receive()) == 1


def test_failing_service_gives_the_job_back_uncounted(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A throttled store costs the job no attempt: it is PENDING again and the record comes back."""
    job = cloud.submit(sample_images.jpeg())
    images = worker.app.get_consumer().processor.images

    def throttle(*_: Any, **__: Any) -> bytes:
        raise ServiceThrottled

    monkeypatch.setattr(images, "get_raw", throttle)
    messages = cloud.receive()
    assert len(cloud.deliver(messages)) == 1
    released = cloud.job(job["id"])
    assert (released.status, released.attempt, released.attempts_used) == (JobStatus.PENDING, 1, 0)
    monkeypatch.undo()


def test_dead_letters_of_an_outage_do_not_fail_the_job(cloud: Cloud, later: Any) -> None:
    """A job that no attempt has failed waits for the reconciler when its message dies."""
    job = cloud.submit(sample_images.jpeg())
    assert cloud.handle_dead_letters(cloud.receive()) == []
    waiting = cloud.job(job["id"])
    assert (waiting.status, waiting.dead_letters) == (JobStatus.PENDING, 1)
    drain(cloud)
    later(timedelta(hours=1))
    assert cloud.reconcile() == {"send": 1}
    cloud.deliver(cloud.receive())
    assert cloud.job(job["id"]).status is JobStatus.COMPLETED


def test_deliveries_without_time_never_fail_a_job(cloud: Cloud, later: Any) -> None:
    """A job whose deliveries all had too little time goes on, attempt 0, and is completed when one has enough."""
    job = cloud.submit(sample_images.jpeg())
    for letters in range(1, 5):
        messages = cloud.receive()
        for _ in range(5):
            assert len(cloud.deliver(messages, events.Context(remaining_milliseconds=500))) == 1
        assert cloud.handle_dead_letters(messages) == []
        cloud.clients.sqs.delete_message(QueueUrl=cloud.queue_url, ReceiptHandle=messages[0]["ReceiptHandle"])
        waiting = cloud.job(job["id"])
        assert (waiting.status, waiting.attempt, waiting.dead_letters) == (JobStatus.PENDING, 0, letters)
        later(timedelta(hours=3) * letters)
        assert cloud.reconcile() == {"send": 1}
    cloud.deliver(cloud.receive())
    assert cloud.job(job["id"]).status is JobStatus.COMPLETED


@pytest.mark.parametrize("step", ["delete_job", "delete_tombstone"])
def test_incomplete_deletion_is_continued(cloud: Cloud, later: Any, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Nobody asks again, and yet objects and record are gone when the tombstone is due; not before."""
    job = cloud.submit(sample_images.jpeg())
    cloud.deliver(cloud.receive())
    neighbour = cloud.submit(sample_images.jpeg())["id"]
    dependencies = api.dependencies.get_dependencies()
    with monkeypatch.context() as broken:

        def die(_: Any) -> None:
            raise ServiceUnavailable

        broken.setattr(dependencies.images if step == "delete_job" else dependencies.jobs, step, die)
        assert cloud.call("DELETE", f"/v1/jobs/{job['id']}").status == 503
    assert cloud.reconcile() == {}
    assert cloud.count() == 2
    later(timedelta(minutes=16))
    assert cloud.reconcile() == {"erase": 1, "send": 1}
    assert (cloud.count(), cloud.keys()) == (1, [f"raw/api/{neighbour}"])
    assert cloud.call("GET", f"/v1/jobs/{neighbour}").status == 200


def test_erasure_that_fails_is_put_off(cloud: Cloud, later: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tombstone that can't be erased yet does not come before others at every sweep."""
    job = cloud.submit(sample_images.jpeg())
    reconciler = worker.reconciler.get_reconciler()

    def die(_: Any) -> None:
        raise ServiceUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(api.dependencies.get_dependencies().images, "delete_job", die)
        assert cloud.call("DELETE", f"/v1/jobs/{job['id']}").status == 503
    later(timedelta(minutes=16))
    with monkeypatch.context() as broken:
        broken.setattr(reconciler.images, "delete_job", die)
        assert cloud.reconcile() == {"fault": 1}
    assert cloud.reconcile() == {}
    later(timedelta(minutes=32))
    assert cloud.reconcile() == {"erase": 1}
    assert (cloud.count(), cloud.keys()) == (0, [])


def test_release_that_fails_too_leaves_the_lease(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the table does not answer either, the first fault is told and the lease runs out by itself."""
    job = cloud.submit(sample_images.jpeg())
    processor = worker.app.get_consumer().processor

    def fail(*_: Any, **__: Any) -> bytes:
        raise ServiceUnavailable

    monkeypatch.setattr(processor.images, "get_raw", fail)
    monkeypatch.setattr(processor.jobs, "commit", fail)
    assert len(cloud.deliver(cloud.receive())) == 1
    assert cloud.job(job["id"]).status is JobStatus.PROCESSING
