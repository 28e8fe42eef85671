"""Logs, metrics and alarms on an engine."""

import json
from contextlib import suppress
from functools import partial
from typing import Any

from support import sample_images
from support.running_stack import Site, wait_until

from infra.sessions import local_session


def log_documents(site: Site, role: str) -> list[dict[str, Any]]:
    """Return the JSON log lines of a function, without the prefix of the engine."""
    found: list[dict[str, Any]] = []
    for text in site.read_log(role):
        with suppress(ValueError):  # a line of the engine or of Python
            found.append(json.loads(text[text.index("{") :]))
    return found


def find_lines(site: Site, role: str, **facts: Any) -> list[dict[str, Any]]:
    """Return the log lines of a function that have these values."""
    return [line for line in log_documents(site, role) if facts.items() <= line.items()]


def has_metric(site: Site, role: str, name: str) -> bool:
    """Return whether a function has written this metric."""
    return any(name in line for line in log_documents(site, role))


def test_logs_connect_request_job_and_attempt(site: Site) -> None:
    """The request ID of the response leads to the job, its message and each attempt."""
    answer = site.http.post("jobs", content=sample_images.make_jpeg(), headers={"Content-Type": "image/jpeg"})
    request_id, job_id = answer.headers["X-Request-Id"], answer.json()["id"]
    job = site.wait_until_done(job_id)
    wait_until(lambda: find_lines(site, "api", request_id=request_id, message="Job accepted"))
    wait_until(lambda: find_lines(site, "worker", job_id=job_id, outcome="completed"))
    (accepted,) = find_lines(site, "api", request_id=request_id, message="Job accepted")
    assert (accepted["job_id"], accepted["level"]) == (job_id, "INFO")
    (done,) = find_lines(site, "worker", job_id=job_id, outcome="completed")
    assert (done["attempt"], done["message"], done["level"]) == (job["attempts"], "Record processed", "INFO")
    assert done["message_id"]
    assert done["function_request_id"]


def test_failed_image_is_logged_as_error(site: Site) -> None:
    """With time and code, and without the file name."""
    job = site.wait_until_done(site.submit(sample_images.make_jpeg()[:200], filename="secret-name.jpg")["id"])
    wait_until(lambda: find_lines(site, "worker", job_id=job["id"], outcome="failed"))
    (line,) = find_lines(site, "worker", job_id=job["id"], outcome="failed")
    assert line["level"] == "ERROR"
    assert line["code"] == job["error"]["code"]
    assert line["timestamp"]
    assert not [text for role in ("api", "worker") for text in site.read_log(role) if "secret-name" in text]


def test_metrics_have_the_dimension_of_the_stack(site: Site) -> None:
    """The prefix of the stack, as alarms and dashboard expect."""
    site.wait_until_done(site.submit(sample_images.make_jpeg())["id"])
    for role, name in (("api", "RequestsReceived"), ("worker", "JobsCompleted")):
        wait_until(partial(has_metric, site, role, name))
    prefix = site.stack.functions["worker"].removesuffix("-worker")
    emitted = [line for role in ("api", "worker") for line in log_documents(site, role) if "_aws" in line]
    assert {line["service"] for line in emitted} == {prefix}
    dimensions = [
        each["Dimensions"] for line in emitted if "JobsCompleted" in line for each in line["_aws"]["CloudWatchMetrics"]
    ]
    assert all(each == [["service"]] for each in dimensions)


def test_alarm_is_published(site: Site) -> None:
    """On the topic, with a link to its section of the runbook."""
    session = local_session(site.stack.endpoint_url)
    sqs, sns, cloudwatch = site.sqs, session.client("sns"), session.client("cloudwatch")
    prefix = site.stack.functions["worker"].removesuffix("-worker")
    (topic,) = [
        each["TopicArn"] for each in sns.list_topics()["Topics"] if each["TopicArn"].endswith(f"{prefix}-alarms")
    ]
    queue = sqs.create_queue(QueueName=f"{prefix}-alarm-test")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Statement": [allowed]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    name = f"{prefix}-failed-images"
    for state in ("OK", "ALARM"):  # only a change is published
        cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")
    found: list[dict[str, Any]] = []

    def is_published() -> bool:
        """Return True once the alarm has arrived. Other alarms may change their state meanwhile."""
        for each in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            alarm = json.loads(json.loads(each["Body"])["Message"])
            found.extend([alarm] if (alarm["AlarmName"], alarm["NewStateValue"]) == (name, "ALARM") else [])
        return bool(found)

    wait_until(is_published)
    sqs.delete_queue(QueueUrl=queue)
    assert found[0]["AlarmDescription"].endswith("docs/runbook.md#failed-images")
