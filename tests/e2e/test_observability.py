"""Logs and alarms on a real engine: a job can be followed, and an alarm is heard."""

import json
from typing import Any

from support import sample_images
from support.running_stack import Site, until

from infra.sessions import local_session


def lines(site: Site, role: str) -> list[dict[str, Any]]:
    """Return what a function has logged as JSON, whatever the engine writes in front of it."""
    found = (text[text.find("{") :] for text in site.log_lines(role) if "{" in text)
    return [json.loads(text) for text in found if text.rstrip().endswith("}")]


def about(site: Site, role: str, **facts: Any) -> list[dict[str, Any]]:
    """Return the lines of a function that state these facts."""
    return [line for line in lines(site, role) if facts.items() <= line.items()]


def test_one_job_is_followed_from_request_to_attempt(site: Site) -> None:
    """From the request ID that a caller sees, the logs lead to the job, to its message and to each attempt."""
    answer = site.http.post("jobs", content=sample_images.jpeg(), headers={"Content-Type": "image/jpeg"})
    request_id, job_id = answer.headers["X-Request-Id"], answer.json()["id"]
    site.finished(job_id)
    until(lambda: about(site, "worker", job_id=job_id, message="Record processed"))
    (accepted,) = about(site, "api", request_id=request_id, message="Job accepted")
    assert (accepted["job_id"], accepted["level"]) == (job_id, "INFO")
    (done,) = about(site, "worker", job_id=job_id, message="Record processed")
    assert (done["attempt"], done["outcome"], done["level"]) == (1, "completed", "INFO")
    assert done["message_id"]
    assert done["function_request_id"]


def test_failures_are_errors_with_their_time(site: Site) -> None:
    """A failed image is a line of level ERROR with its moment and its code, and no word of the file's name."""
    job = site.finished(site.submit(sample_images.jpeg()[:200], filename="secret-name.jpg")["id"])
    until(lambda: about(site, "worker", job_id=job["id"], level="ERROR"))
    (line,) = about(site, "worker", job_id=job["id"], level="ERROR")
    assert line["code"] == job["error"]["code"]
    assert line["timestamp"]
    assert not [text for role in ("api", "worker") for text in site.log_lines(role) if "secret-name" in text]


def test_metrics_carry_the_name_of_the_stack(site: Site) -> None:
    """What the deployed functions emit has the dimension that alarms and dashboard ask for: the stack's prefix."""
    site.finished(site.submit(sample_images.jpeg())["id"])
    until(lambda: [line for line in lines(site, "worker") if "JobsCompleted" in line])
    prefix = site.stack.functions["worker"].removesuffix("-worker")
    emitted = [line for role in ("api", "worker") for line in lines(site, role) if "_aws" in line]
    assert {line["service"] for line in emitted} == {prefix}
    dimensions = [
        each["Dimensions"] for line in emitted if "JobsCompleted" in line for each in line["_aws"]["CloudWatchMetrics"]
    ]
    assert all(each == [["service"]] for each in dimensions)


def test_an_alarm_reaches_whoever_listens(site: Site) -> None:
    """An alarm that goes off is published on the topic, and names its section of the runbook."""
    session = local_session(site.stack.endpoint_url)
    sqs, sns, cloudwatch = site.sqs, session.client("sns"), session.client("cloudwatch")
    prefix = site.stack.functions["worker"].removesuffix("-worker")
    (topic,) = [
        each["TopicArn"] for each in sns.list_topics()["Topics"] if each["TopicArn"].endswith(f"{prefix}-alarms")
    ]
    ear = sqs.create_queue(QueueName=f"{prefix}-ear")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=ear, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    sqs.set_queue_attributes(QueueUrl=ear, Attributes={"Policy": json.dumps({"Statement": [allowed]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    cloudwatch.set_alarm_state(AlarmName=f"{prefix}-failed-images", StateValue="ALARM", StateReason="a test")
    heard: list[str] = []

    def is_heard() -> bool:
        heard.extend(each["Body"] for each in sqs.receive_message(QueueUrl=ear).get("Messages", []))
        return bool(heard)

    until(is_heard)
    sqs.delete_queue(QueueUrl=ear)
    told = json.loads(json.loads(heard[0])["Message"])
    assert told["NewStateValue"] == "ALARM"
    assert told["AlarmDescription"].endswith("docs/runbook.md#failed-images")
