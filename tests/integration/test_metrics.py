"""Metrics that the code emits, with the dimensions that alarms and the dashboard use."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from pathlib import Path

import pytest
from aws_lambda_powertools.metrics.provider.cold_start import reset_cold_start_flag
from support import events, monitoring, sample_images
from support.moto_cloud import BUCKET, Cloud
from support.webhook_receiver import receiving

import api.walker
import worker.reconciler
from shared.clock import utc_now
from shared.errors import ServiceUnavailable
from shared.jobs.job import JobStatus
from shared.observability import NAMESPACE
from shared.webhooks.delivery import DeliveryMessage

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbook.md").read_text("utf-8")
STACK = "a-stack"


#: Module of each function by logical ID.
FUNCTIONS = {
    name: import_module(each["Properties"]["Handler"].removesuffix(".handler"))
    for name, each in monitoring.RESOURCES.items()
    if each["Type"] == "AWS::Serverless::Function"
}


@pytest.fixture(autouse=True)
def set_service_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the service name of the template."""
    for module in FUNCTIONS.values():
        monkeypatch.setattr(module.metrics, "service", STACK)
    reset_cold_start_flag()


def parse_metrics(text: str) -> Iterator[tuple[str, frozenset[str], dict[str, object]]]:
    """Yield each printed metric: its name, the names of its dimensions, the parsed line."""
    for line in text.splitlines():
        if '"_aws"' not in line:
            continue
        document = json.loads(line)
        for directive in document["_aws"]["CloudWatchMetrics"]:
            assert directive["Namespace"] == NAMESPACE
            for metric in directive["Metrics"]:
                for dimensions in directive["Dimensions"]:
                    yield metric["Name"], frozenset(dimensions), document


def fail(*_: object) -> None:
    """Raise a service error."""
    raise ServiceUnavailable


