"""The reconciler on moto: overdue jobs are requeued or ended, others do not change."""

import signal
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from support import events, sample_images
from support.moto_cloud import Cloud
from support.sandboxes import READY
from support.thorough import every

import api.dependencies
import worker.app
import worker.reconciler
from shared.clock import utc_now
from shared.errors import ServiceThrottled, ServiceUnavailable
from shared.jobs.job import Job, JobStatus
from shared.jobs.message import JobMessage


@pytest.fixture
def advance_clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a function that advances the clocks of worker and reconciler, or stops them at a distance from a time."""

    def advance(distance: timedelta, since: datetime | None = None) -> None:
        def clock() -> Any:
            return (since or utc_now()) + distance

        reconciler, consumer = worker.reconciler.get_reconciler(), worker.app.get_consumer()
        adjusted = replace(consumer, processor=replace(consumer.processor, clock=clock))
        monkeypatch.setattr(worker.reconciler, "get_reconciler", lambda: replace(reconciler, clock=clock))
        monkeypatch.setattr(worker.app, "get_consumer", lambda: adjusted)

    return advance


def discard_messages(cloud: Cloud) -> None:
    """Delete all messages of the queue."""
    for message in cloud.receive():
        cloud.clients.sqs.delete_message(QueueUrl=cloud.queue_url, ReceiptHandle=message["ReceiptHandle"])


def test_job_with_a_lost_message_is_requeued(cloud: Cloud, advance_clock: Any) -> None:
    """It is found when it is due, and completed."""
    job = cloud.submit(sample_images.make_jpeg())
    discard_messages(cloud)
    assert cloud.reconcile() == {}
    advance_clock(timedelta(minutes=16))
    assert cloud.reconcile() == {"send": 1}
    assert cloud.reconcile() == {}
    cloud.deliver(cloud.receive())
    assert cloud.job(job["id"]).status is JobStatus.COMPLETED


def test_job_with_an_expired_lease_is_requeued(cloud: Cloud, advance_clock: Any) -> None:
    """Before the queue delivers its message again."""
    job = cloud.submit(sample_images.make_jpeg())
    discard_messages(cloud)
    now = utc_now()
    cloud.jobs.claim(JobMessage(job_id=job["id"], generation=1), now=now, lease=timedelta(seconds=60), max_attempts=5)
    advance_clock(timedelta(seconds=119), since=now)
    assert cloud.reconcile() == {}
    advance_clock(timedelta(seconds=121), since=now)
    assert cloud.reconcile() == {"send": 1}
    cloud.deliver(cloud.receive())
    done = cloud.job(job["id"])
    assert (done.status, done.attempt) == (JobStatus.COMPLETED, 2)


def test_job_fails_when_its_attempts_are_exhausted(cloud: Cloud, advance_clock: Any) -> None:
    """And leaves the index of open jobs."""
    job = cloud.submit(sample_images.make_jpeg())
    discard_messages(cloud)
    for attempt in range(1, 6):
        moment = utc_now() + timedelta(minutes=10 * attempt)
        claimed = cloud.jobs.claim(
            JobMessage(job_id=job["id"], generation=1), now=moment, lease=timedelta(seconds=60), max_attempts=5
        )
        assert isinstance(claimed, Job)
    advance_clock(timedelta(hours=2))
    assert cloud.reconcile() == {"end": 1}
    ended = cloud.job(job["id"])
    assert (ended.status, ended.attempt) == (JobStatus.FAILED, 5)
    assert "OpenShard" not in cloud.item(job["id"])
    assert cloud.reconcile() == {}


def test_concurrent_reconcilers_send_one_message(
    cloud: Cloud, advance_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second conditional write fails, so it sends nothing."""
    job = cloud.submit(sample_images.make_jpeg())
    discard_messages(cloud)
    advance_clock(timedelta(minutes=16))
    real = worker.reconciler.get_reconciler().jobs.get

    def get_outdated(job_id: str, *, deleted: bool) -> Job:
        seen = real(job_id, deleted=deleted)
        monkeypatch.setattr(worker.reconciler.get_reconciler().jobs, "get", real)
        worker.reconciler.get_reconciler().reconcile(job_id)
        return seen

    monkeypatch.setattr(worker.reconciler.get_reconciler().jobs, "get", get_outdated)
    worker.reconciler.get_reconciler().reconcile(job["id"])
    assert len(cloud.receive()) == 1


