"""Hostile files in one batch with valid images: only their own jobs fail."""

import pytest
from support import events, hostile_files, sample_images
from support.moto_cloud import Cloud
from support.thorough import every

import worker.app
from shared.errors import ImageError, error_classes

CODES = {error.code for error in error_classes(ImageError)}

#: An invocation that does not end before an image has used its CPU time, however busy the machine is.
PATIENT = events.Context(remaining_milliseconds=900_000)


def limit_only_cpu_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set a render timeout of two seconds of CPU time, and a lease that does not end before it."""
    monkeypatch.setenv("RENDER_SECONDS", "2")
    monkeypatch.setenv("LEASE_SECONDS", "900")
    monkeypatch.setattr("worker.sandbox.budget.WALL_FACTOR", 400)  # a busy machine gives a child little CPU time


@pytest.mark.parametrize("name", every(3, hostile_files.WORST))
def test_hostile_file_fails_only_its_own_job(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Valid images of the batch are completed, and the error shows no internals."""
    limit_only_cpu_time(monkeypatch)
    before, hostile, after = (
        cloud.submit(data)
        for data in (sample_images.make_jpeg(), make_hostile_file(name), sample_images.make_png(mode="RGBA"))
    )
    assert cloud.deliver(cloud.receive(), PATIENT) == []
    assert [cloud.job(job["id"]).status for job in (before, after)] == ["COMPLETED", "COMPLETED"]
    assert [cloud.job(job["id"]).attempt for job in (before, hostile, after)] == [1, 1, 1]
    ended = cloud.call("GET", f"/v1/jobs/{hostile['id']}").json
    assert ended["done"]
    if ended["status"] == "FAILED":
        assert ended["error"]["code"] in CODES
        assert not {"/", "\\", "\n"} & set(ended["error"]["message"])
        assert not [key for key in cloud.keys() if key.startswith(f"processed/{hostile['id']}")]  # noqa: SIM118 - no dict


def make_hostile_file(name: str) -> bytes:
    """Return a hostile file, truncated to the size limit of the API."""
    data = hostile_files.FILES[name]()
    return data if len(data) < 4_000_000 else data[:4_000_000]


@pytest.mark.thorough
def test_batch_of_hostile_files_ends_all_its_jobs(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten jobs end, and the worker completes the next image."""
    limit_only_cpu_time(monkeypatch)
    jobs = [cloud.submit(make_hostile_file(name)) for name in hostile_files.WORST[:10]]
    messages = cloud.receive()
    assert cloud.deliver(messages, PATIENT) == []
    for message in messages:
        cloud.clients.sqs.delete_message(QueueUrl=cloud.queue_url, ReceiptHandle=message["ReceiptHandle"])
    assert all(cloud.job(job["id"]).status.is_terminal for job in jobs)
    good = cloud.submit(sample_images.make_jpeg())
    assert cloud.deliver(cloud.receive()) == []
    assert cloud.job(good["id"]).status == "COMPLETED"


def test_sandbox_start_failure_is_an_uncounted_attempt(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job is released, and completed once the sandbox starts."""
    job = cloud.submit(sample_images.make_jpeg())
    messages = cloud.receive()
    worker.app.get_consumer().sandbox.close()
    with monkeypatch.context() as patch:
        patch.setattr("sys.executable", "/missing/python")
        assert cloud.deliver(messages) == [messages[0]["Body"]]
    waiting = cloud.job(job["id"])
    assert (waiting.status, waiting.attempts_used) == ("PENDING", 0)
    assert cloud.deliver(messages) == []
    assert cloud.job(job["id"]).status == "COMPLETED"


def test_rendering_does_not_start_too_late(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A claimed record without a free sandbox in time is released without a counted attempt."""
    job = cloud.submit(sample_images.make_jpeg())
    messages = cloud.receive()
    monkeypatch.setenv("RECORD_SECONDS", "2")
    monkeypatch.setenv("RENDER_SECONDS", "1")
    slot = worker.app.get_consumer().sandbox._slots.get()  # the only slot; never returned
    assert slot is not None
    slot.close()
    assert cloud.deliver(messages, events.Context(remaining_milliseconds=2000)) == [messages[0]["Body"]]
    waiting = cloud.job(job["id"])
    assert (waiting.status, waiting.attempts_used) == ("PENDING", 0)
    assert cloud.keys() == [f"raw/api/{job['id']}"]


def test_metrics_count_every_record_once(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """Records that end in several threads are all counted."""
    jobs = [cloud.submit(sample_images.make_png(8 + number, 8)) for number in range(10)]
    capsys.readouterr()
    cloud.deliver(cloud.receive())
    lines = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert sum(line.count('"JobsCompleted":[1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0]') for line in lines) == 1, lines
    assert all(cloud.job(job["id"]).status == "COMPLETED" for job in jobs)