def run_jobs(cloud: Cloud) -> None:
    """Take jobs through every outcome: done, failed, repeated, dead, unreadable, lost, never uploaded, notified."""
    cloud.submit(sample_images.make_jpeg())
    cloud.submit(sample_images.make_jpeg()[:200])
    messages = cloud.receive()
    cloud.deliver(messages)
    cloud.deliver(messages)
    cloud.call("POST", "/v1/jobs", sample_images.make_jpeg(), headers={"Prefer": "wait=1"})
    cloud.clients.sqs.send_message(QueueUrl=cloud.dead_letter_queue_url, MessageBody="who sent this?")
    reset_cold_start_flag()
    cloud.handle_dead_letters(cloud.receive(cloud.dead_letter_queue_url))
    cloud.handle_dead_letters(cloud.receive())
    cloud.handle_dead_letters(messages)
    waiting = cloud.job(cloud.submit(sample_images.make_jpeg())["id"])
    cloud.clients.s3.delete_object(Bucket=BUCKET, Key=waiting.raw.key)
    cloud.jobs.compare_and_swap(
        waiting, replace(waiting, status=JobStatus.AWAITING_UPLOAD, due_at=utc_now() - timedelta(days=2))
    )
    lost = cloud.job(cloud.submit(sample_images.make_jpeg())["id"])
    cloud.jobs.compare_and_swap(lost, replace(lost, due_at=utc_now() - timedelta(days=2)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker.reconciler.Reconciler, "reconcile", fail)
        cloud.reconcile()
    cloud.reconcile()
    with pytest.MonkeyPatch.context() as patch:
        ends = Counter({api.walker.FAULT: 2, api.walker.FAILED: 1})
        patch.setattr(api.walker.Walker, "run", lambda *_: ends)
        cloud.walk()
    reset_cold_start_flag()
    cloud.notify(cloud.make_stream_record(waiting.id), {"eventName": "MODIFY", "dynamodb": {}})
    reset_cold_start_flag()
    send_webhooks(cloud)


def send_webhooks(cloud: Cloud) -> None:
    """Take webhooks through every outcome: delivered, retried, rejected, deleted."""
    with receiving() as receiver:
        receiver.answer(204, 503, 410)
        response = cloud.call(
            "PUT", "/v1/webhooks/w", json.dumps({"url": receiver.url}), headers={"Content-Type": "application/json"}
        )
        assert response.status == 201, response.text
        for name, webhook in (("a", "w"), ("b", "w"), ("c", "w"), ("d", "nobody")):
            message = DeliveryMessage(
                owner="anonymous",
                webhook=webhook,
                event_id=f"evt_{name}",
                type="image.job.completed",
                job_id="J",
                body="{}",
            )
            cloud.send_webhooks([events.make_message(message.encode())])


def test_monitored_metrics_are_emitted(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """Each metric of an alarm or widget is emitted with exactly its dimensions."""
    run_jobs(cloud)
    found = {(name, names) for name, names, _ in parse_metrics(capsys.readouterr().out)}
    watched = {
        (metric.name, frozenset(name for name, _ in metric.dimensions))
        for metric in monitoring.list_metrics()
        if metric.namespace == NAMESPACE
    }
    assert watched
    assert watched <= found


#: An invocation of each function.
INVOCATIONS: dict[str, Callable[[Cloud], object]] = {
    "ApiFunction": lambda cloud: cloud.call("GET", "/v1/jobs"),
    "WorkerFunction": lambda cloud: cloud.deliver([events.make_message("unreadable")]),
    "UploadFunction": lambda cloud: cloud.forward_uploads([events.make_message("unreadable")]),
    "DeadLetterFunction": lambda cloud: cloud.handle_dead_letters([events.make_message("unreadable")]),
    "ReconcilerFunction": Cloud.reconcile,
    "WalkerFunction": Cloud.walk,
    "NotifierFunction": Cloud.notify,
    "WebhookFunction": lambda cloud: cloud.send_webhooks([events.make_message("unreadable")]),
}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_dashboard_shows_the_cold_starts_that_are_counted(
    cloud: Cloud, capsys: pytest.CaptureFixture[str], function: str
) -> None:
    """A line of a function that does not count them would stay empty."""
    capsys.readouterr()
    INVOCATIONS[function](cloud)
    found = {name for name, _, _ in parse_metrics(capsys.readouterr().out)}
    value = ("function_name", f"${{{function}}}")
    shown = {each.name for each in monitoring.list_metrics() if value in each.dimensions}
    assert shown == found & {"ColdStart"}


def test_reconciler_without_overdue_jobs_emits_no_metric(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """A metric without any value costs nothing."""
    cloud.submit(sample_images.make_jpeg())
    capsys.readouterr()
    assert cloud.reconcile() == {}
    assert list(parse_metrics(capsys.readouterr().out)) == []


def test_metrics_have_the_namespace_of_their_stack(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """Two stacks in one account never share metrics."""
    run_jobs(cloud)
    lines = [line for _, _, line in parse_metrics(capsys.readouterr().out)]
    assert {line["service"] for line in lines} == {STACK}


def test_every_metric_is_documented(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/runbook.md has a row for each emitted metric."""
    run_jobs(cloud)
    documented = set(re.findall(r"^\| `(\w+)` \|", RUNBOOK, re.MULTILINE))
    assert {name for name, _, _ in parse_metrics(capsys.readouterr().out)} <= documented


def test_completion_time_counts_from_the_upload(cloud: Cloud, capsys: pytest.CaptureFixture[str]) -> None:
    """The time that a user waits starts at the upload, not at the claim."""
    job_id = cloud.submit(sample_images.make_jpeg())["id"]
    cloud.deliver(cloud.receive())
    job = cloud.job(job_id)
    (line,) = [line for name, _, line in parse_metrics(capsys.readouterr().out) if name == "CompletionTime"]
    assert line["CompletionTime"] == [pytest.approx((job.timestamp - job.uploaded_at) / timedelta(milliseconds=1))]