def test_service_error_releases_the_job_uncounted(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job is PENDING again, and its record is redelivered."""
    job = cloud.submit(sample_images.make_jpeg())
    images = worker.app.get_consumer().processor.images

    def raise_throttled(*_: Any, **__: Any) -> bytes:
        raise ServiceThrottled

    monkeypatch.setattr(images, "get_raw", raise_throttled)
    messages = cloud.receive()
    assert len(cloud.deliver(messages)) == 1
    released = cloud.job(job["id"])
    assert (released.status, released.attempt, released.attempts_used) == (JobStatus.PENDING, 1, 0)
    monkeypatch.undo()


def test_dead_letter_of_an_outage_does_not_fail_the_job(cloud: Cloud, advance_clock: Any) -> None:
    """A job without failed attempts waits for the reconciler."""
    job = cloud.submit(sample_images.make_jpeg())
    assert cloud.handle_dead_letters(cloud.receive()) == []
    waiting = cloud.job(job["id"])
    assert (waiting.status, waiting.dead_letters) == (JobStatus.PENDING, 1)
    discard_messages(cloud)
    advance_clock(timedelta(hours=1))
    assert cloud.reconcile() == {"send": 1}
    cloud.deliver(cloud.receive())
    assert cloud.job(job["id"]).status is JobStatus.COMPLETED


def test_deliveries_without_time_do_not_fail_the_job(cloud: Cloud, advance_clock: Any) -> None:
    """No attempt is counted, and the next delivery with enough time completes the job."""
    job = cloud.submit(sample_images.make_jpeg())
    for count in range(1, 5):
        messages = cloud.receive()
        for _ in range(5):
            assert len(cloud.deliver(messages, events.Context(remaining_milliseconds=500))) == 1
        assert cloud.handle_dead_letters(messages) == []
        cloud.clients.sqs.delete_message(QueueUrl=cloud.queue_url, ReceiptHandle=messages[0]["ReceiptHandle"])
        waiting = cloud.job(job["id"])
        assert (waiting.status, waiting.attempt, waiting.dead_letters) == (JobStatus.PENDING, 0, count)
        advance_clock(timedelta(hours=3) * count)
        assert cloud.reconcile() == {"send": 1}
    cloud.deliver(cloud.receive())
    assert cloud.job(job["id"]).status is JobStatus.COMPLETED


@pytest.mark.parametrize("step", ["delete_job", "delete_tombstone"])
def test_interrupted_deletion_is_finished(
    cloud: Cloud, advance_clock: Any, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Objects and record are deleted when the tombstone is due."""
    job = cloud.submit(sample_images.make_jpeg())
    cloud.deliver(cloud.receive())
    other = cloud.submit(sample_images.make_jpeg())["id"]
    dependencies = api.dependencies.get_dependencies()
    with monkeypatch.context() as broken:

        def raise_unavailable(_: Any) -> None:
            raise ServiceUnavailable

        broken.setattr(dependencies.images if step == "delete_job" else dependencies.jobs, step, raise_unavailable)
        assert cloud.call("DELETE", f"/v1/jobs/{job['id']}").status == 503
    assert cloud.reconcile() == {}
    assert cloud.count() == 2
    advance_clock(timedelta(minutes=16))
    assert cloud.reconcile() == {"erase": 1, "send": 1}
    assert (cloud.count(), cloud.keys()) == (1, [f"raw/api/{other}"])
    assert cloud.call("GET", f"/v1/jobs/{other}").status == 200


def test_failed_deletion_is_postponed(cloud: Cloud, advance_clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it does not precede other jobs in every run."""
    job = cloud.submit(sample_images.make_jpeg())
    reconciler = worker.reconciler.get_reconciler()

    def raise_unavailable(_: Any) -> None:
        raise ServiceUnavailable

    with monkeypatch.context() as broken:
        broken.setattr(api.dependencies.get_dependencies().images, "delete_job", raise_unavailable)
        assert cloud.call("DELETE", f"/v1/jobs/{job['id']}").status == 503
    advance_clock(timedelta(minutes=16))
    with monkeypatch.context() as broken:
        broken.setattr(reconciler.images, "delete_job", raise_unavailable)
        assert cloud.reconcile() == {"fault": 1}
    assert cloud.reconcile() == {}
    advance_clock(timedelta(minutes=32))
    assert cloud.reconcile() == {"erase": 1}
    assert (cloud.count(), cloud.keys()) == (0, [])


def test_failed_release_leaves_the_lease(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the table is unavailable too, the lease ends by its time."""
    job = cloud.submit(sample_images.make_jpeg())
    processor = worker.app.get_consumer().processor

    def fail(*_: Any, **__: Any) -> bytes:
        raise ServiceUnavailable

    monkeypatch.setattr(processor.images, "get_raw", fail)
    monkeypatch.setattr(processor.jobs, "commit", fail)
    assert len(cloud.deliver(cloud.receive())) == 1
    assert cloud.job(job["id"]).status is JobStatus.PROCESSING


def test_an_image_that_kills_every_worker_is_tried_five_times(cloud: Cloud, advance_clock: Any) -> None:
    """A claim counts the attempts, so duplicate messages cannot try the image once more."""
    job = cloud.submit(sample_images.make_jpeg())
    messages = cloud.receive()
    for attempt in range(1, 6):
        moment = utc_now() + timedelta(minutes=attempt)
        assert isinstance(
            cloud.jobs.claim(
                JobMessage(job_id=job["id"], generation=1), now=moment, lease=timedelta(seconds=30), max_attempts=5
            ),
            Job,
        )
    advance_clock(timedelta(minutes=10))
    assert cloud.deliver(messages) == []
    ended = cloud.job(job["id"])
    assert (ended.status, ended.attempt) == (JobStatus.FAILED, 5)
    assert ended.error is not None
    assert ended.error.code == "ATTEMPTS_EXHAUSTED"


@pytest.mark.parametrize("signal_number", every(2, [signal.SIGKILL, signal.SIGSEGV]))
def test_killed_child_does_not_fail_the_image(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, signal_number: int
) -> None:
    """Something else may have killed it: the job is tried again, and the attempts are limited."""
    job = cloud.submit(sample_images.make_jpeg())
    messages = cloud.receive()
    sandbox = worker.app.get_consumer().sandbox
    with monkeypatch.context() as patch:
        script = READY + f"sys.stdin.buffer.read(4)\nos.kill(os.getpid(), {int(signal_number)})"
        patch.setattr(sandbox, "_program", ("-c", script))
        sandbox.close()
        assert cloud.deliver(messages) == [messages[0]["Body"]]
        waiting = cloud.job(job["id"])
        assert (waiting.status, waiting.attempts_used) == (JobStatus.PENDING, 1)
        assert waiting.history[-1].code == "RENDER_INTERRUPTED"
        for _ in range(3):
            assert cloud.deliver(messages) == [messages[0]["Body"]]
        if signal_number == signal.SIGSEGV:
            assert cloud.deliver(messages) == []
            error = cloud.job(job["id"]).error
            assert error is not None
            assert error.code == "ATTEMPTS_EXHAUSTED"
            return
    sandbox.close()
    assert cloud.deliver(messages) == []
    done = cloud.job(job["id"])
    assert (done.status, done.attempt) == (JobStatus.COMPLETED, 5)
