"""The worst files in one delivery with good images: only their own jobs fail, at once."""

import pytest
from support import events, hostile_files, sample_images
from support.moto_cloud import Cloud

import worker.app
from shared.errors import ImageError, error_classes

CODES = {error.code for error in error_classes(ImageError)}


@pytest.mark.parametrize("name", hostile_files.WORST)
def test_a_hostile_file_harms_nobody(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Good images around the file are completed in the same delivery; nothing of the fault is told."""
    monkeypatch.setenv("RENDER_SECONDS", "2")
    before, bad, after = (
        cloud.submit(data) for data in (sample_images.jpeg(), small_enough(name), sample_images.png(mode="RGBA"))
    )
    assert cloud.deliver(cloud.receive()) == []
    assert [cloud.job(job["id"]).status for job in (before, after)] == ["COMPLETED", "COMPLETED"]
    assert [cloud.job(job["id"]).attempt for job in (before, bad, after)] == [1, 1, 1]
    end = cloud.call("GET", f"/v1/jobs/{bad['id']}").json
    assert end["done"]
    if end["status"] == "FAILED":
        assert end["error"]["code"] in CODES
        assert not {"/", "\\", "\n"} & set(end["error"]["message"])
        assert not [key for key in cloud.keys() if key.startswith(f"processed/{bad['id']}")]  # noqa: SIM118 - no dict


def small_enough(name: str) -> bytes:
    """Return a hostile file, cut where the API would refuse its size."""
    data = hostile_files.FILES[name]()
    return data if len(data) < 4_000_000 else data[:4_000_000]


def test_ten_hostile_files_and_not_one_lost_record(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery of nothing but the worst ends in ten jobs that say why; the worker works on."""
    monkeypatch.setenv("RENDER_SECONDS", "2")
    jobs = [cloud.submit(small_enough(name)) for name in hostile_files.WORST[:10]]
    messages = cloud.receive()
    assert cloud.deliver(messages) == []
    for message in messages:
        cloud.clients.sqs.delete_message(QueueUrl=cloud.queue_url, ReceiptHandle=message["ReceiptHandle"])
    assert all(cloud.job(job["id"]).status.is_terminal for job in jobs)
    good = cloud.submit(sample_images.jpeg())
    assert cloud.deliver(cloud.receive()) == []
    assert cloud.job(good["id"]).status == "COMPLETED"


def test_a_sandbox_that_cannot_start_costs_no_attempt(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a child the job goes back as it came, and is completed when there is one again."""
    job = cloud.submit(sample_images.jpeg())
    messages = cloud.receive()
    with monkeypatch.context() as patch:
        patch.setattr("sys.executable", "/nowhere/python")
        assert cloud.deliver(messages) == [messages[0]["Body"]]
    waiting = cloud.job(job["id"])
    assert (waiting.status, waiting.attempts_used) == ("PENDING", 0)
    assert cloud.deliver(messages) == []
    assert cloud.job(job["id"]).status == "COMPLETED"


def test_rendering_that_would_come_too_late_is_not_begun(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that was claimed, but finds no child in time, gives its job back and costs no attempt."""
    job = cloud.submit(sample_images.jpeg())
    messages = cloud.receive()
    monkeypatch.setenv("RECORD_SECONDS", "2")
    monkeypatch.setenv("RENDER_SECONDS", "1")
    taken = worker.app.get_consumer().sandbox._slots.get()  # the only place, and it is never given back
    assert taken is not None
    taken.close()
    assert cloud.deliver(messages, events.Context(remaining_milliseconds=2000)) == [messages[0]["Body"]]
    waiting = cloud.job(job["id"])
    assert (waiting.status, waiting.attempts_used) == ("PENDING", 0)
    assert cloud.keys() == [f"raw/api/{job['id']}"]


def test_metrics_of_a_delivery_are_whole(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """Records that end in several threads are all counted, once."""
    jobs = [cloud.submit(sample_images.png(8 + number, 8)) for number in range(10)]
    capsys.readouterr()
    cloud.deliver(cloud.receive())
    lines = [line for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    assert sum(line.count('"JobsCompleted":[1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0,1.0]') for line in lines) == 1, lines
    assert all(cloud.job(job["id"]).status == "COMPLETED" for job in jobs)
