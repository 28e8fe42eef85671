"""What a delivery that goes wrong tells: a wrong setting fails it whole, a failed record says whose it was."""

import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from pydantic import ValidationError
from support import events, sample_images
from support.moto_cloud import Cloud

import worker.app
from shared.errors import ServiceUnavailable


def delivered(cloud: Cloud) -> None:
    """Let the worker have a delivery."""
    cloud.deliver(cloud.receive())


def buried(cloud: Cloud) -> None:
    """Let the dead-letter function have one."""
    cloud.handle_dead_letters(cloud.receive())


def woken(cloud: Cloud) -> None:
    """Wake the reconciler."""
    cloud.reconcile()


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize("invoke", [delivered, buried, woken])
def test_a_wrong_setting_fails_the_invocation(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, invoke: Callable[[Cloud], None]
) -> None:
    """It is told once, by its name, and counts as an error of the function: no record is blamed."""
    cloud.submit(sample_images.jpeg())
    monkeypatch.delenv("JOB_TABLE")
    with pytest.raises(ValidationError, match="JOB_TABLE"):
        invoke(cloud)


def service_fault(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let S3 not answer."""
    cloud.submit(sample_images.jpeg())

    def fail(*_: Any, **__: Any) -> bytes:
        raise ServiceUnavailable

    monkeypatch.setattr(worker.app.get_consumer().processor.images, "get_raw", fail)
    messages = cloud.receive()
    cloud.deliver(messages)
    return messages


def too_little_time(cloud: Cloud, _: pytest.MonkeyPatch) -> list[Any]:
    """Leave half a second."""
    cloud.submit(sample_images.jpeg())
    messages = cloud.receive()
    cloud.deliver(messages, events.Context(remaining_milliseconds=500))
    return messages


def fault_of_ours(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let our own code break."""
    cloud.submit(sample_images.jpeg())

    def fail(*_: Any, **__: Any) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr(worker.app.get_consumer().processor.images, "get_raw", fail)
    messages = cloud.receive()
    cloud.deliver(messages)
    return messages


def bad_picture(cloud: Cloud, _: pytest.MonkeyPatch) -> list[Any]:
    """Send half an image."""
    cloud.submit(sample_images.jpeg()[:200])
    messages = cloud.receive()
    cloud.deliver(messages)
    return messages


@pytest.mark.parametrize(
    ("go_wrong", "told"),
    [
        (service_fault, "Record comes back"),
        (too_little_time, "Record comes back"),
        (fault_of_ours, "Record comes back"),
        (bad_picture, "Record processed"),
    ],
)
def test_a_failed_record_says_whose_it_was(
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    go_wrong: Callable[[Cloud, pytest.MonkeyPatch], list[Any]],
    told: str,
) -> None:
    """Whatever the reason, the line has the message and the job, so that one search finds the whole story."""
    written = StringIO()  # the logger holds on to the standard output that it was made with
    monkeypatch.setattr(worker.app.logger.registered_handler, "stream", written)
    (message,) = go_wrong(cloud, monkeypatch)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    (line,) = [line for line in lines if line["message"] == told]
    assert line["level"] in {"WARNING", "ERROR"}
    assert (line["message_id"], line["job_id"]) == (message["MessageId"], json.loads(message["Body"])["job_id"])
