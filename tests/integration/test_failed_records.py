"""Errors and logs of failed invocations and records."""

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


def run_worker(cloud: Cloud) -> None:
    """Deliver the queue to the worker."""
    cloud.deliver(cloud.receive())


def run_dead_letters(cloud: Cloud) -> None:
    """Deliver the queue to the dead-letter function."""
    cloud.handle_dead_letters(cloud.receive())


def run_reconciler(cloud: Cloud) -> None:
    """Run the reconciler."""
    cloud.reconcile()


@pytest.mark.filterwarnings("ignore:No application metrics")
@pytest.mark.parametrize("invoke", [run_worker, run_dead_letters, run_reconciler])
def test_missing_setting_fails_the_invocation(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, invoke: Callable[[Cloud], None]
) -> None:
    """The error names the setting, and no record fails instead."""
    cloud.submit(sample_images.make_jpeg())
    monkeypatch.delenv("JOB_TABLE")
    with pytest.raises(ValidationError, match="JOB_TABLE"):
        invoke(cloud)


def fail_service(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Process a job while S3 is unavailable."""
    cloud.submit(sample_images.make_jpeg())

    def fail(*_: Any, **__: Any) -> bytes:
        raise ServiceUnavailable

    monkeypatch.setattr(worker.app.get_consumer().processor.images, "get_raw", fail)
    messages = cloud.receive()
    cloud.deliver(messages)
    return messages


def fail_for_lack_of_time(cloud: Cloud, _: pytest.MonkeyPatch) -> list[Any]:
    """Process a job with half a second left."""
    cloud.submit(sample_images.make_jpeg())
    messages = cloud.receive()
    cloud.deliver(messages, events.Context(remaining_milliseconds=500))
    return messages


def fail_unexpectedly(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Process a job while the code raises an unexpected exception."""
    cloud.submit(sample_images.make_jpeg())

    def fail(*_: Any, **__: Any) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr(worker.app.get_consumer().processor.images, "get_raw", fail)
    messages = cloud.receive()
    cloud.deliver(messages)
    return messages


def fail_image(cloud: Cloud, _: pytest.MonkeyPatch) -> list[Any]:
    """Process a truncated image."""
    cloud.submit(sample_images.make_jpeg()[:200])
    messages = cloud.receive()
    cloud.deliver(messages)
    return messages


@pytest.mark.parametrize(
    ("cause_failure", "log_message"),
    [
        (fail_service, "Record comes back"),
        (fail_for_lack_of_time, "Record comes back"),
        (fail_unexpectedly, "Record comes back"),
        (fail_image, "Record processed"),
    ],
)
def test_failed_record_logs_message_and_job(
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    cause_failure: Callable[[Cloud, pytest.MonkeyPatch], list[Any]],
    log_message: str,
) -> None:
    """For every reason, the log line has message ID and job ID."""
    written = StringIO()  # the logger keeps the standard output of its creation
    monkeypatch.setattr(worker.app.logger.registered_handler, "stream", written)
    (message,) = cause_failure(cloud, monkeypatch)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    (line,) = [line for line in lines if line["message"] == log_message]
    assert line["level"] in {"WARNING", "ERROR"}
    assert (line["message_id"], line["job_id"]) == (message["MessageId"], json.loads(message["Body"])["job_id"])
